"""Independent references: mpmath for every digit, extended precision for many logits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

# x86 has 64-bit significands in longdouble; elsewhere it may be float64 again.
EXTENDED = np.finfo(np.longdouble).eps < 1e-18


def to_mp(x: Any) -> mpmath.mpf:
    """Return the float `x` as an mpmath number, exactly, whatever the working precision."""
    mantissa, exponent = np.frexp(np.longdouble(x))
    if not np.isfinite(mantissa):
        return mpmath.mpf(float(x))
    return mpmath.ldexp(
        mpmath.mpf(int(mantissa * np.longdouble(2) ** 64), prec=80), int(exponent) - 64
    )


def exact(logits: Any, digits: int = 60) -> dict[str, list[mpmath.mpf]]:
    """Return softmax, log_softmax, logsumexp of a 1-D array of finite or -inf logits, to `digits`.

    ``scale`` is the condition of logsumexp, the larger of its magnitude and sum(p |x|).
    """
    # log_softmax of a confident answer is as small as exp(-gap): carry digits enough for that
    with mpmath.workdps(digits + 800 if len(logits) <= 100 else digits + 40):
        x = [to_mp(v) for v in logits]
        top = max(range(len(x)), key=lambda i: x[i])
        e = [mpmath.exp(v - x[top]) for v in x]
        rest = mpmath.fsum(v for i, v in enumerate(e) if i != top)
        log_excess = mpmath.log1p(rest)
        y = x[top] + log_excess
        p = [v / (1 + rest) for v in e]
        weighted = mpmath.fsum(q * abs(v) for q, v in zip(p, x, strict=True) if q)
        return {
            "softmax": p,
            "log_softmax": [(v - x[top]) - log_excess for v in x],
            "logsumexp": [y],
            "scale": [max(abs(y), weighted)],
        }


def wide(logits: Any) -> dict[str, Any]:
    """Return the same along the last axis of a float64 or narrower array, in extended precision.

    Exponentials are taken without a shift, which longdouble has the range for.
    """
    x = np.asarray(logits).astype(np.longdouble)
    assert np.all(x[np.isfinite(x)] < 11000)
    top = np.argmax(x, axis=-1)[..., None]
    x_max = np.take_along_axis(x, top, axis=-1)
    e = np.exp(x)
    e_max = np.take_along_axis(e, top, axis=-1)
    others = e.copy()
    np.put_along_axis(others, top, 0, axis=-1)
    rest = np.sum(others, axis=-1, keepdims=True)
    log_excess = np.log1p(rest / e_max)
    p = e / (e_max + rest)
    y = x_max + log_excess
    with np.errstate(invalid="ignore"):
        weighted = np.sum(np.where(p > 0, p * np.abs(x), 0), axis=-1, keepdims=True)
    return {
        "softmax": p,
        "log_softmax": (x - x_max) - log_excess,
        "logsumexp": y,
        "scale": np.maximum(np.abs(y), weighted),
        "not_top": rest / (e_max + rest),  # 1 - p of the most probable class, without cancellation
        "top": top,
        "gap": x_max
        - np.max(np.where(np.arange(x.shape[-1]) == top, -np.inf, x), axis=-1, keepdims=True)
        if x.shape[-1] > 1
        else np.zeros_like(x_max),
        "below_max": x_max - x,
    }


def ulps(got: Any, want: Any, dtype: Any, scale: Any = None) -> Any:
    """Return ``|got - want|`` in eps times `scale`, or `want`, or in last subnormals."""
    info = np.finfo(dtype)
    size = np.abs(np.asarray(want if scale is None else scale, dtype=np.longdouble))
    unit = np.maximum(size * np.longdouble(info.eps), np.longdouble(info.smallest_subnormal))
    with np.errstate(invalid="ignore"):
        error = np.abs(
            np.asarray(got).astype(np.longdouble) - np.asarray(want).astype(np.longdouble)
        )
    return np.where(np.asarray(got).astype(np.longdouble) == want, 0, error / unit)
