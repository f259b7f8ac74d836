"""The book's interactive figures, as objects that a notebook shows.

Each function returns a figure whose HTML is a custom element around a table. On the book's site
a script turns the element into sliders and bars; elsewhere (JupyterLab, JupyterLite, a browser
without scripts) the table is what a reader sees. Its numbers are computed here, by `softmax_lib`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import naive
from .activations import log_softmax, sigmoid, softmax

__all__ = [
    "Figure",
    "bowl_explorer",
    "dtype_explorer",
    "log_softmax_explorer",
    "sigmoid_explorer",
    "simplex_explorer",
    "softmax_explorer",
]

FloatArray = NDArray[np.floating[Any]]
DTYPES = ("float16", "bfloat16", "float32", "float64")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# A slider from -10 to 10 in tenths: any other logit could not be set on it.
MAX_LOGIT, MAX_CLASSES = 10, 8


@dataclass(frozen=True)
class Figure:
    """A custom element: its tag, its attributes, and the table that stands in for it."""

    tag: str
    attributes: dict[str, str]
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def _repr_html_(self) -> str:
        # No blank line anywhere: Markdown would take what follows one for text.
        attributes = "".join(f' {key}="{escape(value)}"' for key, value in self.attributes.items())
        head = "".join(f'<th scope="col">{escape(text)}</th>' for text in self.header)
        body = "\n".join(
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(f"<td>{escape(text)}</td>" for text in cells)
            + "</tr>"
            for name, *cells in self.rows
        )
        return (
            f"<{self.tag}{attributes}>\n<table>\n<caption>{escape(self.caption)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</{self.tag}>"
        )

    def __repr__(self) -> str:
        table = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        padded = ([text.rjust(w) for text, w in zip(row, widths, strict=True)] for row in table)
        return "\n".join([self.caption, *("  ".join(row) for row in padded)])


# The scripts of the site write numbers by the same rules: book/_static/elements/shared.js.


def _special(x: float) -> str | None:
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "−inf"
    return None


def _typographic(text: str) -> str:
    if text.startswith("-") and not text.strip("-0."):
        return text[1:]
    return text.replace("-", "−")


def _fixed(x: float, digits: int) -> str:
    return _special(x) or _typographic(f"{x:.{digits}f}")


def _scientific(x: float, significant: int) -> str:
    mantissa, exponent = f"{x:.{significant - 1}e}".split("e")
    return f"{_typographic(mantissa)}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def _number(x: float, significant: int = 4) -> str:
    if special := _special(x):
        return special
    if x == 0:
        return "0"
    if not 1e-4 <= abs(x) < 1e6:
        return _scientific(x, significant)
    return _fixed(x, max(0, significant - 1 - math.floor(math.log10(abs(x)))))


def _probability(p: float) -> str:
    if special := _special(p):
        return special
    if p == 0:
        return "0"
    return _scientific(p, 3) if p < 5e-5 else _fixed(p, 4)


def _vector(values: ArrayLike, name: str, size: int | None = None) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.all(np.isfinite(array)):
        message = f"{name} must be a flat sequence of finite numbers, got {values!r}"
        raise ValueError(message)
    if size is not None and array.size != size:
        message = f"{name} must hold {size} numbers, got {array.size}"
        raise ValueError(message)
    return array


def _slider_logits(values: ArrayLike, size: int | None = None) -> FloatArray:
    logits = _vector(values, "logits", size)
    if not 2 <= logits.size <= MAX_CLASSES:
        message = f"logits must hold 2 to {MAX_CLASSES} numbers, got {logits.size}"
        raise ValueError(message)
    tenths = np.round(logits, 1)
    if np.any(np.abs(logits) > MAX_LOGIT) or np.any(np.abs(tenths - logits) > 1e-9):
        message = f"logits must be tenths from -{MAX_LOGIT} to {MAX_LOGIT}, got {values!r}"
        raise ValueError(message)
    return tenths


def _within(value: float, name: str, low: float, high: float) -> float:
    if not low <= value <= high:
        message = f"{name} must be from {low} to {high}, got {value!r}"
        raise ValueError(message)
    return float(value)


def _one_of(value: str, name: str, known: Sequence[str]) -> str:
    if value not in known:
        message = f"{name} must be one of {', '.join(known)}, got {value!r}"
        raise ValueError(message)
    return value


def _text(values: FloatArray) -> str:
    return ",".join(f"{x:.10g}" for x in values)


def softmax_explorer(logits: ArrayLike, temperature: float = 1.0) -> Figure:
    """Show logits and a temperature on sliders, with the probabilities as bars.

    Parameters
    ----------
    logits : array_like, shape (n_classes,)
        Two to eight logits, in tenths from -10 to 10.
    temperature : float, default 1.0
        From 0.1 to 10.

    Returns
    -------
    Figure
        What a notebook shows.

    Examples
    --------
    >>> softmax_explorer([2, 4, 2, 1])
    Softmax at temperature 1.0
    class  logit  probability
        1    2.0       0.1025
        2    4.0       0.7573
        3    2.0       0.1025
        4    1.0       0.0377
    """
    z = _slider_logits(logits)
    t = round(_within(temperature, "temperature", 0.1, 10), 1)
    rows = [
        (str(k), _fixed(logit, 1), _probability(p))
        for k, (logit, p) in enumerate(zip(z, softmax(z / t), strict=True), start=1)
    ]
    return Figure(
        "softmax-explorer",
        {"logits": _text(z), "temperature": f"{t:.10g}"},
        f"Softmax at temperature {t:.1f}",
        ("class", "logit", "probability"),
        rows,
    )


def _round_to_bfloat16(x: ArrayLike) -> NDArray[np.float32]:
    """Round to the nearest bfloat16, ties to even; the result is kept in float32."""
    single = np.asarray(x, dtype=np.float32)
    bits = single.view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    kept = (rounded & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isfinite(single), kept, single)


def _naive_and_shifted(logits: FloatArray, dtype: str) -> tuple[FloatArray, FloatArray]:
    """Return the textbook and the shifted softmax, each operation rounded to `dtype`."""
    with np.errstate(all="ignore"):
        if dtype != "bfloat16":
            z = logits.astype(dtype)
            return naive.softmax(z), naive.shifted_softmax(z)
        round_ = _round_to_bfloat16
        z = round_(logits)
        both = [round_(np.exp(z)), round_(np.exp(round_(z - z.max())))]
        naive_p, shifted_p = (round_(e / round_(e.sum())) for e in both)
        return naive_p, shifted_p


def dtype_explorer(
    logits: ArrayLike = (2.0, 1.0, 0.0), dtype: str = "float32", shift: float = 0
) -> Figure:
    """Show the textbook softmax against the shifted one, in a number format of choice.

    Parameters
    ----------
    logits : array_like, shape (n_classes,)
        Finite logits.
    dtype : {"float16", "bfloat16", "float32", "float64"}
        The format that every operation is rounded to.
    shift : float, default 0
        A whole number from -1000 to 1000, added to every logit.

    Returns
    -------
    Figure
        What a notebook shows.

    Examples
    --------
    >>> dtype_explorer([2, 1, 0], dtype="float16", shift=10)
    Softmax in float16 with 10 added to every logit
    class  logit  textbook  shifted
        1   12.0       nan   0.6655
        2   11.0         0   0.2448
        3   10.0         0   0.0901
    """
    z = np.round(_vector(logits, "logits"), 4)
    c = round(_within(shift, "shift", -1000, 1000))
    naive_p, shifted_p = _naive_and_shifted(z + c, _one_of(dtype, "dtype", DTYPES))
    rows = [
        (str(k), _fixed(logit + c, 1), _probability(float(p)), _probability(float(q)))
        for k, (logit, p, q) in enumerate(zip(z, naive_p, shifted_p, strict=True), start=1)
    ]
    return Figure(
        "dtype-explorer",
        {"logits": _text(z), "dtype": dtype, "shift": str(c)},
        f"Softmax in {dtype} with {c} added to every logit",
        ("class", "logit", "textbook", "shifted"),
        rows,
    )


def sigmoid_explorer(logits: ArrayLike = (1.0, 0.0)) -> Figure:
    """Show two logits under softmax beside the sigmoid of their difference.

    Parameters
    ----------
    logits : array_like, shape (2,)
        Two logits, in tenths from -10 to 10.

    Returns
    -------
    Figure
        What a notebook shows.

    Examples
    --------
    >>> sigmoid_explorer([2.0, 0.5])
    Two logits, and one sigmoid of their difference
                        quantity   value
                        logit z₁     2.0
                        logit z₂     0.5
    first probability of softmax  0.8176
              sigmoid of z₁ − z₂  0.8176
    """
    z = _slider_logits(logits, 2)
    rows = [
        ("logit z₁", _fixed(z[0], 1)),
        ("logit z₂", _fixed(z[1], 1)),
        ("first probability of softmax", _probability(softmax(z)[0])),
        ("sigmoid of z₁ − z₂", _probability(sigmoid(z[0] - z[1]))),
    ]
    return Figure(
        "sigmoid-explorer",
        {"logits": _text(z)},
        "Two logits, and one sigmoid of their difference",
        ("quantity", "value"),
        rows,
    )


def log_softmax_explorer(gap: float = 40, dtype: str = "float64") -> Figure:
    """Show log(softmax) against log_softmax for two logits, a gap apart.

    Parameters
    ----------
    gap : float, default 40
        A whole number from 0 to 800, or to 120 in float32.
    dtype : {"float32", "float64"}
        The format to compute in.

    Returns
    -------
    Figure
        What a notebook shows.

    Examples
    --------
    >>> log_softmax_explorer(40)
    Logits 0 and −40 in float64
     class  log(softmax)   log_softmax
     ahead             0  −4.248×10⁻¹⁸
    behind        −40.00        −40.00
    """
    _one_of(dtype, "dtype", ("float32", "float64"))
    g = round(_within(gap, "gap", 0, 120 if dtype == "float32" else 800))
    z = np.array([0, -g], dtype=dtype)
    with np.errstate(all="ignore"):
        composed = naive.log_softmax(z)
    fused = log_softmax(z)
    rows = [
        (name, _number(float(a)), _number(float(b)))
        for name, a, b in zip(("ahead", "behind"), composed, fused, strict=True)
    ]
    return Figure(
        "log-softmax-explorer",
        {"gap": str(g), "dtype": dtype},
        f"Logits 0 and −{g} in {dtype}",
        ("class", "log(softmax)", "log_softmax"),
        rows,
    )


def simplex_explorer(probs: ArrayLike = (0.2, 0.3, 0.5)) -> Figure:
    """Show a point of the triangle of three probabilities with the logits that lead to it.

    Parameters
    ----------
    probs : array_like, shape (3,)
        Three probabilities in thousandths, none of them 0, with sum 1.

    Returns
    -------
    Figure
        What a notebook shows.

    Examples
    --------
    >>> simplex_explorer([0.2, 0.3, 0.5])
    Three probabilities, and logits that lead to them
    class  probability    logit  softmax of the logits
        1        0.200   −1.609                 0.2000
        2        0.300   −1.204                 0.3000
        3        0.500  −0.6931                 0.5000
    """
    p = _vector(probs, "probs", 3)
    parts = np.round(1000 * p)
    if np.any(np.abs(parts - 1000 * p) > 1e-6) or np.any(parts < 1) or parts.sum() != 1000:
        message = f"probs must be positive thousandths with sum 1, got {probs!r}"
        raise ValueError(message)
    p = parts / 1000
    z = np.log(p)
    rows = [
        (str(k), _fixed(a, 3), _number(b), _probability(c))
        for k, (a, b, c) in enumerate(zip(p, z, softmax(z), strict=True), start=1)
    ]
    return Figure(
        "simplex-explorer",
        {"probs": _text(p)},
        "Three probabilities, and logits that lead to them",
        ("class", "probability", "logit", "softmax of the logits"),
        rows,
    )


def _trays(name: str, values: ArrayLike, shape: tuple[int, int] | None = None) -> FloatArray:
    array = np.round(np.asarray(values, dtype=np.float64), 1)
    if array.ndim != 2 or (shape is not None and array.shape != shape):
        message = f"{name} must have shape {shape or '(n_trays, n_labels)'}, got {array.shape}"
        raise ValueError(message)
    return array


def bowl_explorer(
    sigmoid_logits: ArrayLike,
    softmax_logits: ArrayLike,
    targets: ArrayLike,
    *,
    pixels: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    threshold: float = 0.5,
) -> Figure:
    """Show what one sigmoid per label and one softmax say about trays of digits.

    Parameters
    ----------
    sigmoid_logits, softmax_logits : array_like, shape (n_trays, n_labels)
        The logits of the two models; the figure keeps one decimal, which a fit on another
        machine has in common.
    targets : array_like, shape (n_trays, n_labels)
        1 where the tray holds the label, else 0.
    pixels : array_like, shape (n_trays, height, width), optional
        Each tray as a picture, 0 for white.
    labels : sequence of str, optional
        The labels' names; ``"0"``, ``"1"``, … if not given.
    threshold : float, default 0.5
        The probability, in hundredths, above which a label is named.

    Returns
    -------
    Figure
        What a notebook shows.

    Examples
    --------
    >>> bowl_explorer([[-4, 3, 2]], [[-2, 4, 3.9]], [[0, 1, 1]], labels=["0", "3", "8"])
    What each model names at threshold 0.50
    tray  holds  sigmoids  softmax
       1   3, 8      3, 8        3
    """
    own = _trays("sigmoid_logits", sigmoid_logits)
    shape = (own.shape[0], own.shape[1])
    joint = _trays("softmax_logits", softmax_logits, shape)
    holds = _trays("targets", targets, shape) == 1
    names = [str(k) for k in range(shape[1])] if labels is None else list(labels)
    if len(names) != shape[1] or any("," in name for name in names):
        message = f"labels must be {shape[1]} names without commas, got {labels!r}"
        raise ValueError(message)
    t = round(_within(threshold, "threshold", 0.01, 0.99), 2)

    def listed(mask: NDArray[np.bool_]) -> str:
        chosen = [name for name, named in zip(names, mask, strict=True) if named]
        return ", ".join(chosen) or "nothing"

    rows = [
        (str(k), listed(truth), listed(sigmoid(a) > t), listed(softmax(b) > t))
        for k, (truth, a, b) in enumerate(zip(holds, own, joint, strict=True), start=1)
    ]
    bowls = [
        {"present": np.flatnonzero(truth).tolist(), "sigmoid": a.tolist(), "softmax": b.tolist()}
        for truth, a, b in zip(holds, own, joint, strict=True)
    ]
    if pixels is not None:
        for bowl, picture in zip(bowls, np.asarray(pixels), strict=True):
            bowl["pixels"] = np.rint(picture).astype(int).tolist()
    return Figure(
        "bowl-explorer",
        {
            "labels": ",".join(names),
            "threshold": f"{t:.10g}",
            "bowls": json.dumps(bowls, separators=(",", ":")),
        },
        f"What each model names at threshold {t:.2f}",
        ("tray", "holds", "sigmoids", "softmax"),
        rows,
    )
