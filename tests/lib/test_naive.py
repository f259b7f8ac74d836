"""The textbook formulas must fail exactly as textbooks do."""

import numpy as np
import pytest
from reference import EXTENDED, ulps, wide

import softmax_lib
from softmax_lib import naive

needs_extended = pytest.mark.skipif(
    not EXTENDED, reason="this machine's longdouble is no wider than float64: no wide reference"
)
LOGITS = np.array([[2.0, 4.0, 2.0, 1.0], [0.5, -0.25, 3.0, 0.0]])


@pytest.mark.parametrize("axis", [-1, 0, None])
@pytest.mark.parametrize(
    ("textbook", "careful"),
    [
        ("softmax", "softmax"),
        ("shifted_softmax", "softmax"),
        ("division_free_softmax", "softmax"),
        ("log_softmax", "log_softmax"),
        ("shifted_log_softmax", "log_softmax"),
        ("logsumexp", "logsumexp"),
    ],
)
def test_moderate_logits_agree_with_the_library(textbook, careful, axis):
    got = getattr(naive, textbook)(LOGITS, axis=axis)
    want = getattr(softmax_lib, careful)(LOGITS, axis=axis)
    np.testing.assert_allclose(got, want, rtol=1e-14)


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_moderate_logits_agree_with_the_library_elementwise(name):
    got, want = getattr(naive, name)(LOGITS), getattr(softmax_lib, name)(LOGITS)
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_overflow_gives_nan_and_warns():
    with pytest.warns(RuntimeWarning) as caught:
        p = naive.softmax([1000.0, 1000.0])
    assert np.all(np.isnan(p))
    assert {"overflow" in str(w.message) for w in caught} == {True, False}


def test_an_overflow_of_the_sum_alone_gives_silent_zeros():
    with pytest.warns(RuntimeWarning, match="overflow encountered in reduce"):
        p = naive.softmax([709.5, 709.5])
    np.testing.assert_array_equal(p, [0, 0])


def test_underflow_of_everything_gives_nan():
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.all(np.isnan(naive.softmax([-1000.0, -1001.0])))


def test_shifting_int8_wraps_round_to_the_wrong_winner():
    p = naive.shifted_softmax(np.array([-128, 127], np.int8))
    assert p.dtype == np.float16
    assert p[0] > 0.7
    np.testing.assert_array_equal(softmax_lib.softmax(np.array([-128, 127], np.int8))[1], 1)


def test_log_of_softmax_dies_at_a_gap_of_746():
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        assert naive.log_softmax([0.0, -746.0])[1] == -np.inf
    assert softmax_lib.log_softmax([0.0, -746.0])[1] == -746


def test_shifted_log_softmax_is_zero_for_a_confident_answer():
    assert naive.shifted_log_softmax([0.0, -40.0])[0] == 0
    assert softmax_lib.log_softmax([0.0, -40.0])[0] < 0


def test_logsumexp_overflows():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert naive.logsumexp([710.0, 0.0]) == np.inf


def test_sigmoid_overflows_on_the_left_and_softplus_on_the_right():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert naive.sigmoid(-710.0) == 0
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert naive.softplus(710.0) == np.inf
    assert naive.softplus(-40.0) == 0
    assert softmax_lib.softplus(-40.0) > 0


def test_70_000_equal_float16_logits_overflow_the_sum():
    with pytest.warns(RuntimeWarning, match="overflow"):
        p = naive.shifted_softmax(np.zeros(70_000, np.float16))
    assert np.all(p == 0)


@needs_extended
def test_shifting_loses_digits_and_leaving_out_the_division_loses_more(rng):
    z = 20 * rng.standard_normal((400, 10))
    want = wide(z)["softmax"]
    worst = [
        np.max(ulps(softmax(z), want, np.float64))
        for softmax in (
            softmax_lib.softmax,
            naive.shifted_softmax,
            naive.division_free_softmax,
        )
    ]
    assert worst[0] < 4
    assert worst[1] > 5 * worst[0]
    assert worst[2] > worst[1]
