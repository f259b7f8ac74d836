"""Jacobians of softmax and its relatives, and their products with vectors.

A product costs O(n) time and memory per slice: only the functions called ``..._jacobian`` build
an n-by-n matrix. All of them stay accurate when a prediction is confident, because ``1 - p`` is
never formed by subtracting a `p` that is nearly one.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import (
    Axis,
    FloatArray,
    as_float_array,
    as_scalar_if_0d,
    normalize_axes,
    working_dtype,
)
from .activations import softmax

__all__ = [
    "log_softmax_jacobian",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
]


def sum_of_others(a: FloatArray) -> FloatArray:
    """Sum the last axis without the entry itself, for every entry: total - a, with no cancellation.

    Subtracting from the total is harmless except for the entry that dominates it; that entry's sum
    is taken over the rest alone. For probabilities this is 1 - p, to full relative accuracy.
    """
    if a.shape[-1] == 0:
        return a.copy()
    top = np.argmax(np.abs(a), axis=-1, keepdims=True)
    rest = a.copy()
    np.put_along_axis(rest, top, 0, axis=-1)
    rest_sum = np.sum(rest, axis=-1, keepdims=True)
    others: FloatArray = rest_sum + np.take_along_axis(a, top, axis=-1) - a
    np.put_along_axis(others, top, rest_sum, axis=-1)
    return others


def deviation_from_mean(v: FloatArray, p: FloatArray) -> FloatArray:
    """Return v minus its mean under p, along the last axis.

    Measured from the most probable entry's value, the mean is a sum over the other entries only:
    it stays accurate where a confident `p` makes v and its mean nearly equal.
    """
    if p.shape[-1] == 0:
        return v.copy()
    top = np.argmax(p, axis=-1, keepdims=True)
    from_top: FloatArray = v - np.take_along_axis(v, top, axis=-1)
    from_top -= np.sum(p * from_top, axis=-1, keepdims=True)
    return from_top


def log_softmax_vjp_of_probs(p: FloatArray, g: FloatArray) -> FloatArray:
    """Return g - p * sum(g) along the last axis, for g = one-hot without computing 1 - p."""
    return g * sum_of_others(p) - p * sum_of_others(g)


class _Slices(NamedTuple):
    """The caller's array seen as rows, and how to go back."""

    p: FloatArray  # softmax of the rows, shape (..., n)
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    axes: tuple[int, ...]

    def rows(self, y: ArrayLike, name: str) -> FloatArray:
        y = as_float_array(y, name)
        if y.shape != self.shape:
            message = f"{name} must have the shape of x, {self.shape}, got {y.shape}"
            raise ValueError(message)
        return _axes_last(y, self.axes).astype(self.p.dtype, copy=False)

    def per_slice(self, y: ArrayLike, name: str) -> FloatArray:
        y = as_float_array(y, name)
        if y.shape != self.p.shape[:-1]:
            expected = f"the shape of x without the axis, {self.p.shape[:-1]}"
            message = f"{name} must have {expected}, got {y.shape}"
            raise ValueError(message)
        return y[..., np.newaxis].astype(self.p.dtype, copy=False)

    def restore(self, rows: FloatArray) -> Any:
        kept = self.p.shape[:-1]
        last = tuple(range(len(kept), len(self.shape)))
        moved = rows.reshape(kept + tuple(self.shape[axis] for axis in self.axes))
        return self.result(np.moveaxis(moved, last, self.axes))

    def result(self, y: FloatArray) -> Any:
        return as_scalar_if_0d(np.ascontiguousarray(y, dtype=self.dtype).reshape(y.shape))


def _axes_last(x: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    kept = x.ndim - len(axes)
    moved = np.moveaxis(x, axes, tuple(range(kept, x.ndim)))
    return moved.reshape((*moved.shape[:kept], math.prod(moved.shape[kept:])))


def _slices(x: ArrayLike, axis: Axis) -> _Slices:
    z = as_float_array(x, "x")
    axes = normalize_axes(axis, z.ndim)
    rows = _axes_last(z, axes).astype(working_dtype(z.dtype), copy=False)
    return _Slices(softmax(rows), z.dtype, z.shape, axes)


def softmax_jacobian(x: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Compute the Jacobian matrix of softmax.

    .. math:: J_{ij} = \frac{\partial p_i}{\partial x_j} = p_i (\delta_{ij} - p_j),
              \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    axis : int, tuple of ints or None, default=-1
        The axis that softmax normalises; several axes (None: all) count as one axis of n entries
        in C order. A 0-d `x` is its own axis of one entry.

    Returns
    -------
    ndarray, shape (..., n, n)
        The matrices, symmetric and positive semi-definite; the axis of `x` is removed and two axes,
        i and j, are added at the end. The dtype is that of `x`, float64 for integers; float16 is
        computed in float32.

    Raises
    ------
    TypeError
        If `x` is complex, not numeric or a masked array.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    softmax_jvp : The product J v, without the matrix.
    softmax_vjp : The product g J, without the matrix.

    Notes
    -----
    A slice takes n² numbers: 8 GB for 32,000 classes in float64. Products with vectors do not need
    the matrix.

    The diagonal is p_i times the sum of the other probabilities, not p_i - p_i²: for a confident
    prediction it keeps its relative accuracy where the difference gives 0.

    A logit of -inf has a row and a column of zeros. A slice for which softmax is nan (only -inf,
    or any +inf or nan) gives nan.

    Examples
    --------
    >>> from softmax_lib import softmax_jacobian
    >>> softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    >>> print(f"{softmax_jacobian([0, -40])[0, 0]:.6e}")
    4.248354e-18
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        jacobian = -s.p[..., :, np.newaxis] * s.p[..., np.newaxis, :]
        _set_diagonal(jacobian, s.p * sum_of_others(s.p))
        return s.result(jacobian)


def log_softmax_jacobian(x: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Compute the Jacobian matrix of log-softmax.

    .. math:: J_{ij} = \frac{\partial \log p_i}{\partial x_j} = \delta_{ij} - p_j,
              \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    axis : int, tuple of ints or None, default=-1
        The axis that softmax normalises; several axes (None: all) count as one axis of n entries
        in C order. A 0-d `x` is its own axis of one entry.

    Returns
    -------
    ndarray, shape (..., n, n)
        The matrices, in nats per nat; the axis of `x` is removed and two axes, i and j, are added
        at the end. The dtype is that of `x`, float64 for integers; float16 is computed in float32.

    Raises
    ------
    TypeError
        If `x` is complex, not numeric or a masked array.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    log_softmax_jvp : The product J v, without the matrix.
    log_softmax_vjp : The product g J, without the matrix.

    Notes
    -----
    The matrix is not symmetric: all rows of a slice are -p, with 1 added on the diagonal. The
    diagonal is computed as the sum of the other probabilities, so that it keeps its relative
    accuracy for a confident prediction.

    A logit of -inf has a column of zeros, except for its diagonal entry 1: the formula's value,
    although log p is -inf there. A slice for which softmax is nan (only -inf, or any +inf or nan)
    gives nan.

    Examples
    --------
    >>> from softmax_lib import log_softmax_jacobian
    >>> log_softmax_jacobian([0.0, 0.0])
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    s = _slices(x, axis)
    n = s.p.shape[-1]
    with np.errstate(all="ignore"):
        jacobian = np.repeat(-s.p[..., np.newaxis, :], n, axis=-2)
        _set_diagonal(jacobian, sum_of_others(s.p))
        return s.result(jacobian)


def _set_diagonal(matrices: FloatArray, diagonal: FloatArray) -> None:
    i = np.arange(diagonal.shape[-1])
    matrices[..., i, i] = diagonal


def softmax_jvp(x: ArrayLike, v: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Multiply the Jacobian matrix of softmax by a vector, without the matrix.

    .. math:: (J v)_i = p_i \Big(v_i - \sum_k p_k v_k\Big), \qquad p = \operatorname{softmax}(x)

    This is the change of the probabilities, to first order, when the logits change by `v`.

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    v : array_like of real numbers, shape of `x`
        The direction in which the logits change, in nats.
    axis : int, tuple of ints or None, default=-1
        The axis that softmax normalises; None means all axes. A 0-d `x` is its own axis.

    Returns
    -------
    ndarray or scalar, shape of `x`
        The product; its sum along the axis is zero up to rounding. The dtype is that of `x`,
        float64 for integers; float16 is computed in float32.

    Raises
    ------
    TypeError
        If `x` or `v` is complex, not numeric or a masked array.
    ValueError
        If `v` has not the shape of `x`.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    softmax_vjp : The same product from the left; J is symmetric, so the values agree.
    softmax_jacobian : The matrix itself.

    Notes
    -----
    The mean of v is measured from the value that belongs to the largest probability: where a
    confident prediction makes v_i and the mean nearly equal, their difference is not lost.

    Where `x` is -inf the result is 0. A slice for which softmax is nan (only -inf, or any +inf or
    nan), and a slice with an inf or nan in `v`, may hold nan.

    Examples
    --------
    >>> from softmax_lib import softmax_jvp
    >>> softmax_jvp([0.0, 0.0], [1.0, 0.0])
    array([ 0.25, -0.25])
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        return s.restore(s.p * deviation_from_mean(s.rows(v, "v"), s.p))


def softmax_vjp(x: ArrayLike, g: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Multiply a vector by the Jacobian matrix of softmax, without the matrix.

    .. math:: (g J)_j = p_j \Big(g_j - \sum_k g_k p_k\Big), \qquad p = \operatorname{softmax}(x)

    This is the backward pass: from the gradient of a scalar with respect to the probabilities to
    its gradient with respect to the logits.

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    g : array_like of real numbers, shape of `x`
        The gradient with respect to the probabilities.
    axis : int, tuple of ints or None, default=-1
        The axis that softmax normalises; None means all axes. A 0-d `x` is its own axis.

    Returns
    -------
    ndarray or scalar, shape of `x`
        The gradient with respect to `x`; its sum along the axis is zero up to rounding. The dtype
        is that of `x`, float64 for integers; float16 is computed in float32.

    Raises
    ------
    TypeError
        If `x` or `g` is complex, not numeric or a masked array.
    ValueError
        If `g` has not the shape of `x`.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    softmax_jvp : The same product from the right; J is symmetric, so the values agree.
    log_softmax_vjp : The backward pass to prefer when a logarithm follows.

    Notes
    -----
    Where `x` is -inf the result is 0. A slice for which softmax is nan (only -inf, or any +inf or
    nan), and a slice with an inf or nan in `g`, may hold nan.

    Examples
    --------
    >>> from softmax_lib import softmax_vjp
    >>> softmax_vjp([0.0, 0.0], [1.0, 0.0])
    array([ 0.25, -0.25])
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        return s.restore(s.p * deviation_from_mean(s.rows(g, "g"), s.p))


def log_softmax_jvp(x: ArrayLike, v: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Multiply the Jacobian matrix of log-softmax by a vector, without the matrix.

    .. math:: (J v)_i = v_i - \sum_k p_k v_k, \qquad p = \operatorname{softmax}(x)

    This is the change of the log-probabilities, to first order, when the logits change by `v`.

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    v : array_like of real numbers, shape of `x`
        The direction in which the logits change, in nats.
    axis : int, tuple of ints or None, default=-1
        The axis that softmax normalises; None means all axes. A 0-d `x` is its own axis.

    Returns
    -------
    ndarray or scalar, shape of `x`
        The product, in nats. The dtype is that of `x`, float64 for integers; float16 is computed
        in float32.

    Raises
    ------
    TypeError
        If `x` or `v` is complex, not numeric or a masked array.
    ValueError
        If `v` has not the shape of `x`.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    log_softmax_vjp : The product from the left, which differs: J is not symmetric.
    log_softmax_jacobian : The matrix itself.

    Notes
    -----
    The mean of v is measured from the value that belongs to the largest probability, so that a
    confident prediction does not cancel it.

    Where `x` is -inf the formula's value is given, although log p is -inf there. A slice for which
    softmax is nan (only -inf, or any +inf or nan), and a slice with an inf or nan in `v`, may hold
    nan.

    Examples
    --------
    >>> from softmax_lib import log_softmax_jvp
    >>> log_softmax_jvp([0.0, 0.0], [1.0, 0.0])
    array([ 0.5, -0.5])
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        return s.restore(deviation_from_mean(s.rows(v, "v"), s.p))


def log_softmax_vjp(x: ArrayLike, g: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Multiply a vector by the Jacobian matrix of log-softmax, without the matrix.

    .. math:: (g J)_j = g_j - p_j \sum_k g_k, \qquad p = \operatorname{softmax}(x)

    This is the backward pass: from the gradient of a scalar with respect to the log-probabilities
    to its gradient with respect to the logits.

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    g : array_like of real numbers, shape of `x`
        The gradient with respect to the log-probabilities, per nat.
    axis : int, tuple of ints or None, default=-1
        The axis that softmax normalises; None means all axes. A 0-d `x` is its own axis.

    Returns
    -------
    ndarray or scalar, shape of `x`
        The gradient with respect to `x`, per nat; its sum along the axis is zero up to rounding.
        The dtype is that of `x`, float64 for integers; float16 is computed in float32.

    Raises
    ------
    TypeError
        If `x` or `g` is complex, not numeric or a masked array.
    ValueError
        If `g` has not the shape of `x`.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    log_softmax_jvp : The product from the right, which differs: J is not symmetric.
    cross_entropy_grad : This product for g = -y, with weights and reductions.

    Notes
    -----
    Computed as g_j times the sum of the other probabilities, minus p_j times the sum of the other
    entries of g: for a one-hot g and a confident prediction the result keeps its relative accuracy,
    where g_j - p_j gives 0.

    Where `x` is -inf the result is g. A slice for which softmax is nan (only -inf, or any +inf or
    nan), and a slice with an inf or nan in `g`, may hold nan.

    Examples
    --------
    >>> from softmax_lib import log_softmax_vjp
    >>> log_softmax_vjp([0.0, 0.0], [1.0, 0.0])
    array([ 0.5, -0.5])
    >>> print(f"{log_softmax_vjp([0, -40], [1, 0])[0]:.6e}")
    4.248354e-18
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        return s.restore(log_softmax_vjp_of_probs(s.p, s.rows(g, "g")))


def logsumexp_jvp(x: ArrayLike, v: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Multiply the gradient of log-sum-exp by a vector.

    .. math:: \nabla \operatorname{logsumexp}(x) \cdot v = \sum_k p_k v_k,
              \qquad p = \operatorname{softmax}(x)

    This is the change of log-sum-exp, to first order, when `x` changes by `v`: a mean of `v`.

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    v : array_like of real numbers, shape of `x`
        The direction in which the logits change, in nats.
    axis : int, tuple of ints or None, default=-1
        The axis that log-sum-exp sums; None means all axes. A 0-d `x` is its own axis.

    Returns
    -------
    ndarray or scalar, shape of `x` without the axis
        The product, in nats. The dtype is that of `x`, float64 for integers; float16 is computed
        in float32.

    Raises
    ------
    TypeError
        If `x` or `v` is complex, not numeric or a masked array.
    ValueError
        If `v` has not the shape of `x`.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    logsumexp_vjp : The product from the left.

    Notes
    -----
    An empty axis gives 0. A slice for which softmax is nan (only -inf, or any +inf or nan), and a
    slice with an inf or nan in `v`, may give nan.

    Examples
    --------
    >>> from softmax_lib import logsumexp_jvp
    >>> float(logsumexp_jvp([0.0, 0.0], [1.0, 0.0]))
    0.5
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        return s.result(np.sum(s.p * s.rows(v, "v"), axis=-1))


def logsumexp_vjp(x: ArrayLike, g: ArrayLike, axis: Axis = -1) -> Any:
    r"""
    Multiply a scalar per slice by the gradient of log-sum-exp.

    .. math:: g\, \nabla \operatorname{logsumexp}(x) = g\, p, \qquad p = \operatorname{softmax}(x)

    This is the backward pass: from the gradient of a scalar with respect to log-sum-exp to its
    gradient with respect to `x`.

    Parameters
    ----------
    x : array_like of real numbers, shape (..., n) for the default axis
        Logits, in nats.
    g : array_like of real numbers, shape of `x` without the axis
        The gradient with respect to each slice's log-sum-exp, per nat.
    axis : int, tuple of ints or None, default=-1
        The axis that log-sum-exp sums; None means all axes. A 0-d `x` is its own axis.

    Returns
    -------
    ndarray or scalar, shape of `x`
        The gradient with respect to `x`, per nat. The dtype is that of `x`, float64 for integers;
        float16 is computed in float32.

    Raises
    ------
    TypeError
        If `x` or `g` is complex, not numeric or a masked array.
    ValueError
        If `g` has not the shape of `x` without the axis.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    logsumexp_jvp : The product from the right.

    Notes
    -----
    Where `x` is -inf the result is 0 for a finite g. A slice for which softmax is nan (only -inf,
    or any +inf or nan) gives nan.

    Examples
    --------
    >>> from softmax_lib import logsumexp_vjp
    >>> logsumexp_vjp([0.0, 0.0], 2.0)
    array([1., 1.])
    """
    s = _slices(x, axis)
    with np.errstate(all="ignore"):
        return s.restore(s.per_slice(g, "g") * s.p)
