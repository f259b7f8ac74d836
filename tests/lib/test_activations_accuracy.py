"""The accuracy that is promised, over the whole grid.

Elementwise, in units of eps of the dtype (of the last subnormal, where the result is one):

- softmax: 4, and |z_j - max| more in principle; 8 if many equal logits carry a sum along rows;
- logsumexp: 4 + log2(n), of the larger of its magnitude and sum(p |z|), its condition;
- log_softmax: 4, and the gap to the second logit more in principle;
- sigmoid, log_sigmoid, softplus: 4.

Measured against mpmath, and for many logits at once against extended precision, which is itself
measured against mpmath here.
"""

import mpmath
import numpy as np
import pytest
from reference import EXTENDED, exact, to_mp, ulps, wide

from softmax_lib import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax, softplus

needs_extended = pytest.mark.skipif(
    not EXTENDED, reason="this machine's longdouble is no wider than float64: no wide reference"
)
NARROW = [np.float16, np.float32, np.float64]
SPREADS = [0, 1, 10, 100, 700]
SIZES = [(2, 200), (3, 200), (10, 150), (64, 70), (100, 20), (1000, 3)]


def normal(rng, shape, spread):
    return rng.standard_normal(shape) * spread / 3


def uniform(rng, shape, spread):
    return -spread * rng.random(shape)


def ties(rng, shape, spread):
    return np.round(normal(rng, shape, spread))


def confident(rng, shape, spread):
    x = normal(rng, shape, spread)
    x[:, 0] = x.max(axis=1) + spread * rng.random(len(x))
    return x


def one_against_equals(rng, shape, spread):
    x = np.zeros(shape)
    x[:, 0] = rng.standard_normal(len(x))
    x[:, 1:] = x[:, :1] - spread * rng.random((len(x), 1))
    return x


def negative(rng, shape, spread):
    return normal(rng, shape, spread) - spread


def near_zero(rng, shape, spread):
    x = normal(rng, shape, spread)
    return x - logsumexp(x, keepdims=True)


def masked(rng, shape, spread):
    x = normal(rng, shape, spread)
    x[:, 1 : (shape[1] + 1) // 2] = -np.inf
    return x


KINDS = [normal, uniform, ties, confident, one_against_equals, negative, near_zero, masked]


@needs_extended
@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("kind", KINDS)
def test_accuracy_over_the_grid(dtype, kind, rng):
    many = [(100_000, 1), (10**6, 1)] if kind in (normal, one_against_equals) else []
    for n, rows in SIZES + many:
        for spread in SPREADS if n <= 1000 else [1, 10]:
            x = kind(rng, (rows, n), spread).astype(dtype)
            want = wide(x)
            where = f"n={n}, spread={spread}"
            for axis, y in ((-1, x), (0, np.ascontiguousarray(x.T))):
                p = np.moveaxis(softmax(y, axis=axis), axis, -1)
                log_p = np.moveaxis(log_softmax(y, axis=axis), axis, -1)
                lse = np.moveaxis(logsumexp(y, axis=axis, keepdims=True), axis, -1)
                # Along rows NumPy adds up to 16 numbers in sequence, and rounds equal ones alike.
                bound = 4 + want["below_max"] + 4 * (kind is one_against_equals and n > 64)
                assert np.all(ulps(p, want["softmax"], dtype) <= bound), where
                bound = 4 + want["gap"]
                assert np.all(ulps(log_p, want["log_softmax"], dtype) <= bound), where
                bound = 4 + np.log2(n)
                error = ulps(lse, want["logsumexp"], dtype, want["scale"])
                assert np.all(error <= bound), where


# What is measured is better than what is promised: where nothing is shifted by the maximum, the
# distance from it does not count. This keeps it so.
@needs_extended
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, -50, 1e4])
@pytest.mark.parametrize("sigma", [1, 20, 200])
def test_errors_do_not_grow_with_the_distance_from_the_maximum(dtype, offset, sigma, rng):
    x = (offset + sigma * rng.standard_normal((2000, 10))).astype(dtype)
    # extended precision has no range for exp(10,000): shifting by a whole number is exact there
    want = wide(x.astype(np.longdouble) - offset)
    assert np.max(ulps(softmax(x), want["softmax"], dtype)) < 4
    assert np.max(ulps(log_softmax(x), want["log_softmax"], dtype)) < 4


@pytest.mark.parametrize("dtype", [*NARROW, np.longdouble])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spread", [1, 100, 700])
def test_accuracy_against_mpmath(dtype, kind, spread, rng):
    for n, rows in ((2, 3), (10, 3), (100, 1)):
        for x in kind(rng, (rows, n), spread).astype(dtype):
            want = exact(x)
            got = {
                "softmax": softmax(x),
                "log_softmax": log_softmax(x),
                "logsumexp": [logsumexp(x)],
            }
            far = [float(x.max()) - float(v) for v in x]
            gap = sorted(far)[1]
            bounds = {
                "softmax": [4 + d for d in far],
                "log_softmax": [4 + gap] * n,
                "logsumexp": [4 + np.log2(n)],
            }
            for name, bound in bounds.items():
                scale = want["scale"] if name == "logsumexp" else None
                error = mp_ulps(got[name], want[name], dtype, scale)
                assert all(e <= b for e, b in zip(error, bound, strict=True)), (name, n, error)


def test_accuracy_of_longdouble_with_many_classes(rng):
    for n in (1000, 20_000):
        x = (30 * rng.standard_normal(n)).astype(np.longdouble)
        want = exact(x)
        assert max(mp_ulps(softmax(x), want["softmax"], np.longdouble)) < 5
        assert max(mp_ulps(log_softmax(x), want["log_softmax"], np.longdouble)) < 4
        error = mp_ulps([logsumexp(x)], want["logsumexp"], np.longdouble, want["scale"])
        assert error[0] < 4


@needs_extended
@pytest.mark.parametrize("kind", KINDS)
def test_the_wide_reference_agrees_with_mpmath(kind, rng):
    # 2**-11 of a float64 ulp is what extended precision has to spare; a sixteenth will do
    for n, spread in ((2, 700), (10, 100), (100, 700), (1000, 10)):
        x = kind(rng, (1, n), spread)
        got, want = wide(x), exact(x[0])
        for name in ("softmax", "log_softmax", "logsumexp"):
            scale = want["scale"] if name == "logsumexp" else None
            error = mp_ulps(got[name][0], want[name], np.float64, scale)
            assert max(error) < 1 / 16, (name, n)


@pytest.mark.parametrize("dtype", [*NARROW, np.longdouble])
def test_accuracy_of_the_elementwise_functions(dtype, rng):
    info = np.finfo(dtype)
    lowest = float(mpmath.log(to_mp(info.smallest_subnormal))) - 1
    x = np.concatenate(
        [
            np.linspace(lowest, -lowest, 101),
            rng.standard_normal(100) * 10,
            rng.standard_normal(50) / 100,
            [0, 1e-7, -1e-7],
        ]
    ).astype(dtype)
    with mpmath.workdps(60):
        z = [to_mp(v) for v in x]
        want = {
            sigmoid: [1 / (1 + mpmath.exp(-v)) for v in z],
            log_sigmoid: [-mpmath.log1p(mpmath.exp(-v)) for v in z],
            softplus: [mpmath.log1p(mpmath.exp(v)) for v in z],
        }
        for function, values in want.items():
            assert max(mp_ulps(function(x), values, dtype)) <= 4, function.__name__


def mp_ulps(got, want, dtype, scale=None):
    """Return errors in ulps as floats, computed with mpmath throughout."""
    info = np.finfo(dtype)
    sizes = want if scale is None else scale
    with mpmath.workdps(60):
        eps, subnormal = to_mp(info.eps), to_mp(info.smallest_subnormal)
        units = [max(eps * abs(size), subnormal) for size in sizes]
        return [
            0.0 if to_mp(g) == w else float(abs(to_mp(g) - w) / unit)
            for g, w, unit in zip(got, want, units, strict=True)
        ]
