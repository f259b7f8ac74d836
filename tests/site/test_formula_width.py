"""The build's guess at a formula's width, against what MathJax 3.2.2 made of it in Chromium."""

from __future__ import annotations

import pytest
from formula_width import formula_width


@pytest.mark.parametrize(
    ("tex", "ems"),  # the box that MathJax drew, over its font size
    [
        ("K", 0.89),
        (r"-\infty", 1.78),
        ("[2, 4, 2, 1]", 3.89),
        ("p_i / p_j", 2.21),
        (r"e^{z_1}", 1.29),
        (r"p_i = e^{z_i} / \sum_j e^{z_j}", 6.84),
        (r"\ln(1 + e^x)", 4.29),
        (r"|\delta_i| \le u", 3.23),
        (r"\operatorname{LSE}(z) = \ln \sum_j e^{z_j}", 8.26),
        (r"p_i > p_j \iff e^{z_i} > e^{z_j} \iff z_i > z_j", 15.68),
    ],
)
def test_width_is_close_to_mathjaxs(tex, ems):
    assert formula_width(tex) == pytest.approx(ems, rel=0.1)


@pytest.mark.parametrize("tex", ["}", r"\frac", "x_", r"\unknown", r"\begin{pmatrix} 1 & 2"])
def test_what_it_cannot_read_stops_no_build(tex):
    assert formula_width(tex) is None
