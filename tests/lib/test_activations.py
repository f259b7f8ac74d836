"""Values, special values, dtypes, axes and properties of the activations."""

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from softmax_lib import (
    hardmax,
    log_sigmoid,
    log_softmax,
    logsumexp,
    normalize_linear,
    sigmoid,
    softmax,
    softplus,
)

INF, NAN = np.inf, np.nan
MAPS = [softmax, log_softmax, hardmax, normalize_linear]
ELEMENTWISE = [sigmoid, log_sigmoid, softplus]
DTYPES = [np.float16, np.float32, np.float64, np.longdouble]

# mpmath 1.3, mp.dps = 400, straight from the definitions, printed with nstr(x, 20).
LITERALS = [
    (
        [2, 4, 2, 1],
        [0.10249119673793974993, 0.75731320234317487273, 0.10249119673793974993,
         0.037704404180945627409],
        4.2779783695755581435,
        [-2.2779783695755581435, -0.27797836957555814352, -2.2779783695755581435,
         -3.2779783695755581435],
    ),
    (
        [0, -40],
        [0.99999999999999999575, 4.2483542552915889773e-18],
        4.2483542552915889863e-18,
        [-4.2483542552915889863e-18, -40.000000000000000004],
    ),
    (
        [1000, 1000.5],
        [0.37754066879814543536, 0.62245933120185456464],
        1000.9740769841801067,
        [-0.97407698418010668087, -0.47407698418010668087],
    ),
    (
        [-700.25, -710.75, -705.125],
        [0.99239563874356598818, 0.000027327052241172183032, 0.0075770342041928396384],
        -700.24236657817003413,
        [-0.0076334218299658699019, -10.50763342182996587, -4.8826334218299658699],
    ),
    (
        [0.5, -0.25, 3],
        [0.073233995983730951273, 0.034593290226284305635, 0.89217271378998474309],
        3.1140955398199965609,
        [-2.6140955398199965609, -3.3640955398199965609, -0.11409553981999656091],
    ),
    # exp(-800) is below the last subnormal of float64
    ([0, -800], [1.0, 0.0], 0.0, [0.0, -800.0]),
]  # fmt: skip
SIGMOIDS = [
    (-745, 2.8223507304719370764e-324, -745.0, 2.8223507304719370764e-324),
    (-40, 4.2483542552915889773e-18, -40.000000000000000004, 4.2483542552915889863e-18),
    (-1.5, 0.18242552380635634039, -1.7014132779827524095, 0.2014132779827524095),
    (0.75, 0.67917869917539297316, -0.38687100611489994367, 1.1368710061148999437),
    (40, 0.99999999999999999575, -4.2483542552915889863e-18, 40.000000000000000004),
]


@pytest.mark.parametrize(("logits", "p", "y", "log_p"), LITERALS)
def test_mpmath_literals(logits, p, y, log_p):
    np.testing.assert_allclose(softmax(logits), p, rtol=4e-16, atol=0)
    np.testing.assert_allclose(log_softmax(logits), log_p, rtol=4e-16, atol=0)
    np.testing.assert_allclose(logsumexp(logits), y, rtol=4e-16, atol=0)


@pytest.mark.parametrize(("z", "p", "log_p", "soft"), SIGMOIDS)
def test_mpmath_literals_elementwise(z, p, log_p, soft):
    np.testing.assert_allclose(sigmoid(z), p, rtol=4e-16, atol=5e-324)
    np.testing.assert_allclose(log_sigmoid(z), log_p, rtol=4e-16, atol=0)
    np.testing.assert_allclose(softplus(z), soft, rtol=4e-16, atol=5e-324)
    assert sigmoid(z) > 0
    assert softplus(z) > 0


def test_logsumexp_near_zero():
    # float64(log(0.5)) + log(2) by mpmath, mp.dps = 400: what is left is the rounding of log(0.5)
    y = logsumexp(np.log([0.5, 0.5]))
    assert abs(y - 2.3190468138462996155e-17) <= 4 * 2.0**-52 * 0.6931471805599453


def test_worked_example_of_the_two_normalisations():
    np.testing.assert_allclose(normalize_linear([2, 4, 2, 1]), np.array([2, 4, 2, 1]) / 9)
    np.testing.assert_array_equal(hardmax([2, 4, 2, 1]), [0, 1, 0, 0])


# Where SciPy 1.17 is wrong: each named after what goes wrong there.


def test_int8_does_not_wrap_round():
    p = softmax(np.array([-128, 127], np.int8))
    assert p.dtype == np.float64
    np.testing.assert_allclose(p, [np.exp(-255.0), 1])


def test_uint8_does_not_wrap_round():
    p = softmax(np.array([1, 200], np.uint8))
    np.testing.assert_allclose(p, [np.exp(-199.0), 1])


def test_int32_extremes_do_not_wrap_round():
    np.testing.assert_array_equal(softmax(np.array([-(2**31), 2**31 - 1], np.int32)), [0, 1])


@pytest.mark.parametrize("largest", [2.0**23, 2.0**25 - 2, 2.0**53, 2.0**63, 1e30, 1e300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_huge_logits_do_not_overshoot_their_shift(largest, dtype):
    if dtype is np.float32 and largest > 1e38:
        largest = 1e38
    x = np.array([-largest, largest, largest], dtype)
    for axis, y in ((-1, np.tile(x, (500, 1))), (0, np.tile(x, (500, 1)).T.copy()), (0, x)):
        p, log_p = (
            np.moveaxis(softmax(y, axis), axis, -1),
            np.moveaxis(log_softmax(y, axis), axis, -1),
        )
        np.testing.assert_array_equal(p[..., 1:], 0.5)
        np.testing.assert_array_equal(p[..., 0], 0)
        np.testing.assert_allclose(log_p[..., 1:], -np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(logsumexp(x), dtype(largest) + np.log(dtype(2)))


def test_int64_extremes():
    np.testing.assert_array_equal(softmax(np.array([-(2**63), 2**63 - 1])), [0, 1])
    np.testing.assert_array_equal(log_softmax(np.array([-(2**63), 2**63 - 1])), [-(2.0**64), 0])


def test_log_softmax_of_a_confident_answer_is_not_zero():
    assert log_softmax([0, -40])[0] == -4.248354255291589e-18
    assert log_softmax(np.array([17.0, 0.0], np.float32))[0] < 0


def test_log_softmax_of_plus_inf_is_nan_throughout():
    assert np.all(np.isnan(log_softmax([INF, 0, 1])))


def test_70_000_equal_float16_logits_do_not_overflow():
    p = softmax(np.zeros(70_000, np.float16))
    np.testing.assert_array_equal(p, np.float16(1 / 70_000))
    assert logsumexp(np.zeros(70_000, np.float16)) == np.float16(np.log(70_000))


# Special values; warnings are errors in this suite.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_slices", [1, 30, 300])  # in each layout of the fast room
@pytest.mark.parametrize("n", [3, 100])
def test_special_values(dtype, n_slices, n):
    slices = np.zeros((6, n), dtype)
    slices[0, :2] = -INF, 1
    slices[1] = -INF
    slices[2, 1] = INF
    slices[3, 1] = NAN
    slices[4, :2] = INF, NAN
    slices[5, :2] = INF, -INF
    x = np.tile(slices, (n_slices, 1))
    with np.errstate(all="raise"):
        p, log_p, y = softmax(x), log_softmax(x), logsumexp(x)
    p, log_p, y = (a.reshape(n_slices, 6, -1) for a in (p, log_p, y))
    assert np.all(p[:, 0, 0] == 0)
    assert np.all(log_p[:, 0, 0] == -INF)
    assert np.all(np.isfinite(log_p[:, 0, 1:]))
    assert np.all(np.isfinite(y[:, 0]))
    assert np.all(np.isnan(p[:, 1:]))
    assert np.all(np.isnan(log_p[:, 1:]))
    np.testing.assert_array_equal(y[0, 1:, 0], [-INF, INF, NAN, NAN, INF])


def test_special_values_leave_other_slices_alone():
    rows = np.array([[0.5, 1.5, -2.0], [0, NAN, 0], [INF, 0, 0], [-INF] * 3, [1e300, 0, -1e300]])
    np.testing.assert_allclose(softmax(rows)[0], softmax(rows[0]), rtol=1e-15)
    np.testing.assert_allclose(log_softmax(rows)[0], log_softmax(rows[0]), rtol=1e-15)
    np.testing.assert_array_equal(softmax(rows)[4], [1, 0, 0])


def test_differences_that_overflow():
    x = [-1.7e308, 1.7e308]
    np.testing.assert_array_equal(softmax(x), [0, 1])
    np.testing.assert_array_equal(log_softmax(x), [-INF, 0])
    assert logsumexp(x) == 1.7e308


def test_one_class():
    np.testing.assert_array_equal(
        softmax([[3.0], [-INF], [INF], [NAN]]), [[1], [NAN], [NAN], [NAN]]
    )
    np.testing.assert_array_equal(log_softmax([[3.0], [-INF]]), [[0], [NAN]])
    np.testing.assert_array_equal(logsumexp([[3.0], [-INF], [INF]]), [3, -INF, INF])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 4)])
@pytest.mark.parametrize("axis", [-1, 0, None])
def test_empty_axes(shape, axis):
    x = np.zeros(shape, np.float32)
    for function in MAPS:
        assert function(x, axis=axis).shape == shape
        assert function(x, axis=axis).dtype == np.float32
    y = logsumexp(x, axis=axis)
    assert np.shape(y) == np.shape(np.sum(x, axis=axis))
    assert np.all(y == -INF)


def test_hardmax_marks_the_first_maximum_and_keeps_nan():
    x = [[1, 3, 3], [-INF, -INF, -INF], [0, INF, INF], [0, NAN, 1]]
    want = [[0, 1, 0], [1, 0, 0], [0, 1, 0], [NAN] * 3]
    np.testing.assert_array_equal(hardmax(x), want)
    np.testing.assert_array_equal(hardmax([[1, 2], [2, 0]], axis=None), [[0, 1], [0, 0]])


def test_normalize_linear_fails_without_a_warning():
    np.testing.assert_array_equal(normalize_linear([-0.25, 1, -0.75]), [-INF, INF, -INF])
    np.testing.assert_array_equal(normalize_linear([0, 0, 0]), [NAN] * 3)
    assert np.abs(normalize_linear([0.1, 0.2, -0.3])).max() > 1e15


def test_elementwise_special_values():
    x = [-INF, INF, NAN]
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(sigmoid(x), [0, 1, NAN])
        np.testing.assert_array_equal(log_sigmoid(x), [-INF, 0, NAN])
        np.testing.assert_array_equal(softplus(x), [0, INF, NAN])


# Types and shapes.


@pytest.mark.parametrize("function", [*MAPS, logsumexp, *ELEMENTWISE])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (5,), (3, 400), (400, 3)])
def test_dtype_is_kept_and_scalars_come_out_as_ufuncs_make_them(function, dtype, shape):
    x = np.full(shape, 0.5, dtype)
    result = function(x)
    assert result.dtype == dtype
    is_scalar = shape == () or (function is logsumexp and len(shape) == 1)
    assert isinstance(result, np.generic if is_scalar else np.ndarray)


@pytest.mark.parametrize("function", [*MAPS, logsumexp, *ELEMENTWISE])
def test_arguments_are_not_modified_and_results_are_fresh(function, rng):
    for shape in [(4,), (1, 1), (70, 10), (30, 200), (1, 5)]:
        x = rng.standard_normal(shape) * 100
        x.setflags(write=False)
        before = x.copy()
        result = function(x)
        np.testing.assert_array_equal(x, before)
        assert not np.shares_memory(np.asarray(result), x)


@pytest.mark.parametrize("function", [*MAPS, logsumexp, *ELEMENTWISE])
@pytest.mark.parametrize("shape", [(12, 8), (500, 10), (20, 300)])
def test_any_memory_layout(function, shape, rng):
    x = rng.standard_normal(shape)
    want = function(x)
    wider = np.zeros((2 * shape[0], 3 * shape[1]))
    wider[::2, ::3] = x
    layouts = {
        "strided": wider[::2, ::3],
        "negative": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        "fortran": np.asfortranarray(x),
        "big-endian": x.astype(">f8"),
        "matrix": x.view(np.matrix),
    }
    for name, y in layouts.items():
        got = function(y)
        assert type(got) is np.ndarray, name
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15, err_msg=name)
    np.testing.assert_allclose(function(x.tolist()), want, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("function", [*MAPS, logsumexp])
@pytest.mark.parametrize("shape", [(4, 5, 6), (3, 100, 70), (90, 4, 5), (2, 3, 2000), (70, 9, 80)])
def test_an_axis_equals_moving_it_to_the_end(function, shape, rng):
    x = rng.standard_normal(shape) * 5
    if function is normalize_linear:
        x = np.abs(x)  # a sum near zero would be ill-conditioned
    for axis in range(3):
        got = function(x, axis=axis)
        want = function(np.ascontiguousarray(np.moveaxis(x, axis, -1)))
        if function is not logsumexp:
            want = np.moveaxis(want, -1, axis)
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
        np.testing.assert_array_equal(got, function(x, axis=axis - 3))


@pytest.mark.parametrize("function", [*MAPS, logsumexp])
@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (0, 2), (2, 0), (0, 1, 2)])
def test_several_axes_equal_one_flattened(function, axes, rng):
    x = np.abs(rng.standard_normal((7, 11, 13)))
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, sorted(axes), last)
    flat = moved.reshape(*moved.shape[: 3 - len(axes)], -1)
    got, want = function(x, axis=axes), function(flat)
    if function is not logsumexp:
        want = np.moveaxis(want.reshape(moved.shape), last, sorted(axes))
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)
    if len(axes) == 3:
        np.testing.assert_array_equal(function(x, axis=None), got)


@pytest.mark.parametrize("axis", [0, 1, -1, None, (0, 2), (0, 1), ()])
def test_logsumexp_keepdims(axis, rng):
    x = rng.standard_normal((3, 4, 5))
    kept = logsumexp(x, axis=axis, keepdims=True)
    assert kept.shape == np.sum(x, axis=axis, keepdims=True).shape
    np.testing.assert_array_equal(np.squeeze(kept), logsumexp(x, axis=axis))
    np.testing.assert_allclose(x - kept, log_softmax(x, axis=axis), atol=1e-14)


def test_the_empty_tuple_of_axes_makes_every_number_its_own_slice():
    x = np.array([[1.5, -INF], [2, 3]])
    np.testing.assert_array_equal(softmax(x, axis=()), [[1, NAN], [1, 1]])
    np.testing.assert_array_equal(logsumexp(x, axis=()), x)


# Properties.

floats = st.floats(-700, 700)
matrices = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20), elements=floats
)


@given(matrices)
def test_probabilities_are_in_range_and_sum_to_one(x):
    p = softmax(x)
    assert np.all((p >= 0) & (p <= 1))
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=x.shape[-1] * 3e-16)


@given(matrices, st.integers(-(2**20), 2**20))
def test_softmax_is_unchanged_by_a_shift_and_logsumexp_moves_along(x, shift):
    x = np.round(x, 0)  # so that adding the shift is exact
    np.testing.assert_allclose(softmax(x + shift), softmax(x), rtol=3e-15, atol=0)
    np.testing.assert_allclose(log_softmax(x + shift), log_softmax(x), rtol=3e-15, atol=0)
    np.testing.assert_allclose(
        logsumexp(x + shift), logsumexp(x) + shift, rtol=1e-14, atol=1e-15 * (abs(shift) + 700)
    )


@given(matrices, st.randoms(use_true_random=False))
def test_permuting_the_classes_permutes_the_result(x, random):
    order = list(range(x.shape[-1]))
    random.shuffle(order)
    np.testing.assert_allclose(softmax(x[:, order]), softmax(x)[:, order], rtol=3e-15)
    np.testing.assert_allclose(log_softmax(x[:, order]), log_softmax(x)[:, order], rtol=3e-15)
    np.testing.assert_allclose(logsumexp(x[:, order]), logsumexp(x), rtol=1e-14, atol=1e-13)


@given(matrices)
def test_order_is_kept(x):
    order = np.argsort(x, axis=-1)
    for function in (softmax, log_softmax):
        assert np.all(np.diff(np.take_along_axis(function(x), order, axis=-1), axis=-1) >= 0)


@given(hnp.arrays(np.float64, 30, elements=floats))
def test_elementwise_functions_are_monotonic(x):
    x.sort()
    for function in ELEMENTWISE:
        assert np.all(np.diff(function(x)) >= -4e-16 * np.abs(function(x[1:])))


@given(matrices)
def test_agreement_with_scipy_where_scipy_is_right(x):
    # Subnormal probabilities have few digits: let the last two differ.
    tiny = 2 * np.finfo(float).smallest_subnormal
    np.testing.assert_allclose(softmax(x), scipy.special.softmax(x, axis=-1), rtol=3e-13, atol=tiny)
    np.testing.assert_allclose(
        log_softmax(x), scipy.special.log_softmax(x, axis=-1), rtol=1e-13, atol=1e-14
    )
    np.testing.assert_allclose(
        logsumexp(x), scipy.special.logsumexp(x, axis=-1), rtol=1e-13, atol=1e-13
    )
    np.testing.assert_allclose(sigmoid(x), scipy.special.expit(x), rtol=1e-15)


@given(matrices)
def test_identities(x):
    np.testing.assert_allclose(sigmoid(x), softmax(np.stack([0 * x, x], -1))[..., 1], rtol=2e-15)
    np.testing.assert_allclose(softplus(x), logsumexp(np.stack([0 * x, x], -1)), rtol=2e-15)
    np.testing.assert_array_equal(log_sigmoid(x), -softplus(-x))
    assert np.all(logsumexp(x) >= x.max(axis=-1))
    np.testing.assert_array_equal(hardmax(x).argmax(axis=-1), x.argmax(axis=-1))


ONE_SLICE = [
    [2.0, 4.0, 2.0, 1.0],
    [0.0, -40.0],
    [-3.0, -745.0],
    [-1000.0, -1001.0],
    [708.0, 709.7, 709.7],
    [1e4, 1e4 + 1],
    [0.0, -INF, 1.0],
    [-900.0, -INF],
    [-INF, -INF],
    [INF, 0.0],
    [INF, -INF],
    [NAN, 0.0],
    [1.0, NAN, -INF],
    list(np.linspace(-20, 20, 32)),
]


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
@pytest.mark.parametrize("z", ONE_SLICE, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_slice_alone_gives_what_it_gives_in_a_batch(function, z, dtype):
    z = np.array(z, dtype)
    with np.errstate(all="raise"):
        alone, batch = function(z), function(np.tile(z, (50, 1)))
        kept = function(z[None, :, None], axis=1)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(alone, batch[0], rtol=4 * eps, atol=np.finfo(dtype).tiny)
    assert type(alone) is type(batch[0])
    assert alone.dtype == dtype
    np.testing.assert_array_equal(np.squeeze(kept), alone)
    assert kept.shape == ((1, 1) if function is logsumexp else (1, len(z), 1))


def test_the_buffer_size_of_numpy_is_left_alone():
    before = np.getbufsize()
    softmax(np.zeros((100, 300)))
    assert np.getbufsize() == before
