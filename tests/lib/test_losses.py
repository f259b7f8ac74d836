"""Losses and their gradients against closed forms, mpmath, derivatives and PyTorch."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import exact, ulps

from softmax_lib import log_softmax, sigmoid, softmax
from softmax_lib.gradients import log_softmax_vjp
from softmax_lib.losses import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_grad,
    cross_entropy,
    cross_entropy_grad,
    nll_loss,
    nll_loss_grad,
)

DTYPES = [np.float16, np.float32, np.float64, np.longdouble]
REDUCTIONS = ["mean", "sum", "none"]
A = [2.0, 4.0, 2.0, 1.0]


def rng_of(*key):
    return np.random.default_rng([2026, *map(abs, key)])


# ------------------------------------------------------------------------------------------------
# Values
# ------------------------------------------------------------------------------------------------

# log(sum(exp(x))) - x[y] by mpmath 1.4.1 with mp.dps = 400, rounded to 20 digits.
CROSS_ENTROPY = [
    (A, 1, 0.27797836957555814352),
    ([0, -40], 0, 4.2483542552915889863e-18),
    ([0, -40], 1, 40.0),
    ([3, -37, -38], 0, 5.8112364446265777465e-18),
    ([0, -700], 0, 9.8596765437597708567e-305),
    ([1000, 0], 1, 1000.0),
    ([0.0], 0, 0.0),
]


@pytest.mark.parametrize(("logits", "label", "expected"), CROSS_ENTROPY)
def test_cross_entropy_of_one_row(logits, label, expected):
    np.testing.assert_allclose(cross_entropy(logits, label), expected, rtol=4e-16, atol=0)


# 1 / (1 + exp(40)) and softmax([3, -37, -38]) by mpmath 1.4.1 with mp.dps = 60.
@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0, -40], [-4.2483542552915889773e-18, 4.2483542552915889773e-18]),
        (
            [3, -37, -38],
            [-5.8112364446265777e-18, 4.2483542552915889706e-18, 1.562882189334988759e-18],
        ),
    ],
)
def test_gradient_of_a_confident_correct_prediction_is_small_and_not_zero(logits, expected):
    np.testing.assert_allclose(cross_entropy_grad(logits, 0), expected, rtol=1e-15, atol=0)
    one_hot = np.eye(len(logits))[0]
    np.testing.assert_allclose(cross_entropy_grad(logits, one_hot), expected, rtol=1e-15, atol=0)


def test_confident_prediction_in_float32():
    x = np.float32([0, -20])
    # log1p(exp(-20)) by mpmath 1.4.1 with mp.dps = 60.
    np.testing.assert_allclose(cross_entropy(x, 0), 2.0611536203143807032e-9, rtol=2e-7)
    np.testing.assert_allclose(cross_entropy_grad(x, 0)[0], -2.0611536181902036e-9, rtol=2e-7)


def exact_cross_entropy(logits, shares):
    """Minus the sum of shares times log-probabilities, and its gradient, from mpmath."""
    values = exact(logits)
    with mpmath.workdps(900):  # 1 - p needs as many digits as p has nines
        shares = [mpmath.mpf(float(s)) for s in shares]
        loss = -mpmath.fsum(s * v for s, v in zip(shares, values["log_softmax"], strict=True))
        mass = mpmath.fsum(shares) / mpmath.fsum(values["softmax"])
        grad = [p * mass - s for s, p in zip(shares, values["softmax"], strict=True)]
        digits = [mpmath.nstr(value, 25) for value in (loss, *grad)]
    loss, *grad = (np.longdouble(value) for value in digits)
    return loss, np.array(grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [0, 1, 10, 40, 300])
@pytest.mark.parametrize("n_classes", [1, 2, 10, 50])
def test_accuracy_against_mpmath(n_classes, spread, dtype):
    logits = rng_of(n_classes, spread).normal(size=n_classes) * spread
    logits[0] = logits.max() + spread / 2
    logits = logits.astype(np.float16).astype(dtype)
    below_max = (logits.max() - logits).astype(float)
    gap_to_second = below_max[1:].min(initial=below_max.max())
    for label in {0, n_classes - 1}:
        loss, grad = exact_cross_entropy(logits, np.eye(n_classes)[label])
        assert ulps(cross_entropy(logits, label), loss, dtype) <= 4 + gap_to_second
        bound = 4 + below_max
        bound[label] = 4 + (gap_to_second if label == 0 else 0)
        assert (ulps(cross_entropy_grad(logits, label), grad, dtype) <= bound).all()


def test_accuracy_of_soft_targets_against_mpmath():
    rng = rng_of(1)
    for spread, n_classes in itertools.product([1, 10, 40], [2, 10, 100]):
        logits = rng.normal(size=n_classes) * spread
        shares = rng.dirichlet(np.ones(n_classes))
        loss, grad = exact_cross_entropy(logits, shares)
        assert ulps(cross_entropy(logits, shares), loss, float) <= 8
        # The difference of p and the share is as accurate as the larger of them.
        scale = np.maximum(softmax(logits), shares)
        assert (ulps(cross_entropy_grad(logits, shares), grad, float, scale) <= 8).all()


def test_known_means():
    logits = np.zeros((5, 10))
    assert cross_entropy(logits, np.arange(5)) == pytest.approx(np.log(10), rel=1e-15)
    assert cross_entropy([A, A], [1, 1]) == pytest.approx(0.27797836957555814, rel=1e-15)
    np.testing.assert_allclose(
        cross_entropy_grad([2, 4, 2, 1], 1), softmax(A) - [0, 1, 0, 0], rtol=1e-15
    )


def test_soft_targets_by_hand():
    # mpmath 1.4.1, mp.dps = 60: logits [1, -2], targets [1/4, 3/4].
    y = [0.25, 0.75]
    assert cross_entropy([1, -2], y) == pytest.approx(2.2985873515737420588, rel=1e-15)
    np.testing.assert_allclose(
        cross_entropy_grad([1, -2], y), [0.70257412682243321912, -0.70257412682243321912]
    )


def test_label_smoothing_by_hand():
    # mpmath 1.4.1, mp.dps = 60: 0.9 of the label's loss, 0.1 of the mean over ten classes.
    loss = cross_entropy([5] + [0] * 9, 0, label_smoothing=0.1)
    assert loss == pytest.approx(0.5088739354276321773, rel=1e-15)


@pytest.mark.parametrize("weight", [None, [0.5, 2.0, 1.0]])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_label_smoothing_is_a_mixture_of_targets(reduction, weight):
    logits = rng_of(2).normal(size=(4, 3)) * 5
    y = np.array([0, 2, 1, 2])
    mixed = 0.8 * np.eye(3)[y] + 0.2 / 3
    kw = {"weight": weight, "reduction": reduction}
    # A mean over labels divides by the labels' weights, one over probabilities by the rows.
    rows = {"mean": 4 / np.sum(np.ones(3)[y] if weight is None else np.take(weight, y))}
    scale = rows.get(reduction, 1)
    np.testing.assert_allclose(
        cross_entropy(logits, y, label_smoothing=0.2, **kw),
        scale * cross_entropy(logits, mixed, **kw),
        rtol=1e-13,
    )
    np.testing.assert_allclose(
        cross_entropy_grad(logits, y, label_smoothing=0.2, **kw),
        scale * cross_entropy_grad(logits, mixed, **kw),
        rtol=1e-11,
        atol=1e-15,
    )


# log1p(exp(-z)) by mpmath 1.4.1 with mp.dps = 400.
@pytest.mark.parametrize(
    ("z", "expected"),
    [
        (40, 4.2483542552915889863e-18),
        (700, 9.8596765437597708567e-305),
        (3, 0.048587351573742058759),
        (-0.5, 0.97407698418010668087),
        (-40, 40.000000000000000004),
    ],
)
def test_binary_cross_entropy_of_one_logit(z, expected):
    assert binary_cross_entropy_with_logits(z, 1) == pytest.approx(expected, rel=4e-16, abs=0)
    assert binary_cross_entropy_with_logits(-z, 0) == pytest.approx(expected, rel=4e-16, abs=0)


@pytest.mark.parametrize(
    ("z", "expected"),
    # 1 / (1 + exp(z)) by mpmath 1.4.1 with mp.dps = 400.
    [(40, 4.2483542552915889773e-18), (700, 9.8596765437597708567e-305), (0, 0.5)],
)
def test_binary_gradient_of_one_logit(z, expected):
    grad = binary_cross_entropy_with_logits_grad
    assert grad(z, 1) == pytest.approx(-expected, rel=4e-16, abs=0)
    assert grad(-z, 0) == pytest.approx(expected, rel=4e-16, abs=0)


def test_binary_weights_by_hand():
    z, y = np.array([[0.0, 2.0], [-1.0, 3.0]]), np.array([[1.0, 0.0], [0.25, 1.0]])
    w, w_pos = np.array([[1.0], [3.0]]), np.array([2.0, 0.5])
    log_p, log_q = np.log(sigmoid(z)), np.log(sigmoid(-z))
    expected = -w * (w_pos * y * log_p + (1 - y) * log_q)
    kw = {"weight": w, "pos_weight": w_pos}
    for reduction, value in [
        ("none", expected),
        ("sum", expected.sum()),
        ("mean", expected.mean()),
    ]:
        loss = binary_cross_entropy_with_logits(z, y, reduction=reduction, **kw)
        np.testing.assert_allclose(loss, value, rtol=1e-14)


def test_two_classes_are_one_binary_question():
    z = rng_of(3).normal(size=(50, 2)) * 20
    y = rng_of(4).integers(0, 2, size=50)
    np.testing.assert_allclose(
        cross_entropy(z, y), binary_cross_entropy_with_logits(z[:, 1] - z[:, 0], y), rtol=1e-13
    )


# ------------------------------------------------------------------------------------------------
# Reductions, weights, ignored rows
# ------------------------------------------------------------------------------------------------


def test_reductions_and_weights_by_hand():
    logits = rng_of(5).normal(size=(5, 3))
    y = np.array([0, 2, 1, 1, 0])
    weight = np.array([0.5, 2.0, 0.0])
    rows = -weight[y] * log_softmax(logits)[np.arange(5), y]
    kw = {"weight": weight}
    np.testing.assert_allclose(cross_entropy(logits, y, reduction="none", **kw), rows, rtol=1e-14)
    np.testing.assert_allclose(cross_entropy(logits, y, reduction="sum", **kw), rows.sum())
    mean = rows.sum() / weight[y].sum()
    np.testing.assert_allclose(cross_entropy(logits, y, **kw), mean, rtol=1e-14)


def test_mean_over_probabilities_divides_by_rows_whatever_the_weights():
    logits = rng_of(6).normal(size=(5, 3))
    p = rng_of(7).dirichlet(np.ones(3), size=5)
    one = cross_entropy(logits, p, weight=[3, 3, 3])
    assert one == pytest.approx(3 * cross_entropy(logits, p), rel=1e-14)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_ignored_rows_count_for_nothing(label_smoothing):
    logits = rng_of(8).normal(size=(4, 3))
    y = np.array([0, 9, 2, 9])
    kw = {"ignore_index": 9, "label_smoothing": label_smoothing}
    kept = cross_entropy(logits[[0, 2]], y[[0, 2]], label_smoothing=label_smoothing)
    assert cross_entropy(logits, y, **kw) == pytest.approx(kept, rel=1e-14)
    np.testing.assert_array_equal(cross_entropy_grad(logits, y, **kw)[[1, 3]], 0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_ignored_row_that_holds_nan_has_zero_loss_and_gradient(bad, label_smoothing, reduction):
    logits = np.array([[1.0, 2.0], [bad, bad]])
    kw = {"ignore_index": -1, "label_smoothing": label_smoothing}
    one = cross_entropy(logits[:1], [0], reduction=reduction, label_smoothing=label_smoothing)
    both = cross_entropy(logits, [0, -1], reduction=reduction, **kw)
    np.testing.assert_array_equal(both, [one[0], 0] if reduction == "none" else one)
    grad = cross_entropy_grad(logits, [0, -1], reduction=reduction, **kw)
    assert np.isfinite(grad[0]).all()
    np.testing.assert_array_equal(grad[1], 0)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_a_whole_batch_ignored(label_smoothing):
    logits = np.zeros((2, 3))
    kw = {"ignore_index": -100, "label_smoothing": label_smoothing}
    assert np.isnan(cross_entropy(logits, [-100, -100], **kw))
    assert cross_entropy(logits, [-100, -100], reduction="sum", **kw) == 0
    np.testing.assert_array_equal(cross_entropy_grad(logits, [-100, -100], **kw), 0)
    assert np.isnan(nll_loss(logits, [-100, -100], ignore_index=-100))
    np.testing.assert_array_equal(nll_loss_grad(logits, [-100, -100], ignore_index=-100), 0)


def test_no_weight_left_gives_nan_as_pytorch_does():
    assert np.isnan(cross_entropy([[1.0, 2.0]], [0], weight=[0, 1]))
    assert np.isnan(cross_entropy_grad([[1.0, 2.0]], [0], weight=[0, 1])).all()


def test_empty_batches():
    for targets in (np.zeros(0, int), []):
        assert np.isnan(cross_entropy(np.zeros((0, 3)), targets))
        assert cross_entropy(np.zeros((0, 3)), targets, reduction="sum") == 0
        assert cross_entropy(np.zeros((0, 3)), targets, reduction="none").shape == (0,)
        assert cross_entropy_grad(np.zeros((0, 3)), targets).shape == (0, 3)
    assert np.isnan(cross_entropy(np.zeros((0, 3)), np.zeros((0, 3))))
    assert np.isnan(nll_loss(np.zeros((0, 3)), []))
    assert np.isnan(binary_cross_entropy_with_logits([], []))
    assert binary_cross_entropy_with_logits([], [], reduction="sum") == 0
    assert binary_cross_entropy_with_logits_grad([], []).shape == (0,)


# ------------------------------------------------------------------------------------------------
# Special values
# ------------------------------------------------------------------------------------------------


def test_impossible_class_without_share_costs_nothing():
    logits = [-np.inf, 0.0, 0.0]
    assert cross_entropy(logits, [0.0, 0.5, 0.5]) == pytest.approx(np.log(2), rel=1e-15)
    np.testing.assert_array_equal(cross_entropy_grad(logits, [0.0, 0.5, 0.5]), 0)
    assert cross_entropy(logits, 1, label_smoothing=0.3, weight=[0, 1, 1]) < np.inf
    assert nll_loss([-np.inf, 0.0], 0, weight=[0, 1], reduction="sum") == 0


def test_impossible_target_costs_infinity():
    logits = [-np.inf, 0.0]
    assert cross_entropy(logits, 0) == np.inf
    assert cross_entropy(logits, [0.5, 0.5]) == np.inf
    assert cross_entropy(logits, 1, label_smoothing=0.1) == np.inf
    np.testing.assert_array_equal(cross_entropy_grad(logits, 0), [-1, 1])


@pytest.mark.parametrize("row", [[np.nan, 0], [np.inf, 0], [-np.inf, -np.inf]])
@pytest.mark.parametrize("targets", [[0, 1], [[1.0, 0.0], [0.0, 1.0]]])
def test_undefined_row_gives_nan_and_leaves_the_others_alone(row, targets):
    losses = cross_entropy([row, [1, 2]], targets, reduction="none")
    assert np.isnan(losses[0])
    assert np.isfinite(losses[1])
    grad = cross_entropy_grad([row, [1, 2]], targets, reduction="none")
    assert np.isnan(grad[0]).all()
    assert np.isfinite(grad[1]).all()


def test_infinite_logits_in_binary_cross_entropy():
    z, y = [np.inf, -np.inf, np.inf, -np.inf, np.nan], [1, 0, 0, 1, 1]
    np.testing.assert_array_equal(
        binary_cross_entropy_with_logits(z, y, reduction="none"), [0, 0, np.inf, np.inf, np.nan]
    )
    np.testing.assert_array_equal(
        binary_cross_entropy_with_logits_grad(z, y, reduction="none"), [0, 0, 1, -1, np.nan]
    )
    silenced = binary_cross_entropy_with_logits(np.inf, 0, weight=0)
    assert silenced == 0


def test_zero_is_never_negative_zero():
    for zero in (
        cross_entropy(3.0, 0),
        cross_entropy_grad(3.0, 0),
        cross_entropy([0.0, -1e4], 0),
        cross_entropy_grad([0.0, -1e4], 0)[0],
        cross_entropy([0.0, -1e4], [1.0, 0.0]),
        cross_entropy(3.0, 0, reduction="none"),
        nll_loss([0.0, -1.0], 0),
    ):
        assert zero == 0
        assert not np.signbit(zero)


# ------------------------------------------------------------------------------------------------
# Derivatives
# ------------------------------------------------------------------------------------------------


def complex_cross_entropy(z, shares):
    """The textbook formula, for complex logits: an implementation of its own."""
    shifted = z - np.max(z.real)
    return np.sum(shares) * np.log(np.sum(np.exp(shifted))) - np.sum(shares * shifted)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("soft", [False, True])
def test_gradient_by_complex_step(soft, label_smoothing):
    rng = rng_of(9, soft)
    n, k, h = 4, 5, 1e-30
    logits, weight = rng.normal(size=(n, k)) * 3, rng.random(k)
    y = rng.integers(0, k, size=n)
    y_rows = rng.dirichlet(np.ones(k), size=n) if soft else np.eye(k)[y]
    shares = weight * ((1 - label_smoothing) * y_rows + label_smoothing / k)
    total = n if soft else weight[y].sum()
    expected = np.empty((n, k))
    for i, j in np.ndindex(n, k):
        step = logits[i] + 1j * h * (np.arange(k) == j)
        expected[i, j] = complex_cross_entropy(step, shares[i]).imag / h
    kw = {"weight": weight, "label_smoothing": label_smoothing}
    targets = y_rows if soft else y
    grad = cross_entropy_grad(logits, targets, reduction="none", **kw)
    np.testing.assert_allclose(grad, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        cross_entropy_grad(logits, targets, **kw), expected / total, rtol=1e-13, atol=1e-15
    )


def central_differences(f, x, h=1e-5):
    grad = np.empty_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up) - f(down)) / (up[i] - down[i])
    return grad


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradients_by_finite_differences(axis, reduction):
    rng = rng_of(10, axis)
    x = rng.normal(size=(3, 4)) * 2
    n_classes = x.shape[axis]
    y = rng.integers(0, n_classes, size=x.size // n_classes)
    y[0] = -1
    kw = {"axis": axis, "ignore_index": -1, "weight": rng.random(n_classes), "reduction": reduction}
    for loss, grad in [(cross_entropy, cross_entropy_grad), (nll_loss, nll_loss_grad)]:
        numeric = central_differences(lambda z, loss=loss: loss(z, y, **kw), x)
        np.testing.assert_allclose(grad(x, y, **kw), numeric, rtol=1e-8, atol=1e-9)
    p = rng.random(x.shape)
    kw = {"weight": rng.random(x.shape), "pos_weight": rng.random(4), "reduction": reduction}
    numeric = central_differences(lambda z: binary_cross_entropy_with_logits(z, p, **kw), x)
    grad = binary_cross_entropy_with_logits_grad(x, p, **kw)
    np.testing.assert_allclose(grad, numeric, rtol=1e-8, atol=1e-9)


def test_binary_gradient_by_complex_step():
    rng, h = rng_of(11), 1e-30
    z, y, w, w_pos = rng.normal(size=20) * 5, rng.random(20), rng.random(20), rng.random(20)
    s = 1 / (1 + np.exp(-(z + 1j * h)))
    expected = (-w * (w_pos * y * np.log(s) + (1 - y) * np.log(1 - s))).imag / h
    grad = binary_cross_entropy_with_logits_grad(z, y, weight=w, pos_weight=w_pos, reduction="none")
    np.testing.assert_allclose(grad, expected, rtol=1e-12, atol=1e-14)


def test_gradient_through_nll_loss_is_that_of_cross_entropy():
    rng = rng_of(12)
    x, y = rng.normal(size=(6, 4)) * 4, rng.integers(0, 4, size=6)
    kw = {"weight": rng.random(4), "ignore_index": 3}
    through = log_softmax_vjp(x, nll_loss_grad(log_softmax(x), y, **kw))
    np.testing.assert_allclose(through, cross_entropy_grad(x, y, **kw), rtol=1e-13, atol=1e-16)


# ------------------------------------------------------------------------------------------------
# PyTorch as an oracle of its own
# ------------------------------------------------------------------------------------------------

try:
    import torch
except ImportError:
    torch = None

with_torch = pytest.mark.skipif(
    torch is None, reason="PyTorch, an optional oracle, is not installed"
)


def in_torch(function, x, *args, **kw):
    """Return PyTorch's loss and its gradient by automatic differentiation, as NumPy arrays."""
    x = torch.tensor(x, requires_grad=True)
    kw = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in kw.items()}
    loss = function(x, *map(torch.tensor, args), **kw)
    loss.sum().backward()
    return loss.detach().numpy(), x.grad.numpy()


@with_torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 5, 2)])
def test_cross_entropy_agrees_with_pytorch(shape, reduction, dtype):
    rng = rng_of(13, len(shape))
    axis = 0 if len(shape) == 1 else 1
    labels_shape = shape[:axis] + shape[axis + 1 :]
    tolerance = {"rtol": 50 * np.finfo(dtype).eps, "atol": 50 * np.finfo(dtype).eps}
    for soft, weighted, smoothing in itertools.product([0, 1], [0, 1], [0.0, 0.1, 1.0]):
        x = (rng.normal(size=shape) * 5).astype(dtype)
        p = np.moveaxis(rng.dirichlet(np.ones(5), size=labels_shape), -1, axis).astype(dtype)
        y = p if soft else np.asarray(rng.integers(0, 5, size=labels_shape))
        kw = {"label_smoothing": smoothing, "reduction": reduction}
        if weighted:
            kw["weight"] = rng.random(5).astype(dtype)
        if not soft:
            kw["ignore_index"] = 2
        loss, grad = in_torch(torch.nn.functional.cross_entropy, x, y, **kw)
        ours = cross_entropy(x, y, axis=axis, **kw)
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, loss, **tolerance)
        np.testing.assert_allclose(cross_entropy_grad(x, y, axis=axis, **kw), grad, **tolerance)


@with_torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_loss_agrees_with_pytorch(reduction):
    rng = rng_of(14)
    log_p, y = log_softmax(rng.normal(size=(6, 4))), rng.integers(0, 4, size=6)
    kw = {"weight": rng.random(4), "ignore_index": 1, "reduction": reduction}
    loss, grad = in_torch(torch.nn.functional.nll_loss, log_p, y, **kw)
    np.testing.assert_allclose(nll_loss(log_p, y, **kw), loss, rtol=1e-14)
    np.testing.assert_allclose(nll_loss_grad(log_p, y, **kw), grad, rtol=1e-14)


@with_torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_agrees_with_pytorch(reduction):
    rng = rng_of(15)
    z, y = rng.normal(size=(6, 4)) * 10, rng.random((6, 4))
    kw = {"weight": rng.random((6, 1)), "pos_weight": rng.random(4), "reduction": reduction}
    loss, grad = in_torch(torch.nn.functional.binary_cross_entropy_with_logits, z, y, **kw)
    ours = binary_cross_entropy_with_logits(z, y, **kw)
    np.testing.assert_allclose(ours, loss, rtol=1e-13)
    ours = binary_cross_entropy_with_logits_grad(z, y, **kw)
    np.testing.assert_allclose(ours, grad, rtol=1e-12, atol=1e-15)


@with_torch
def test_documented_differences_from_pytorch():
    functional = torch.nn.functional
    masked, half = np.array([[-np.inf, 0.0]]), np.array([[0.0, 1.0]])
    assert np.isnan(in_torch(functional.cross_entropy, masked, half)[0])
    assert cross_entropy(masked, half) == 0
    loss, grad = in_torch(functional.cross_entropy, np.full((2, 2), np.nan), np.array([-100, -100]))
    assert np.isnan(loss)
    assert np.isnan(grad).all() or (grad == 0).all()
    inf = in_torch(functional.binary_cross_entropy_with_logits, np.array([np.inf]), np.array([1.0]))
    assert np.isnan(inf[0])
    assert binary_cross_entropy_with_logits([np.inf], [1]) == 0


# ------------------------------------------------------------------------------------------------
# Properties
# ------------------------------------------------------------------------------------------------

rows_of_logits = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
    elements=st.floats(-200, 200),
)


@st.composite
def logits_and_labels(draw):
    x = draw(rows_of_logits)
    labels = st.integers(0, x.shape[-1] - 1)
    return x, np.array(draw(st.lists(labels, min_size=len(x), max_size=len(x))))


@given(logits_and_labels())
def test_losses_are_not_negative_and_grow_with_the_other_logits(case):
    x, y = case
    losses = cross_entropy(x, y, reduction="none")
    assert (losses >= 0).all()
    raised = x + 1.0
    np.put_along_axis(raised, y[:, None], np.take_along_axis(x, y[:, None], -1), -1)
    assert (cross_entropy(raised, y, reduction="none") >= losses).all()


@given(logits_and_labels(), st.integers(-100, 100))
def test_cross_entropy_does_not_see_a_shift(case, shift):
    x, y = case
    x = np.round(x * 1024) / 1024  # so that adding the shift is exact
    np.testing.assert_allclose(
        cross_entropy(x + shift, y, reduction="none"),
        cross_entropy(x, y, reduction="none"),
        rtol=2e-13,  # 400 ulp or so: the largest gap between two logits
    )


@given(logits_and_labels())
def test_gradient_sums_to_zero_and_has_the_right_signs(case):
    x, y = case
    grad = cross_entropy_grad(x, y, reduction="none")
    assert (np.abs(grad.sum(axis=-1)) <= 1e-14).all()
    at_label = np.eye(x.shape[-1], dtype=bool)[y]
    assert (grad[at_label] <= 0).all()
    assert (grad[~at_label] >= 0).all()
    assert (np.linalg.norm(grad, axis=-1) <= np.sqrt(2) + 1e-14).all()


@given(logits_and_labels())
def test_one_hot_probabilities_are_labels(case):
    x, y = case
    one_hot = np.eye(x.shape[-1])[y]
    np.testing.assert_allclose(cross_entropy(x, one_hot), cross_entropy(x, y), rtol=1e-14)
    # A soft target's gradient is a difference of products; for one-hot rows both are exact zeros
    # or the same sum of the other probabilities.
    np.testing.assert_allclose(
        cross_entropy_grad(x, one_hot), cross_entropy_grad(x, y), rtol=1e-13, atol=1e-300
    )


@given(logits_and_labels())
def test_cross_entropy_is_nll_of_log_softmax(case):
    x, y = case
    np.testing.assert_array_equal(cross_entropy(x, y), nll_loss(log_softmax(x), y))


@given(st.integers(2, 6).flatmap(lambda n: hnp.arrays(float, (2, n), elements=st.floats(-50, 50))))
def test_no_prediction_beats_the_targets_themselves(pair):
    own, other = pair
    p = softmax(own)
    assert cross_entropy(other, p) >= cross_entropy(own, p) * (1 - 1e-13)


@pytest.mark.parametrize("axis", [-3, -2, -1, 0, 1, 2])
@pytest.mark.parametrize("soft", [False, True])
def test_axis_is_moveaxis(soft, axis):
    rng = rng_of(16, soft)
    x = rng.normal(size=(3, 4, 5))
    last = np.moveaxis(x, axis, -1)
    n_classes = last.shape[-1]
    y = rng.integers(0, n_classes, size=last.shape[:-1])
    p = rng.dirichlet(np.ones(n_classes), size=last.shape[:-1])
    targets, moved = (np.moveaxis(p, -1, axis), p) if soft else (y, y)
    kw = {"weight": rng.random(n_classes)}
    for reduction in REDUCTIONS:
        np.testing.assert_allclose(
            cross_entropy(x, targets, axis=axis, reduction=reduction, **kw),
            cross_entropy(last, moved, reduction=reduction, **kw),
            rtol=1e-14,
        )
        grad = cross_entropy_grad(x, targets, axis=axis, reduction=reduction, **kw)
        assert grad.shape == x.shape
        expected = cross_entropy_grad(last, moved, reduction=reduction, **kw)
        np.testing.assert_allclose(np.moveaxis(grad, axis, -1), expected, rtol=1e-12, atol=1e-16)


# ------------------------------------------------------------------------------------------------
# Dtypes, kinds of input, purity
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_dtype_is_that_of_the_logits(reduction, dtype):
    x = np.array([[1, 2], [3, 1]], dtype=dtype)
    soft, weight = np.float64([[0.5, 0.5], [1, 0]]), np.longdouble([1, 2])
    kw = {"weight": weight, "reduction": reduction}
    for targets in ([0, 1], soft):
        assert cross_entropy(x, targets, label_smoothing=np.float64(0.1), **kw).dtype == dtype
        assert cross_entropy_grad(x, targets, label_smoothing=np.float64(0.1), **kw).dtype == dtype
    assert nll_loss(x, [0, 1], **kw).dtype == dtype
    assert nll_loss_grad(x, [0, 1], **kw).dtype == dtype
    kw["pos_weight"] = weight
    assert binary_cross_entropy_with_logits(x, soft, **kw).dtype == dtype
    assert binary_cross_entropy_with_logits_grad(x, soft, **kw).dtype == dtype


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.bool_])
def test_integers_become_float64_before_any_arithmetic(dtype):
    info = (0, 1) if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    x = np.array(info, dtype=dtype)
    expected = cross_entropy(x.astype(float), 0)
    assert cross_entropy(x, 0) == expected
    assert cross_entropy(x, 0).dtype == np.float64
    np.testing.assert_array_equal(cross_entropy_grad(x, 0), cross_entropy_grad(x.astype(float), 0))
    assert binary_cross_entropy_with_logits(x, [0, 1]).dtype == np.float64


def test_float16_is_computed_in_float32():
    x = np.zeros((70_000, 2), dtype=np.float16)
    y = np.zeros(70_000, dtype=int)
    # In float16 the sum of the rows would be inf, and so would be their number.
    assert cross_entropy(x, y) == np.float16(np.log(2))
    assert cross_entropy(x, y, reduction="sum") == np.float16(48512)
    assert binary_cross_entropy_with_logits(x[:, 0], y) == np.float16(np.log(2))
    wide = np.zeros(70_000, dtype=np.float16)
    assert cross_entropy(wide, 0) == np.float16(np.log(70_000))
    np.testing.assert_array_equal(cross_entropy_grad(wide, 0)[1:], np.float16(1 / 70_000))


def test_sums_beyond_float16_overflow_without_a_warning():
    x = np.full((10, 2), [60000, 0], dtype=np.float16)
    assert cross_entropy(x, np.ones(10, int), reduction="sum") == np.inf


@pytest.mark.parametrize(
    "as_kind",
    [
        lambda x: x.tolist(),
        lambda x: x.astype(">f8"),
        lambda x: np.asfortranarray(x),
        lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.view(type("Sub", (np.ndarray,), {})),
    ],
    ids=["list", "big-endian", "fortran", "negative strides", "non-contiguous", "sub-class"],
)
def test_kinds_of_arrays(as_kind):
    x = rng_of(17).normal(size=(3, 4))
    p = softmax(rng_of(18).normal(size=(3, 4)))
    y = np.array([0, 3, 1])
    for function, targets in [
        (cross_entropy, y),
        (cross_entropy_grad, y),
        (nll_loss, y),
        (nll_loss_grad, y),
        (cross_entropy, p),
        (cross_entropy_grad, p),
        (binary_cross_entropy_with_logits, p),
        (binary_cross_entropy_with_logits_grad, p),
    ]:
        other = as_kind(targets) if targets is p else targets.astype(">i2")
        result = function(as_kind(x), other)
        np.testing.assert_allclose(result, function(x, targets), rtol=1e-14)
        assert result.dtype == np.dtype(float)
        assert type(result) in (np.float64, np.ndarray)


def test_scalars():
    assert cross_entropy(3.0, 0) == 0
    assert cross_entropy(3.0, 1.0) == 0
    assert cross_entropy_grad(3.0, 0).shape == ()
    assert nll_loss(-2.0, 0) == 2
    assert nll_loss_grad(-2.0, 0) == -1
    assert isinstance(binary_cross_entropy_with_logits(0.0, 1, reduction="none"), np.float64)
    assert isinstance(binary_cross_entropy_with_logits_grad(0.0, True), np.float64)
    assert cross_entropy([0.0, 1.0], np.uint8(1), ignore_index=-100) < 1


def test_arguments_are_not_modified_and_may_be_read_only():
    x, p = rng_of(19).normal(size=(3, 4)), softmax(rng_of(20).normal(size=(3, 4)))
    y, weight = np.array([0, -1, 3]), rng_of(21).random(4)
    arrays = [x, p, y, weight]
    copies = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    kw = {"weight": weight}
    labelled = {"ignore_index": -1, **kw}
    outputs = [
        cross_entropy(x, y, reduction="none", label_smoothing=0.1, **labelled),
        cross_entropy_grad(x, y, reduction="none", **labelled),
        cross_entropy_grad(x, p, label_smoothing=0.1, **kw),
        nll_loss(x, y, reduction="none", **labelled),
        nll_loss_grad(x, y, **labelled),
        binary_cross_entropy_with_logits(x, p, reduction="none", pos_weight=weight, **kw),
        binary_cross_entropy_with_logits_grad(x, p, pos_weight=weight, **kw),
    ]
    for a, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(a, copy)
    for output, a in itertools.product(outputs, arrays):
        assert output.flags.writeable
        assert not np.shares_memory(output, a)


# ------------------------------------------------------------------------------------------------
# Errors
# ------------------------------------------------------------------------------------------------

Z = np.zeros((4, 10))
Y = np.zeros(4, dtype=int)
P = np.full((4, 10), 0.1)


def with_entry(array, at, value):
    array = array.copy()
    array[at] = value
    return array


ERRORS = [
    (cross_entropy, (Z, with_entry(Y, 3, 12)), {},
     ValueError, "targets must be class indices in [0, 10), got 12 at position (3,)"),
    (cross_entropy, (Z, with_entry(Y, 1, -100)), {},
     ValueError, "targets must be class indices in [0, 10), got -100 at position (1,)"),
    (cross_entropy, (Z[0], 10), {},
     ValueError, "targets must be class indices in [0, 10), got 10"),
    (cross_entropy, (Z, with_entry(Y, 2, 11)), {"ignore_index": 12},
     ValueError, "targets must be class indices in [0, 10), got 11 at position (2,)"),
    (cross_entropy, (Z, Y[:3]), {},
     ValueError, "targets of class indices must have the shape (4,), got (3,)"),
    (cross_entropy, (Z, np.zeros((4, 10), int)), {},
     ValueError, "targets of class indices must have the shape (4,), got (4, 10); "
     "one-hot rows and probabilities need a floating dtype"),
    (cross_entropy, (Z, Y * 1.0), {},
     ValueError, "targets of floating dtype are class probabilities and must have the logits' "
     "shape (4, 10), got (4,); class indices need an integer dtype"),
    (cross_entropy, (Z, with_entry(P, (2, 5), -0.1)), {},
     ValueError, "targets must be non-negative probabilities, got -0.1 at position (2, 5)"),
    (cross_entropy, (Z, with_entry(P, (2, 5), np.nan)), {},
     ValueError, "targets must be non-negative probabilities, got nan at position (2, 5)"),
    (cross_entropy, (Z.T, with_entry(P, (2, 5), -1).T), {"axis": 0},
     ValueError, "targets must be non-negative probabilities, got -1.0 at position (5, 2)"),
    (cross_entropy, (Z, with_entry(P, (2, 5), 0.5)), {},
     ValueError, "targets must sum to 1 within 0.001 over the classes, got 1.4"),
    (cross_entropy, (Z, with_entry(P, (2, 5), np.inf)), {},
     ValueError, "targets must sum to 1 within 0.001 over the classes, got inf at position (2,)"),
    (cross_entropy, (Z, np.float16(P * 1.1)), {},
     ValueError, "targets must sum to 1 within 0.01 over the classes, "
     "got 1.099853515625 at position (0,)"),
    (cross_entropy, (Z, P), {"ignore_index": 0},
     ValueError, "ignore_index needs class indices as targets, got floats"),
    (cross_entropy, (Z, Y.astype(bool)), {},
     TypeError, "targets must be integers (class indices) or floats (class probabilities), "
     "got dtype bool"),
    (cross_entropy, (Z, ["0", "1", "2", "3"]), {},
     TypeError, "targets must be integers (class indices) or floats (class probabilities), "
     "got dtype <U1"),
    (cross_entropy, (Z, np.ma.masked_array(Y)), {},
     TypeError, "targets must be a plain array, got a masked array"),
    (cross_entropy, (np.ma.masked_array(Z), Y), {},
     TypeError, "logits must be a plain array, got a masked array"),
    (cross_entropy, (Z * 1j, Y), {}, TypeError, "logits must hold real numbers, got dtype complex"),
    (cross_entropy, (Z, Y), {"reduction": "avg"},
     ValueError, "reduction must be 'mean', 'sum' or 'none', got 'avg'"),
    (cross_entropy, (Z, Y), {"label_smoothing": 1.5},
     ValueError, "label_smoothing must lie in [0, 1], got 1.5"),
    (cross_entropy, (Z, Y), {"label_smoothing": np.nan},
     ValueError, "label_smoothing must lie in [0, 1], got nan"),
    (cross_entropy, (Z, Y), {"weight": np.ones(4)},
     ValueError, "weight must have one entry per class, shape (10,), got (4,)"),
    (cross_entropy, (Z, Y), {"weight": with_entry(np.ones(10), 7, -2)},
     ValueError, "weight must be finite and non-negative, got -2.0 at position (7,)"),
    (cross_entropy, (Z, Y), {"weight": with_entry(np.ones(10), 7, np.nan)},
     ValueError, "weight must be finite and non-negative, got nan at position (7,)"),
    (cross_entropy, (Z.astype("f4"), Y), {"weight": np.full(10, 1e300)},
     ValueError, "weight must be finite and non-negative, got inf at position (0,)"),
    (cross_entropy, (Z, Y), {"weight": ["a"] * 10},
     TypeError, "weight must hold real numbers, got dtype <U1"),
    (cross_entropy, (Z, Y), {"axis": 2},
     np.exceptions.AxisError, "axis 2 is out of bounds for array of dimension 2"),
    (cross_entropy, (Z, Y), {"axis": (0, 1)}, TypeError, "axis must be an int, got (0, 1)"),
    (cross_entropy, (Z, Y), {"axis": None}, TypeError, "axis must be an int, got None"),
    (cross_entropy, (np.zeros((4, 0)), Y), {},
     ValueError, "logits must have at least one class along axis 1, got shape (4, 0)"),
    (nll_loss, (Z, P), {},
     TypeError, "targets must be integers (class indices), got dtype float64"),
    (nll_loss, (Z, with_entry(Y, 3, 12)), {},
     ValueError, "targets must be class indices in [0, 10), got 12 at position (3,)"),
    (nll_loss, (Z * 1j, Y), {}, TypeError, "log_probs must hold real numbers, got dtype complex"),
    (nll_loss, (Z, Y), {"reduction": None},
     ValueError, "reduction must be 'mean', 'sum' or 'none', got None"),
    (binary_cross_entropy_with_logits, (Z, P[0]), {},
     ValueError, "targets must have the logits' shape (4, 10), got (10,)"),
    (binary_cross_entropy_with_logits, (Z, with_entry(P, (1, 2), 1.5)), {},
     ValueError, "targets must lie in [0, 1], got 1.5 at position (1, 2)"),
    (binary_cross_entropy_with_logits, (0.0, np.nan), {},
     ValueError, "targets must lie in [0, 1], got nan"),
    (binary_cross_entropy_with_logits, (Z, P), {"weight": np.ones(4)},
     ValueError, "weight must broadcast to the logits' shape (4, 10), got (4,)"),
    (binary_cross_entropy_with_logits, (Z, P), {"pos_weight": np.ones((2, 4, 10))},
     ValueError, "pos_weight must broadcast to the logits' shape (4, 10), got (2, 4, 10)"),
    (binary_cross_entropy_with_logits, (Z, P), {"pos_weight": -1},
     ValueError, "pos_weight must be finite and non-negative, got -1.0"),
    (binary_cross_entropy_with_logits, (Z, P), {"reduction": "MEAN"},
     ValueError, "reduction must be 'mean', 'sum' or 'none', got 'MEAN'"),
    (binary_cross_entropy_with_logits, (Z, P * 1j), {},
     TypeError, "targets must hold real numbers, got dtype complex"),
]  # fmt: skip
GRADIENTS = {
    cross_entropy: cross_entropy_grad,
    nll_loss: nll_loss_grad,
    binary_cross_entropy_with_logits: binary_cross_entropy_with_logits_grad,
}


@pytest.mark.parametrize(("loss", "args", "kw", "error", "message"), ERRORS)
def test_errors_say_what_was_expected_and_what_came(loss, args, kw, error, message):
    for function in (loss, GRADIENTS[loss]):
        with pytest.raises(error) as caught:
            function(*args, **kw)
        assert message in str(caught.value)
