"""Jacobians and their products against closed forms, complex steps, mpmath and PyTorch."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import exact, ulps

from softmax_lib import log_softmax, logsumexp, softmax
from softmax_lib.gradients import (
    log_softmax_jacobian,
    log_softmax_jvp,
    log_softmax_vjp,
    logsumexp_jvp,
    logsumexp_vjp,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
)
from softmax_lib.losses import cross_entropy_grad

DTYPES = [np.float16, np.float32, np.float64, np.longdouble]
A = np.array([2.0, 4.0, 2.0, 1.0])
EPS = np.finfo(float).eps

JACOBIANS = [softmax_jacobian, log_softmax_jacobian]
PRODUCTS = [softmax_jvp, softmax_vjp, log_softmax_jvp, log_softmax_vjp, logsumexp_jvp]
ELEMENTWISE = PRODUCTS[:4]


def rng_of(*key):
    return np.random.default_rng([2026, *map(abs, key)])


# ------------------------------------------------------------------------------------------------
# Values
# ------------------------------------------------------------------------------------------------


def test_jacobians_by_hand():
    p = softmax(A)
    np.testing.assert_allclose(softmax_jacobian(A), np.diag(p) - np.outer(p, p), atol=1e-16)
    np.testing.assert_allclose(log_softmax_jacobian(A), np.eye(4) - p, atol=1e-16)


def test_eigenvalues_of_the_worked_example():
    # Eigenvalues of diag(p) - p p' by mpmath 1.4.1 (eigsy, mp.dps = 50), rounded to 18 digits.
    expected = [0, 0.0457646317403546253, 0.10249119673793975, 0.255790372166240844]
    np.testing.assert_allclose(
        np.linalg.eigvalsh(softmax_jacobian(A)), expected, rtol=1e-13, atol=1e-16
    )


def test_two_equal_logits_attain_the_largest_slope():
    assert np.linalg.norm(softmax_jacobian([7.0, 7.0]), 2) == pytest.approx(0.5, rel=1e-15)


# 1 / (1 + exp(40)) and p (1 - p) by mpmath 1.4.1 with mp.dps = 60: both 4.2483542552915889...e-18.
TINY = 4.248354255291589e-18


def test_confident_predictions_keep_their_slope():
    x = [0, -40]
    np.testing.assert_allclose(
        softmax_jacobian(x), [[TINY, -TINY], [-TINY, TINY]], rtol=4 * EPS, atol=0
    )
    np.testing.assert_allclose(
        log_softmax_jacobian(x), [[TINY, -TINY], [-1, 1]], rtol=4 * EPS, atol=0
    )
    for function, v, expected in [
        (softmax_jvp, [1, 0], [TINY, -TINY]),
        (softmax_vjp, [1, 0], [TINY, -TINY]),
        (softmax_jvp, [1e6, 1e6 + 1], [-TINY, TINY]),
        (log_softmax_jvp, [1, 0], [TINY, -1]),
        (log_softmax_vjp, [1, 0], [TINY, -TINY]),
        (log_softmax_vjp, [0, 1], [-1, 1]),
    ]:
        np.testing.assert_allclose(function(x, v), expected, rtol=4 * EPS, atol=0)


def exact_jacobians(x):
    """The Jacobians of softmax and log-softmax from mpmath."""
    with mpmath.workdps(900):  # 1 - p needs as many digits as p has nines
        p = exact(x)["softmax"]
        p = [q / mpmath.fsum(p) for q in p]
        n = range(len(x))
        softmax_j = [[float(p[i] * ((i == j) - p[j])) for j in n] for i in n]
        log_j = [[float((i == j) - p[j]) for j in n] for i in n]
    return np.array(softmax_j), np.array(log_j)


@pytest.mark.parametrize("spread", [0, 1, 10, 100])
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_every_entry_is_relatively_accurate(n, spread):
    rng = rng_of(n, spread)
    for _ in range(5):
        x = rng.normal(size=n) * spread
        for function, expected in zip(JACOBIANS, exact_jacobians(x), strict=True):
            assert (ulps(function(x), expected, float) <= 2 * (4 + np.ptp(x))).all()


# ------------------------------------------------------------------------------------------------
# Derivatives
# ------------------------------------------------------------------------------------------------


def complex_softmax(z):
    e = np.exp(z - np.max(z.real))
    return e / e.sum()


def complex_log_softmax(z):
    return np.log(complex_softmax(z))


def complex_step(f, x, h=1e-30):
    return np.stack([f(x + 1j * h * e).imag / h for e in np.eye(len(x))], axis=-1)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_jacobians_by_complex_step(n):
    x = rng_of(2, n).normal(size=n) * 4
    np.testing.assert_allclose(softmax_jacobian(x), complex_step(complex_softmax, x), atol=1e-15)
    np.testing.assert_allclose(
        log_softmax_jacobian(x), complex_step(complex_log_softmax, x), atol=1e-14
    )


@pytest.mark.parametrize(
    ("function", "jvp"),
    [(softmax, softmax_jvp), (log_softmax, log_softmax_jvp), (logsumexp, logsumexp_jvp)],
)
@pytest.mark.parametrize("axis", [0, 1, (0, 1), None])
def test_jvp_by_central_differences(function, jvp, axis):
    rng, h = rng_of(3), 1e-5
    x, v = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    numeric = (function(x + h * v, axis=axis) - function(x - h * v, axis=axis)) / (2 * h)
    np.testing.assert_allclose(jvp(x, v, axis=axis), numeric, rtol=1e-8, atol=1e-9)


def test_hessian_of_cross_entropy_is_the_jacobian_of_softmax():
    rng, h = rng_of(4), 1e-5
    x = rng.normal(size=6) * 2
    steps = h * np.eye(6)
    for targets in (2, rng.dirichlet(np.ones(6))):
        up = cross_entropy_grad(x + steps, np.broadcast_to(targets, (6, *np.shape(targets))),
                                reduction="none")  # fmt: skip
        down = cross_entropy_grad(x - steps, np.broadcast_to(targets, (6, *np.shape(targets))),
                                  reduction="none")  # fmt: skip
        np.testing.assert_allclose((up - down) / (2 * h), softmax_jacobian(x), atol=1e-10)


def test_a_huge_entry_of_either_sign_does_not_drown_the_others():
    for huge in (1e17, -1e17):
        grad = log_softmax_vjp([0.0, -100.0, -100.0], [huge, 1.0, 2.0])
        assert grad[0] == pytest.approx(-3, rel=1e-15)


def test_gradient_of_logsumexp_is_softmax():
    x = rng_of(5).normal(size=(3, 4))
    np.testing.assert_array_equal(logsumexp_vjp(x, np.ones(3)), softmax(x))
    np.testing.assert_allclose(logsumexp_jvp(x, np.ones((3, 4))), 1, rtol=1e-15)


# ------------------------------------------------------------------------------------------------
# Products agree with the matrices
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3, (0, 2), (2, 0), None])
def test_products_are_those_of_the_matrices_whatever_the_axis(axis):
    rng = rng_of(6)
    x, v = rng.normal(size=(3, 4, 2)) * 3, rng.normal(size=(3, 4, 2))
    axes = tuple(range(3)) if axis is None else np.atleast_1d(axis)
    axes = tuple(sorted(int(a) % 3 for a in axes))  # C order, however the axes are named
    last = tuple(range(3 - len(axes), 3))
    kept = [n for i, n in enumerate(x.shape) if i not in axes]

    def rows(y):
        return np.moveaxis(y, axes, last).reshape(*kept, -1)

    for jacobian, jvp, vjp in [
        (softmax_jacobian, softmax_jvp, softmax_vjp),
        (log_softmax_jacobian, log_softmax_jvp, log_softmax_vjp),
    ]:
        j = jacobian(x, axis=axis)
        assert j.shape == (*kept, rows(x).shape[-1], rows(x).shape[-1])
        np.testing.assert_allclose(rows(jvp(x, v, axis=axis)), np.einsum("...ij,...j", j, rows(v)),
                                   rtol=1e-12, atol=1e-14)  # fmt: skip
        np.testing.assert_allclose(rows(vjp(x, v, axis=axis)), np.einsum("...i,...ij", rows(v), j),
                                   rtol=1e-12, atol=1e-14)  # fmt: skip
        assert jvp(x, v, axis=axis).shape == vjp(x, v, axis=axis).shape == x.shape
    g = rng.normal(size=kept)
    p = softmax(x, axis=axis)
    np.testing.assert_allclose(rows(logsumexp_vjp(x, g, axis=axis)), g[..., None] * rows(p))
    mean = logsumexp_jvp(x, v, axis=axis)
    assert np.shape(mean) == tuple(kept)
    np.testing.assert_allclose(mean, np.sum(p * v, axis=axis), rtol=1e-13)


vectors = st.integers(1, 8).flatmap(
    lambda n: hnp.arrays(np.float64, (3, n), elements=st.floats(-30, 30))
)


@given(vectors)
def test_the_left_and_the_right_product_are_adjoint(case):
    x, v, g = case
    for jvp, vjp in [(softmax_jvp, softmax_vjp), (log_softmax_jvp, log_softmax_vjp)]:
        assert g @ jvp(x, v) == pytest.approx(vjp(x, g) @ v, rel=1e-9, abs=1e-10)
    assert logsumexp_jvp(x, v) == pytest.approx(logsumexp_vjp(x, 1.0) @ v, rel=1e-12, abs=1e-12)


@given(vectors)
def test_softmax_jacobian_is_symmetric_with_rows_that_sum_to_zero(case):
    for x in case:
        j = softmax_jacobian(x)
        np.testing.assert_array_equal(j, j.T)
        assert (np.abs(j.sum(axis=0)) <= 2e-16).all()
        assert (np.diag(j) >= 0).all()
        assert np.linalg.norm(j, 2) <= 0.5 + 1e-15


@given(vectors, st.integers(-50, 50))
def test_a_constant_direction_changes_no_probability(case, c):
    x, v, _ = case
    v = np.round(v * 1024) / 1024  # so that adding c is exact
    np.testing.assert_array_equal(softmax_jvp(x, np.full_like(v, c)), 0)
    np.testing.assert_array_equal(softmax_jvp(x, v + c), softmax_jvp(x, v))
    np.testing.assert_array_equal(log_softmax_jvp(x, v + c), log_softmax_jvp(x, v))


# ------------------------------------------------------------------------------------------------
# PyTorch as an oracle of its own
# ------------------------------------------------------------------------------------------------


def test_products_agree_with_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch, an optional oracle, is not installed")
    rng = rng_of(7)
    x, g = rng.normal(size=(5, 7)) * 4, rng.normal(size=(5, 7))
    for function, vjp, upstream in [
        (torch.softmax, softmax_vjp, g),
        (torch.log_softmax, log_softmax_vjp, g),
        (torch.logsumexp, logsumexp_vjp, g[:, 0]),
    ]:
        t = torch.tensor(x, requires_grad=True)
        function(t, -1).backward(torch.tensor(upstream))
        np.testing.assert_allclose(vjp(x, upstream), t.grad.numpy(), rtol=1e-11, atol=1e-14)
    row = torch.tensor(x[0])
    for function, jacobian in [
        (torch.softmax, softmax_jacobian),
        (torch.log_softmax, log_softmax_jacobian),
    ]:
        oracle = torch.autograd.functional.jacobian(lambda z, f=function: f(z, -1), row)
        np.testing.assert_allclose(jacobian(x[0]), oracle.numpy(), rtol=1e-11, atol=1e-14)


# ------------------------------------------------------------------------------------------------
# Special values, dtypes, shapes
# ------------------------------------------------------------------------------------------------


def test_masked_logits():
    x, v = [-np.inf, 0.0, 0.0], [5.0, 1.0, 3.0]
    np.testing.assert_array_equal(
        softmax_jacobian(x), [[0, 0, 0], [0, 0.25, -0.25], [0, -0.25, 0.25]]
    )
    np.testing.assert_array_equal(
        log_softmax_jacobian(x), [[1, -0.5, -0.5], [0, 0.5, -0.5], [0, -0.5, 0.5]]
    )
    np.testing.assert_array_equal(softmax_jvp(x, v), [0, -0.5, 0.5])
    np.testing.assert_array_equal(softmax_vjp(x, v), [0, -0.5, 0.5])
    np.testing.assert_array_equal(log_softmax_jvp(x, v), [3, -1, 1])
    np.testing.assert_array_equal(log_softmax_vjp(x, v), [5, -3.5, -1.5])
    assert logsumexp_jvp(x, v) == 2
    np.testing.assert_array_equal(logsumexp_vjp(x, 2), [0, 1, 1])


@pytest.mark.parametrize("row", [[np.nan, 0], [np.inf, 0], [-np.inf, -np.inf]])
def test_undefined_slices_give_nan_and_leave_the_others_alone(row):
    x = np.array([row, [1.0, 2.0]])
    for jacobian in JACOBIANS:
        assert np.isnan(jacobian(x)[0]).all()
        np.testing.assert_allclose(jacobian(x)[1], jacobian(x[1]), rtol=1e-14)
    for product in PRODUCTS:
        assert np.isnan(product(x, np.eye(2))[0]).all()
        np.testing.assert_allclose(product(x, np.eye(2))[1], product(x[1], [0, 1]), rtol=1e-14)
    assert np.isnan(logsumexp_vjp(x, [1, 1])[0]).all()


def test_infinite_and_huge_directions_warn_of_nothing():
    for product, v in itertools.product(PRODUCTS, [[np.inf, 0], [np.nan, 0], [1e308, -1e308]]):
        assert np.shape(product([0.0, 1.0], v)) in [(2,), ()]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_that_of_x(dtype):
    x, v = np.array([[1, 2], [3, 5]], dtype=dtype), np.longdouble([[1, 2], [3, 4]])
    for jacobian in JACOBIANS:
        assert jacobian(x).dtype == dtype
    for product in PRODUCTS:
        assert product(x, v).dtype == dtype
    assert logsumexp_vjp(x, v[0]).dtype == dtype


def test_float16_is_computed_in_float32():
    x = np.zeros(70_000, dtype=np.float16)
    v = np.ones(70_000, dtype=np.float16)
    assert logsumexp_jvp(x, v) == 1
    np.testing.assert_array_equal(softmax_jvp(x, v), 0)


def test_integers_become_float64():
    x = np.array([-128, 127], dtype=np.int8)
    v = np.array([100, -100], dtype=np.int8)
    for product in PRODUCTS:
        expected = product(x.astype(float), v.astype(float))
        np.testing.assert_array_equal(product(x, v), expected)
        assert product(x, v).dtype == np.float64
    assert softmax_jacobian(x).dtype == np.float64


def test_scalars_and_empty_arrays():
    for jacobian in JACOBIANS:
        np.testing.assert_array_equal(jacobian(3.0), [[0]])
        assert jacobian(np.zeros((2, 0))).shape == (2, 0, 0)
        assert jacobian(np.zeros((0, 3))).shape == (0, 3, 3)
    for product in ELEMENTWISE:
        assert product(3.0, 2.0) == 0
        assert isinstance(product(3.0, 2.0), np.float64)
        for shape in [(2, 0), (0, 3)]:
            assert product(np.zeros(shape), np.zeros(shape)).shape == shape
    assert isinstance(logsumexp_jvp(3.0, 2.0), np.float64)
    assert logsumexp_jvp(3.0, 2.0) == logsumexp_vjp(3.0, 2.0) == 2
    np.testing.assert_array_equal(logsumexp_jvp(np.zeros((2, 0)), np.zeros((2, 0))), [0, 0])
    assert logsumexp_vjp(np.zeros((2, 0)), [1, 1]).shape == (2, 0)


def test_no_matrix_is_built_where_none_is_needed():
    n = 1_000_000  # an n-by-n matrix would take 8 TB
    x = np.zeros(n)
    for product in ELEMENTWISE:
        assert product(x, x).shape == (n,)


@pytest.mark.parametrize(
    "as_kind",
    [
        lambda x: x.tolist(),
        lambda x: x.astype(">f8"),
        lambda x: np.asfortranarray(x),
        lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        lambda x: x.view(type("Sub", (np.ndarray,), {})),
    ],
    ids=["list", "big-endian", "fortran", "negative strides", "sub-class"],
)
def test_kinds_of_arrays(as_kind):
    x, v = rng_of(8).normal(size=(2, 3, 4))
    for product in PRODUCTS:
        result = product(as_kind(x), as_kind(v))
        np.testing.assert_allclose(result, product(x, v), rtol=1e-12, atol=1e-15)
        assert type(result) is np.ndarray
        assert result.dtype == np.dtype(float)


def test_arguments_are_not_modified_and_may_be_read_only():
    x, v = rng_of(9).normal(size=(2, 3, 4))
    copies = x.copy(), v.copy()
    x.flags.writeable = v.flags.writeable = False
    outputs = [f(x) for f in JACOBIANS] + [f(x, v, axis=0) for f in PRODUCTS]
    outputs.append(logsumexp_vjp(x, v[:, 0]))
    np.testing.assert_array_equal((x, v), copies)
    for output, a in itertools.product(outputs, (x, v)):
        assert output.flags.writeable
        assert not np.shares_memory(output, a)


# ------------------------------------------------------------------------------------------------
# Errors
# ------------------------------------------------------------------------------------------------

X = np.zeros((3, 4))
NAME = {
    softmax_jvp: "v",
    softmax_vjp: "g",
    log_softmax_jvp: "v",
    log_softmax_vjp: "g",
    logsumexp_jvp: "v",
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("x", "v", "axis", "error", "message"),
    [
        (X, X[0], -1, ValueError, "{v} must have the shape of x, (3, 4), got (4,)"),
        (X, 1.0, -1, ValueError, "{v} must have the shape of x, (3, 4), got ()"),
        (X, X * 1j, -1, TypeError, "{v} must hold real numbers, got dtype complex128"),
        (X, np.ma.masked_array(X), -1, TypeError, "{v} must be a plain array, got a masked array"),
        (X * 1j, X, -1, TypeError, "x must hold real numbers, got dtype complex128"),
        (np.ma.masked_array(X), X, -1, TypeError, "x must be a plain array, got a masked array"),
        (X, X, 2, np.exceptions.AxisError, "axis 2 is out of bounds for array of dimension 2"),
    ],
)
def test_errors_of_products(product, x, v, axis, error, message):
    with pytest.raises(error) as caught:
        product(x, v, axis=axis)
    assert message.format(v=NAME[product]) in str(caught.value)


def test_errors_of_logsumexp_vjp():
    message = r"g must have the shape of x without the axis, \(3,\), got \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        logsumexp_vjp(X, X)


@pytest.mark.parametrize("jacobian", JACOBIANS)
@pytest.mark.parametrize(
    ("x", "axis", "error", "message"),
    [
        (X * 1j, -1, TypeError, "x must hold real numbers, got dtype complex128"),
        (X, -3, np.exceptions.AxisError, "axis -3 is out of bounds for array of dimension 2"),
        (3.0, 1, np.exceptions.AxisError, "axis 1 is out of bounds"),
    ],
)
def test_errors_of_jacobians(jacobian, x, axis, error, message):
    with pytest.raises(error) as caught:
        jacobian(x, axis=axis)
    assert message in str(caught.value)
