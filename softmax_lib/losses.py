"""Cross-entropy, negative log-likelihood and binary cross-entropy, and their gradients.

The semantics are those that PyTorch documents for the functions of the same names; each docstring
lists what differs. Everything is computed from logits or log-probabilities, so that a confident
correct prediction has its tiny loss and gradient and not zero.
"""

from __future__ import annotations

from operator import index
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import ArrayLike, NDArray

from ._arrays import FloatArray, as_float_array, as_scalar_if_0d, working_dtype
from .activations import log_softmax, sigmoid, softmax, softplus
from .gradients import log_softmax_vjp_of_probs

__all__ = [
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_grad",
    "cross_entropy",
    "cross_entropy_grad",
    "nll_loss",
    "nll_loss_grad",
]

Reduction = Literal["mean", "sum", "none"]


class _Rows(NamedTuple):
    """The logits or log-probabilities with the classes last, and how to go back."""

    values: FloatArray  # (..., n_classes), in the dtype to compute in
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    axis: int

    def restore(self, rows: FloatArray) -> Any:
        moved = np.moveaxis(rows, -1, self.axis)
        return np.ascontiguousarray(moved, dtype=self.dtype).reshape(self.shape)[()]


class _Labels(NamedTuple):
    """Targets that name one class per row."""

    labels: NDArray[np.intp]  # (..., 1); 0 where the row is ignored
    weight: FloatArray  # (..., 1); that of the label, 0 where the row is ignored
    ignored: NDArray[np.bool_]  # (..., 1)
    total: Any  # what reduction="mean" divides by

    def losses(self, log_p: FloatArray) -> FloatArray:
        return _silencing_product(self.weight, np.take_along_axis(log_p, self.labels, axis=-1))

    def grad(self, p: FloatArray, divisor: Any) -> FloatArray:
        """Turn the probabilities, which are overwritten, into the gradient divided by `divisor`."""
        np.put_along_axis(p, self.labels, 0, axis=-1)
        others = np.sum(p, axis=-1, keepdims=True)
        np.put_along_axis(p, self.labels, 0 - others, axis=-1)
        p *= self.weight / divisor
        return p


class _Mixture(NamedTuple):
    """Targets that share each row out between the classes."""

    shares: FloatArray  # (..., n_classes); probability times class weight
    ignored: NDArray[np.bool_]  # (..., 1)
    total: Any

    def losses(self, log_p: FloatArray) -> FloatArray:
        return _silencing_product(self.shares, log_p)

    def grad(self, p: FloatArray, divisor: Any) -> FloatArray:
        grad: FloatArray = 0 - log_softmax_vjp_of_probs(p, self.shares)
        grad /= divisor
        return grad


def _rows(x: ArrayLike, axis: int, name: str) -> _Rows:
    z = as_float_array(x, name)
    try:
        axis = index(axis)
    except TypeError:
        message = f"axis must be an int, got {axis!r}"
        raise TypeError(message) from None
    shape = z.shape
    z = np.atleast_1d(z)
    axis = normalize_axis_index(axis, z.ndim)
    if z.shape[axis] == 0:
        message = f"{name} must have at least one class along axis {axis}, got shape {shape}"
        raise ValueError(message)
    values = np.moveaxis(z, axis, -1).astype(working_dtype(z.dtype), copy=False)
    return _Rows(values, z.dtype, shape, axis)


def _check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        message = f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}"
        raise ValueError(message)


def _read_targets(
    targets: ArrayLike,
    rows: _Rows,
    weight: ArrayLike | None,
    ignore_index: int | None,
    label_smoothing: float,
) -> _Labels | _Mixture:
    smoothing = _read_label_smoothing(label_smoothing)
    if _as_target_array(targets, rows).dtype.kind == "f":
        if ignore_index is not None:
            message = "ignore_index needs class indices as targets, got floats"
            raise ValueError(message)
        return _read_probabilities(targets, rows, weight, smoothing)
    labels = _read_labels(targets, rows, weight, ignore_index)
    return _smooth_labels(labels, rows, weight, smoothing) if smoothing else labels


def _as_target_array(targets: ArrayLike, rows: _Rows) -> NDArray[Any]:
    if isinstance(targets, np.ma.MaskedArray):
        message = "targets must be a plain array, got a masked array"
        raise TypeError(message)
    t = np.asarray(targets)
    if t.size == 0 and t.shape == rows.values.shape[:-1] and not isinstance(targets, np.ndarray):
        return t.astype(np.intp)  # an empty list has no dtype of its own
    if t.dtype.kind not in "iuf":
        message = (
            "targets must be integers (class indices) or floats (class probabilities), "
            f"got dtype {t.dtype}"
        )
        raise TypeError(message)
    return t


def _read_labels(
    targets: ArrayLike, rows: _Rows, weight: ArrayLike | None, ignore_index: int | None
) -> _Labels:
    t = _as_target_array(targets, rows)
    if t.dtype.kind == "f":
        message = f"targets must be integers (class indices), got dtype {t.dtype}"
        raise TypeError(message)
    expected = rows.values.shape[:-1]
    if t.shape != expected:
        message = f"targets of class indices must have the shape {expected}, got {t.shape}"
        if t.shape == rows.shape:
            message += "; one-hot rows and probabilities need a floating dtype"
        raise ValueError(message)
    n_classes = rows.values.shape[-1]
    ignored = np.zeros(t.shape, dtype=bool) if ignore_index is None else t == ignore_index
    wrong = ((t < 0) | (t >= n_classes)) & ~ignored
    if np.any(wrong):
        message = f"targets must be class indices in [0, {n_classes}), {_came(t, wrong)}"
        raise ValueError(message)
    ignored = ignored[..., np.newaxis]
    labels = np.where(ignored, 0, t[..., np.newaxis]).astype(np.intp)
    row_weight = _read_class_weight(weight, rows.values)[labels] * ~ignored
    return _Labels(labels, row_weight, ignored, np.sum(row_weight))


def _smooth_labels(
    labels: _Labels, rows: _Rows, weight: ArrayLike | None, smoothing: float
) -> _Mixture:
    one_hot = np.zeros_like(rows.values)
    np.put_along_axis(one_hot, labels.labels, 1, axis=-1)
    shares = _smooth(one_hot, smoothing) * _read_class_weight(weight, rows.values)
    return _Mixture(shares, labels.ignored, labels.total)


def _read_probabilities(
    targets: ArrayLike, rows: _Rows, weight: ArrayLike | None, smoothing: float
) -> _Mixture:
    t = np.asarray(targets)
    if t.shape != rows.shape:
        message = (
            f"targets of floating dtype are class probabilities and must have the logits' shape "
            f"{rows.shape}, got {t.shape}; class indices need an integer dtype"
        )
        raise ValueError(message)
    if np.any(negative := ~(t >= 0)):
        message = f"targets must be non-negative probabilities, {_came(t, negative)}"
        raise ValueError(message)
    y = np.moveaxis(np.atleast_1d(t), rows.axis, -1).astype(working_dtype(t.dtype))
    sums = np.sum(y, axis=-1)
    tolerance = 1e-2 if t.dtype == np.float16 else 1e-3
    if np.any(wrong := ~(np.abs(sums - 1) <= tolerance)):
        message = f"targets must sum to 1 within {tolerance} over the classes, {_came(sums, wrong)}"
        raise ValueError(message)
    y = _smooth(y.astype(rows.values.dtype, copy=False), smoothing)
    shares = y * _read_class_weight(weight, rows.values)
    total = shares.dtype.type(sums.size)
    return _Mixture(shares, np.zeros((*sums.shape, 1), dtype=bool), total)


def _smooth(y: FloatArray, smoothing: float) -> FloatArray:
    smoothed: FloatArray = (1 - smoothing) * y + smoothing / y.shape[-1]
    return smoothed


def _came(array: NDArray[Any], wrong: NDArray[np.bool_]) -> str:
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"got {array[at]} at position {at}" if at else f"got {array[()]}"


def _read_class_weight(weight: ArrayLike | None, values: FloatArray) -> FloatArray:
    n_classes = values.shape[-1]
    if weight is None:
        return np.ones(n_classes, dtype=values.dtype)
    w = _read_weight(weight, values, "weight")
    if w.shape != (n_classes,):
        message = f"weight must have one entry per class, shape ({n_classes},), got {w.shape}"
        raise ValueError(message)
    return w


def _read_weight(weight: ArrayLike, values: FloatArray, name: str) -> FloatArray:
    with np.errstate(over="ignore"):
        w = as_float_array(weight, name).astype(values.dtype, copy=False)
    if np.any(wrong := ~((w >= 0) & (w < np.inf))):
        message = f"{name} must be finite and non-negative, {_came(w, wrong)}"
        raise ValueError(message)
    return w


def _read_label_smoothing(label_smoothing: float) -> float:
    if not 0 <= label_smoothing <= 1:
        message = f"label_smoothing must lie in [0, 1], got {label_smoothing}"
        raise ValueError(message)
    return float(label_smoothing)


def _silencing_product(weight: FloatArray, value: FloatArray) -> FloatArray:
    """Multiply, but let a weight of 0 silence an infinite value; nan stays nan."""
    product: FloatArray = weight * np.where((weight == 0) & np.isinf(value), 0, value)
    return product


def _reduced_losses(
    log_p: FloatArray, targets: _Labels | _Mixture, reduction: str, dtype: np.dtype[Any]
) -> Any:
    losses = np.where(targets.ignored, 0, targets.losses(log_p))
    losses = 0 - np.sum(losses, axis=-1)  # 0 - x, because -x would turn 0 into -0
    return _reduce(losses, targets.total, reduction, dtype)


def _reduce(losses: FloatArray, total: Any, reduction: str, dtype: np.dtype[Any]) -> Any:
    result = losses if reduction == "none" else np.sum(losses)
    if reduction == "mean":
        result = result / total
    return as_scalar_if_0d(np.asarray(result, dtype=dtype))


def _divisor(targets: _Labels | _Mixture, reduction: str) -> Any:
    return targets.total if reduction == "mean" else targets.total.dtype.type(1)


def _clear_ignored(grad: FloatArray, targets: _Labels | _Mixture) -> FloatArray:
    if np.any(targets.ignored):
        grad[targets.ignored[..., 0]] = 0
    return grad


def cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Any:
    r"""
    Compute the cross-entropy between targets and the softmax of logits.

    .. math:: \ell = -\sum_k w_k\, y_k \log p_k, \qquad p = \operatorname{softmax}(z)

    For a class index c this is :math:`-w_c \log p_c`.

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes) for the default axis
        Unnormalised log-probabilities, in nats. -inf marks an impossible class.
    targets : array_like
        Integers: class indices in [0, n_classes), shape of `logits` without the class axis.
        Floats: class probabilities, same shape as logits, non-negative, that sum to 1 along the
        class axis within 1e-3 (1e-2 for float16).
    axis : int, default=-1
        The class axis of `logits`. A 0-d `logits` counts as one class.
    weight : array_like of real numbers, shape (n_classes,), optional
        A finite, non-negative factor for each class.
    ignore_index : int, optional
        A value in integer targets that marks rows to leave out.
    label_smoothing : float, default=0.0
        The share of each target, in [0, 1], that is spread evenly over all classes.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives every row's loss and "sum" their sum. "mean" divides the sum by the sum of the
        weights of the target classes that are left; for probabilities, by the number of rows.

    Returns
    -------
    scalar, or ndarray of the same shape as logits without the class axis for "none"
        The loss in nats. The dtype is that of `logits`, float64 for integers; float16 is computed
        in float32. `targets` and `weight` do not change it.

    Raises
    ------
    TypeError
        If `logits` or `weight` is complex, not numeric or a masked array, if `targets` holds
        neither integers nor floats, or if `axis` is not an int.
    ValueError
        If a class index is out of range, a shape does not fit, probabilities are negative or do
        not sum to 1, a weight is negative or not finite, `label_smoothing` is outside [0, 1],
        `ignore_index` is given with probabilities, `reduction` is unknown, or there is no class.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    cross_entropy_grad : Its gradient with respect to the logits.
    nll_loss : The same from log-probabilities.
    binary_cross_entropy_with_logits : For labels that do not exclude each other.

    Notes
    -----
    A confident correct prediction has a small loss and not zero, because `log_softmax` keeps its
    relative accuracy.

    With nothing to average (no row, all rows ignored, or no weight) the mean is nan and the sum 0.
    A row in which softmax is nan (only -inf, or any +inf or nan) has the loss nan, unless it is
    ignored. A target class with the logit -inf has the loss +inf.

    Differences from PyTorch 2.13: the class axis is the last one by default, not the second;
    `ignore_index` is None by default, not -100; y_k log p_k is 0, not nan, where y_k or w_k is 0
    and log p_k is -inf; an ignored row that holds nan has zero loss; probabilities and weights are
    checked.

    References
    ----------
    .. [1] PyTorch documentation, ``torch.nn.functional.cross_entropy``,
       https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    Examples
    --------
    >>> from softmax_lib import cross_entropy
    >>> print(f"{cross_entropy([2, 4, 2, 1], 1):.4f}")
    0.2780
    >>> print(f"{cross_entropy([0, -40], 0):.6e}")
    4.248354e-18
    >>> cross_entropy([[0.0, 0.0], [5.0, 1.0]], [1, -1], ignore_index=-1, reduction="none").round(4)
    array([0.6931, 0.    ])
    """
    _check_reduction(reduction)
    rows = _rows(logits, axis, "logits")
    t = _read_targets(targets, rows, weight, ignore_index, label_smoothing)
    with np.errstate(all="ignore"):
        return _reduced_losses(log_softmax(rows.values), t, reduction, rows.dtype)


def cross_entropy_grad(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Any:
    r"""
    Compute the gradient of `cross_entropy` with respect to the logits.

    .. math:: \frac{\partial \ell}{\partial z_j} = p_j \sum_k w_k y_k - w_j y_j,
              \qquad p = \operatorname{softmax}(z)

    Without weights this is p - y.

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes) for the default axis
        Unnormalised log-probabilities, in nats. -inf marks an impossible class.
    targets : array_like
        Integers: class indices in [0, n_classes), shape of `logits` without the class axis.
        Floats: class probabilities, same shape as logits, non-negative, that sum to 1 along the
        class axis within 1e-3 (1e-2 for float16).
    axis : int, default=-1
        The class axis of `logits`. A 0-d `logits` counts as one class.
    weight : array_like of real numbers, shape (n_classes,), optional
        A finite, non-negative factor for each class.
    ignore_index : int, optional
        A value in integer targets that marks rows to leave out; their gradient is 0.
    label_smoothing : float, default=0.0
        The share of each target, in [0, 1], that is spread evenly over all classes.
    reduction : {"mean", "sum", "none"}, default="mean"
        The reduction of the loss that is differentiated. For "none" and "sum", each row's entries
        are the derivatives of that row's own loss; "mean" divides them as `cross_entropy` does.

    Returns
    -------
    ndarray or scalar, shape of `logits`
        The gradient, per nat; its sum along the class axis is zero up to rounding. The dtype is
        that of `logits`, float64 for integers; float16 is computed in float32.

    Raises
    ------
    TypeError
        If `logits` or `weight` is complex, not numeric or a masked array, if `targets` holds
        neither integers nor floats, or if `axis` is not an int.
    ValueError
        If a class index is out of range, a shape does not fit, probabilities are negative or do
        not sum to 1, a weight is negative or not finite, `label_smoothing` is outside [0, 1],
        `ignore_index` is given with probabilities, `reduction` is unknown, or there is no class.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    cross_entropy : The loss itself.
    softmax_jacobian : Its second derivative, for one row without weights.

    Notes
    -----
    The entry of a target class is computed as minus the sum of the other classes' probabilities,
    not as p - 1: for a confident correct prediction it keeps its relative accuracy, where p - 1
    gives 0.

    A row in which softmax is nan (only -inf, or any +inf or nan) has the gradient nan, unless it is
    ignored. A logit of -inf has the formula's value: minus its share of the target.

    Differences from PyTorch 2.13: those of `cross_entropy`; with nothing to average because all
    rows are ignored, the gradient is 0 in both, although the loss is nan.

    References
    ----------
    .. [1] PyTorch documentation, ``torch.nn.functional.cross_entropy``,
       https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    Examples
    --------
    >>> from softmax_lib import cross_entropy_grad
    >>> cross_entropy_grad([2, 4, 2, 1], 1).round(4)
    array([ 0.1025, -0.2427,  0.1025,  0.0377])
    >>> print(f"{cross_entropy_grad([0, -40], 0)[0]:.6e}")
    -4.248354e-18
    """
    _check_reduction(reduction)
    rows = _rows(logits, axis, "logits")
    t = _read_targets(targets, rows, weight, ignore_index, label_smoothing)
    with np.errstate(all="ignore"):
        grad = t.grad(softmax(rows.values), _divisor(t, reduction))
    return rows.restore(_clear_ignored(grad, t))


def nll_loss(
    log_probs: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Any:
    r"""
    Compute the negative log-likelihood of class indices under log-probabilities.

    .. math:: \ell = -w_c \log p_c, \qquad c = \text{the target class}

    Parameters
    ----------
    log_probs : array_like of real numbers, shape (..., n_classes) for the default axis
        Log-probabilities in nats, as `log_softmax` gives them. They are not checked.
    targets : array_like of int, shape of `log_probs` without the class axis
        Class indices in [0, n_classes).
    axis : int, default=-1
        The class axis of `log_probs`. A 0-d `log_probs` counts as one class.
    weight : array_like of real numbers, shape (n_classes,), optional
        A finite, non-negative factor for each class.
    ignore_index : int, optional
        A value in `targets` that marks rows to leave out.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives every row's loss and "sum" their sum. "mean" divides the sum by the sum of the
        weights of the target classes that are left.

    Returns
    -------
    scalar, or ndarray of the shape of `log_probs` without the class axis for "none"
        The loss in nats. The dtype is that of `log_probs`, float64 for integers; float16 is
        computed in float32. `weight` does not change it.

    Raises
    ------
    TypeError
        If `log_probs` or `weight` is complex, not numeric or a masked array, if `targets` are not
        integers, or if `axis` is not an int.
    ValueError
        If a class index is out of range, a shape does not fit, a weight is negative or not finite,
        `reduction` is unknown, or there is no class.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    nll_loss_grad : Its gradient with respect to the log-probabilities.
    cross_entropy : The same from logits.

    Notes
    -----
    With nothing to average (no row, all rows ignored, or no weight) the mean is nan and the sum 0.

    Differences from PyTorch 2.13: the class axis is the last one by default, not the second;
    `ignore_index` is None by default, not -100; a weight of 0 silences a log-probability of -inf
    (PyTorch: nan); an ignored row that holds nan has zero loss; weights are checked.

    References
    ----------
    .. [1] PyTorch documentation, ``torch.nn.functional.nll_loss``,
       https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html

    Examples
    --------
    >>> from softmax_lib import log_softmax, nll_loss
    >>> print(f"{nll_loss(log_softmax([2, 4, 2, 1]), 1):.4f}")
    0.2780
    """
    _check_reduction(reduction)
    rows = _rows(log_probs, axis, "log_probs")
    t = _read_labels(targets, rows, weight, ignore_index)
    with np.errstate(all="ignore"):
        return _reduced_losses(rows.values, t, reduction, rows.dtype)


def nll_loss_grad(
    log_probs: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Any:
    r"""
    Compute the gradient of `nll_loss` with respect to the log-probabilities.

    .. math:: \frac{\partial \ell}{\partial \log p_j} = -w_c\, \delta_{jc},
              \qquad c = \text{the target class}

    Parameters
    ----------
    log_probs : array_like of real numbers, shape (..., n_classes) for the default axis
        Log-probabilities in nats. Only their shape and dtype matter: the loss is linear in them.
    targets : array_like of int, shape of `log_probs` without the class axis
        Class indices in [0, n_classes).
    axis : int, default=-1
        The class axis of `log_probs`. A 0-d `log_probs` counts as one class.
    weight : array_like of real numbers, shape (n_classes,), optional
        A finite, non-negative factor for each class.
    ignore_index : int, optional
        A value in `targets` that marks rows to leave out; their gradient is 0.
    reduction : {"mean", "sum", "none"}, default="mean"
        The reduction of the loss that is differentiated. For "none" and "sum", each row's entries
        are the derivatives of that row's own loss; "mean" divides them as `nll_loss` does.

    Returns
    -------
    ndarray or scalar, shape of `log_probs`
        The gradient: -w at the target class, 0 elsewhere. The dtype is that of `log_probs`,
        float64 for integers; float16 is computed in float32.

    Raises
    ------
    TypeError
        If `log_probs` or `weight` is complex, not numeric or a masked array, if `targets` are not
        integers, or if `axis` is not an int.
    ValueError
        If a class index is out of range, a shape does not fit, a weight is negative or not finite,
        `reduction` is unknown, or there is no class.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    nll_loss : The loss itself.
    log_softmax_vjp : Carries this gradient on to the logits.

    Notes
    -----
    The log-probabilities count as free variables, without the constraint that their exponentials
    sum to 1, as in automatic differentiation. `log_softmax_vjp` of this gradient is the gradient
    with respect to the logits, `cross_entropy_grad`.

    Examples
    --------
    >>> from softmax_lib import nll_loss_grad
    >>> nll_loss_grad([[-0.5, -0.9], [-0.1, -2.4]], [0, 1])
    array([[-0.5,  0. ],
           [ 0. , -0.5]])
    """
    _check_reduction(reduction)
    rows = _rows(log_probs, axis, "log_probs")
    t = _read_labels(targets, rows, weight, ignore_index)
    grad = np.zeros_like(rows.values)
    with np.errstate(all="ignore"):
        at_label = 0 - t.weight / _divisor(t, reduction)
    np.put_along_axis(grad, t.labels, at_label, axis=-1)
    return rows.restore(_clear_ignored(grad, t))


class _BinaryProblem(NamedTuple):
    logits: FloatArray
    targets: FloatArray
    weight: FloatArray
    positive_weight: FloatArray
    dtype: np.dtype[Any]


def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    r"""
    Compute the binary cross-entropy between targets and the sigmoid of logits, elementwise.

    .. math:: \ell = -w \big[ w^+ y \log \sigma(z) + (1 - y) \log \sigma(-z) \big]

    Each logit is a yes-or-no question of its own: the loss for labels that do not exclude each
    other.

    Parameters
    ----------
    logits : array_like of real numbers, shape (...)
        Log-odds, in nats.
    targets : array_like of real numbers or bool, shape of `logits`
        Probabilities of "yes", in [0, 1]; often 0 and 1.
    weight : array_like of real numbers, optional
        A finite, non-negative factor w for each element; it broadcasts to the shape of `logits`.
    pos_weight : array_like of real numbers, optional
        A finite, non-negative factor for the "yes" part; it broadcasts to the shape of `logits`, so
        that shape (n_labels,) gives one factor per label.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives every element's loss, "sum" their sum, and "mean" divides the sum by the number
        of elements, whatever the weights.

    Returns
    -------
    scalar, or ndarray of the same shape as logits for "none"
        The loss in nats. The dtype is that of `logits`, float64 for integers; float16 is computed
        in float32. The other arguments do not change it.

    Raises
    ------
    TypeError
        If an argument is complex, not numeric or a masked array.
    ValueError
        If `targets` has not the shape of `logits` or leaves [0, 1], a weight does not broadcast, is
        negative or not finite, or `reduction` is unknown.

    See Also
    --------
    binary_cross_entropy_with_logits_grad : Its gradient with respect to the logits.
    cross_entropy : For classes that exclude each other.

    Notes
    -----
    Both parts are softplus terms that cannot be negative, so nothing cancels: a confident correct
    prediction has a small loss and not zero, on either side.

    With no element the mean is nan and the sum 0. A logit of +inf or -inf has the loss 0 when the
    target agrees with it and +inf when it does not.

    Differences from PyTorch 2.13: a product of 0 and infinity counts as 0, so that an infinite
    logit with an agreeing target gives 0 (PyTorch: nan); targets outside [0, 1] and negative
    weights are refused; integer and bool targets are accepted.

    References
    ----------
    .. [1] PyTorch documentation, ``torch.nn.functional.binary_cross_entropy_with_logits``,
       https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html

    Examples
    --------
    >>> from softmax_lib import binary_cross_entropy_with_logits
    >>> print(f"{binary_cross_entropy_with_logits([0.0, 2.0], [1, 0]):.4f}")
    1.4100
    >>> print(f"{binary_cross_entropy_with_logits(40, 1):.6e}")
    4.248354e-18
    """
    _check_reduction(reduction)
    z, y, w, w_pos, dtype = _read_binary_problem(logits, targets, weight, pos_weight)
    with np.errstate(all="ignore"):
        yes = _silencing_product(w_pos * y, softplus(-z))
        no = _silencing_product(1 - y, softplus(z))
        losses = np.asarray(_silencing_product(w, yes + no))
        return _reduce(losses, losses.size, reduction, dtype)


def binary_cross_entropy_with_logits_grad(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    r"""
    Compute the gradient of `binary_cross_entropy_with_logits` with respect to the logits.

    .. math:: \frac{\partial \ell}{\partial z}
              = w \big[ (1 - y)\, \sigma(z) - w^+ y\, \sigma(-z) \big]

    Without weights this is the sigmoid of the logit minus the target.

    Parameters
    ----------
    logits : array_like of real numbers, shape (...)
        Log-odds, in nats.
    targets : array_like of real numbers or bool, shape of `logits`
        Probabilities of "yes", in [0, 1]; often 0 and 1.
    weight : array_like of real numbers, optional
        A finite, non-negative factor w for each element; it broadcasts to the shape of `logits`.
    pos_weight : array_like of real numbers, optional
        A finite, non-negative factor for the "yes" part; it broadcasts to the shape of `logits`, so
        that shape (n_labels,) gives one factor per label.
    reduction : {"mean", "sum", "none"}, default="mean"
        The reduction of the loss that is differentiated. For "none" and "sum", each entry is the
        derivative of that element's own loss; "mean" divides by the number of elements.

    Returns
    -------
    ndarray or scalar, shape of `logits`
        The gradient, per nat. The dtype is that of `logits`, float64 for integers; float16 is
        computed in float32.

    Raises
    ------
    TypeError
        If an argument is complex, not numeric or a masked array.
    ValueError
        If `targets` has not the shape of `logits` or leaves [0, 1], a weight does not broadcast, is
        negative or not finite, or `reduction` is unknown.

    See Also
    --------
    binary_cross_entropy_with_logits : The loss itself.
    sigmoid : The probability of "yes".

    Notes
    -----
    For a target of 1 the entry is minus sigmoid(-z), not sigmoid(z) - 1, so that a confident
    correct prediction keeps its relative accuracy. An infinite logit is allowed; a nan gives nan.

    Differences from PyTorch 2.13: those of `binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> from softmax_lib import binary_cross_entropy_with_logits_grad
    >>> binary_cross_entropy_with_logits_grad([0.0, 0.0], [1, 0], reduction="sum")
    array([-0.5,  0.5])
    >>> print(f"{binary_cross_entropy_with_logits_grad(40, 1):.6e}")
    -4.248354e-18
    """
    _check_reduction(reduction)
    z, y, w, w_pos, dtype = _read_binary_problem(logits, targets, weight, pos_weight)
    with np.errstate(all="ignore"):
        grad = np.asarray(w * ((1 - y) * sigmoid(z) - w_pos * y * sigmoid(-z)))
        if reduction == "mean":
            grad = grad / max(grad.size, 1)
        return as_scalar_if_0d(np.asarray(grad, dtype=dtype))


def _read_binary_problem(
    logits: ArrayLike,
    targets: ArrayLike,
    weight: ArrayLike | None,
    pos_weight: ArrayLike | None,
) -> _BinaryProblem:
    x = as_float_array(logits)
    z = x.astype(working_dtype(x.dtype), copy=False)
    y = as_float_array(targets, "targets")
    if y.shape != z.shape:
        message = f"targets must have the logits' shape {z.shape}, got {y.shape}"
        raise ValueError(message)
    if np.any(wrong := ~((y >= 0) & (y <= 1))):
        message = f"targets must lie in [0, 1], {_came(y, wrong)}"
        raise ValueError(message)
    y = y.astype(z.dtype, copy=False)
    w = _broadcast_weight(weight, z, "weight")
    w_pos = _broadcast_weight(pos_weight, z, "pos_weight")
    return _BinaryProblem(z, y, w, w_pos, x.dtype)


def _broadcast_weight(weight: ArrayLike | None, z: FloatArray, name: str) -> FloatArray:
    w = _read_weight(1 if weight is None else weight, z, name)
    try:
        return np.broadcast_to(w, z.shape)
    except ValueError:
        message = f"{name} must broadcast to the logits' shape {z.shape}, got {w.shape}"
        raise ValueError(message) from None
