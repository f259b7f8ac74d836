"""The figures' tables hold what the library computes; what no slider could show is refused."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from softmax_lib import interactive, naive, softmax
from softmax_lib.interactive import (
    _fixed,
    _naive_and_shifted,
    _number,
    _probability,
    _round_to_bfloat16,
    _scientific,
    bowl_explorer,
    dtype_explorer,
    log_softmax_explorer,
    sigmoid_explorer,
    simplex_explorer,
    softmax_explorer,
)

FIGURES = [
    softmax_explorer([2, 4, 2, 1], temperature=0.5),
    dtype_explorer([2, 1, 0], dtype="float16", shift=10),
    sigmoid_explorer([2, 0.5]),
    log_softmax_explorer(gap=800),
    simplex_explorer([0.2, 0.3, 0.5]),
    bowl_explorer([[-4, 3, 2]], [[-2, 4, 3.9]], [[0, 1, 1]], pixels=[[[0, 16], [3, 4]]]),
]


class WellFormed(HTMLParser):
    """Fail on a tag that is closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if "-" in tag:
            self.attributes = dict(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.tag)
def test_html_is_well_formed_and_has_no_blank_line(figure):
    html = figure._repr_html_()
    parser = WellFormed()
    parser.feed(html)
    assert parser.open == []
    assert parser.attributes == figure.attributes
    assert "" not in (line.strip() for line in html.split("\n"))


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.tag)
def test_every_row_is_as_wide_as_the_header(figure):
    assert {len(row) for row in figure.rows} == {len(figure.header)}
    assert len(repr(figure).splitlines()) == len(figure.rows) + 2


def test_softmax_table():
    rows = softmax_explorer([2, 4, 2, 1], temperature=0.5).rows
    assert [row[2] for row in rows] == [_probability(p) for p in softmax([4, 8, 4, 2])]


def test_a_label_is_named_above_the_threshold_and_not_at_it():
    """Two equal labels of a softmax have 1/2 each, and the chapter's threshold names neither."""
    rows = bowl_explorer([[0, 0.1, -9]], [[50, 50, -50]], [[1, 1, 0]]).rows
    assert rows == [("1", "0, 1", "1", "nothing")]


def test_text_that_looks_like_markup_is_escaped():
    figure = bowl_explorer([[1, -1]], [[1, -1]], [[1, 0]], labels=["<b>", '"q"'])
    assert "<b>" not in figure._repr_html_()
    assert "&lt;b&gt;" in figure._repr_html_()


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (7.389056, "7.389"),
        (-0.6931, "−0.6931"),
        (54.59815, "54.60"),
        (123456.0, "123456"),
        (1234567.0, "1.235×10⁶"),
        (-4.2483e-18, "−4.248×10⁻¹⁸"),
        (float("inf"), "inf"),
        (-float("inf"), "−inf"),
        (float("nan"), "nan"),
    ],
)
def test_number(x, text):
    assert _number(x) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "0"), (1.0, "1.0000"), (5e-5, "0.0001"), (4.2e-5, "4.20×10⁻⁵")]
)
def test_probability(p, text):
    assert _probability(p) == text


def test_a_rounded_zero_has_no_sign():
    assert _fixed(-1e-9, 2) == "0.00"
    assert _scientific(-1e-9, 1) == "−1×10⁻⁹"


@pytest.mark.parametrize(
    ("x", "rounded"),
    [
        (1 + 2**-8, 1.0),  # a tie, to even
        (1 + 3 * 2**-8, 1 + 2**-6),  # a tie, to even
        (1 + 2**-8 + 2**-20, 1 + 2**-7),
        (3.39e38, 3.3895313892515355e38),
        (3.4e38, np.inf),
        (2.0**-133, 2.0**-133),  # the smallest subnormal
        (2.0**-135, 0.0),
        (-np.inf, -np.inf),
    ],
)
def test_round_to_bfloat16(x, rounded):
    assert _round_to_bfloat16(x) == np.float32(rounded)


def test_round_to_bfloat16_keeps_nan():
    assert np.isnan(_round_to_bfloat16(np.float32("nan")))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_naive_and_shifted_are_the_chapters_own(dtype):
    z = np.array([2.0, 1.0, 12.0])
    first, second = _naive_and_shifted(z, dtype)
    with np.errstate(all="ignore"):
        assert_array_equal(first, naive.softmax(z.astype(dtype)))
    assert_array_equal(second, naive.shifted_softmax(z.astype(dtype)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: softmax_explorer([1]), "2 to 8 numbers, got 1"),
        (lambda: softmax_explorer(range(9)), "2 to 8 numbers, got 9"),
        (lambda: softmax_explorer([0, 0.25]), "tenths from -10 to 10"),
        (lambda: softmax_explorer([0, 11]), "tenths from -10 to 10"),
        (lambda: softmax_explorer([0, float("nan")]), "finite numbers"),
        (lambda: softmax_explorer([0, 1], temperature=0), "temperature must be from 0.1 to 10"),
        (lambda: sigmoid_explorer([1, 2, 3]), "must hold 2 numbers, got 3"),
        (lambda: dtype_explorer([1, 2], dtype="float8"), "dtype must be one of float16"),
        (lambda: dtype_explorer([1, 2], shift=2000), "shift must be from -1000 to 1000"),
        (lambda: log_softmax_explorer(200, dtype="float32"), "gap must be from 0 to 120"),
        (lambda: log_softmax_explorer(dtype="float16"), "dtype must be one of float32, float64"),
        (lambda: simplex_explorer([0.5, 0.5, 0.0]), "positive thousandths with sum 1"),
        (lambda: simplex_explorer([0.5, 0.4, 0.2]), "positive thousandths with sum 1"),
        (lambda: bowl_explorer([1, 2], [1, 2], [1, 0]), r"shape \(n_trays, n_labels\)"),
        (lambda: bowl_explorer([[1, 2]], [[1, 2, 3]], [[1, 0]]), r"shape \(1, 2\), got \(1, 3\)"),
        (lambda: bowl_explorer([[1]], [[1]], [[1]], labels=["a", "b"]), "labels must be 1 names"),
    ],
)
def test_what_the_figure_could_not_show_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_importing_the_package_does_not_import_the_figures():
    code = "import sys, softmax_lib; sys.exit('softmax_lib.interactive' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_names_are_public():
    assert all(hasattr(interactive, name) for name in interactive.__all__)
