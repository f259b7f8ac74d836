"""Softmax, log-softmax, log-sum-exp and their elementwise relatives."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _few
from ._arrays import Axis, FloatArray, as_float_array, as_scalar_if_0d
from ._slices import (
    Piece,
    Place,
    add_pairwise,
    largest,
    map_slices,
    pieces,
    reduce_slices,
    sum_of_others,
    total,
)

__all__ = [
    "hardmax",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "normalize_linear",
    "sigmoid",
    "softmax",
    "softplus",
]


def softmax(logits: ArrayLike, axis: Axis = -1) -> Any:
    r"""Turn logits into probabilities that sum to one.

    .. math:: p_j = \frac{e^{z_j}}{\sum_k e^{z_k}}

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes, ...)
        Scores. Integers and booleans become float64 before any arithmetic.
    axis : int, tuple of int or None, default: -1
        The class axis or axes; None means all of them. SciPy's default is None.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        Probabilities, in the floating type of the logits; float16 is computed in float32.
        A 0-d input gives a NumPy scalar.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged or `axis` repeats an axis.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    log_softmax : The logarithm, accurate where a probability is close to 0 or to 1.
    logsumexp : The logarithm of the denominator.
    hardmax : The limit for logits of growing scale.

    Notes
    -----
    A logit of -inf is a mask: its probability is exactly 0. A slice of nothing but -inf, or with a
    +inf or a nan in it, gives nan. An empty slice gives an empty result. No warning is raised.

    Logits are exponentiated as they are where that cannot overflow or underflow, and shifted by
    a whole number close to their maximum, with the rounding error of the shift put back, where it
    can. Always shifting by the maximum, the usual advice, is as safe but adds to the relative
    error of a probability up to the distance of its logit from the maximum, in units of roundoff
    [1]_.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2311-2330, 2021.
       https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    >>> from softmax_lib import softmax
    >>> softmax([2, 4, 2, 1]).round(4)
    array([0.1025, 0.7573, 0.1025, 0.0377])
    >>> softmax([[1000.0, 1000.0], [0.0, float("-inf")]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return map_slices(_softmax, as_float_array(logits), axis, _few.softmax)


def log_softmax(logits: ArrayLike, axis: Axis = -1) -> Any:
    r"""Return the logarithm of softmax, accurate however confident it is.

    .. math:: \log p_j = (z_j - m) - \log\Bigl(1 + \sum_{k \ne k_m} e^{z_k - m}\Bigr),
              \qquad m = \max_k z_k = z_{k_m}

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes, ...)
        Scores. Integers and booleans become float64 before any arithmetic.
    axis : int, tuple of int or None, default: -1
        The class axis or axes; None means all of them. SciPy's default is None.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        Log-probabilities in nats, in the floating type of the logits; float16 is computed in
        float32. A 0-d input gives a NumPy scalar.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged or `axis` repeats an axis.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    softmax : The probabilities themselves.
    cross_entropy : The loss that is made of these.

    Notes
    -----
    The sum leaves out one maximal entry and goes through `log1p`, so that the log-probability of
    a confident answer is a small number and not 0. For every other entry both terms of the
    difference are negative: nothing cancels.

    A logit of -inf is a mask: its log-probability is -inf. A slice of nothing but -inf, or with
    a +inf or a nan in it, gives nan. An empty slice gives an empty result. No warning is raised.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2311-2330, 2021.
       https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    >>> from softmax_lib import log_softmax
    >>> log_softmax([2, 4, 2, 1]).round(4)
    array([-2.278, -0.278, -2.278, -3.278])
    >>> print(f"{log_softmax([0, -40])[0]:.6e}")
    -4.248354e-18
    """
    return map_slices(_log_softmax, as_float_array(logits), axis, _few.log_softmax)


def logsumexp(logits: ArrayLike, axis: Axis = -1, keepdims: bool = False) -> Any:
    r"""Return the logarithm of the sum of exponentials, the smooth maximum.

    .. math:: \log \sum_k e^{z_k}
              = m + \log\Bigl(1 + \sum_{k \ne k_m} e^{z_k - m}\Bigr),
              \qquad m = \max_k z_k = z_{k_m}

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes, ...)
        Scores. Integers and booleans become float64 before any arithmetic.
    axis : int, tuple of int or None, default: -1
        The axis or axes to sum over; None means all of them. SciPy's default is None.
    keepdims : bool, default: False
        Whether to keep the reduced axes, with length one.

    Returns
    -------
    ndarray or NumPy scalar
        The shape of `logits` without the reduced axes, unless `keepdims`; the floating type of
        the logits. float16 is computed in float32.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged or `axis` repeats an axis.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    log_softmax : What is left of the logits after taking this from them.
    softmax : The gradient of this function.

    Notes
    -----
    A slice of nothing but -inf gives -inf, the logarithm of 0, and so does an empty one; a slice
    with a +inf gives +inf, and one with a nan gives nan. No warning is raised.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2311-2330, 2021.
       https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    >>> from softmax_lib import logsumexp
    >>> round(float(logsumexp([2, 4, 2, 1])), 4)
    4.278
    >>> logsumexp([[1000.0, 1000.0], [0.0, float("-inf")]]).round(4)
    array([1000.6931,    0.    ])
    """
    z = as_float_array(logits)
    return reduce_slices(_logsumexp, z, axis, keepdims, empty=-np.inf, few=_few.logsumexp)


@np.errstate(all="ignore")
def sigmoid(logits: ArrayLike) -> Any:
    r"""Turn each logit into the probability of one of two classes.

    .. math:: \sigma(z) = \frac{1}{1 + e^{-z}} = \frac{e^{\min(z, 0)}}{1 + e^{-|z|}}

    Parameters
    ----------
    logits : array_like of real numbers, any shape
        Scores, the log-odds. Integers and booleans become float64.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        Probabilities, in the floating type of the logits; float16 and float32 are
        computed in float64.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged.

    See Also
    --------
    log_sigmoid : The logarithm, accurate on both sides.
    softmax : The same for more than two classes: ``sigmoid(z) == softmax([0, z])[1]``.

    Notes
    -----
    Accurate on both sides: far to the left the result underflows gradually, as exp does. -inf
    gives 0, +inf gives 1, nan gives nan. No warning is raised.

    Examples
    --------
    >>> from softmax_lib import sigmoid
    >>> sigmoid([-2, 0, 2]).round(4)
    array([0.1192, 0.5   , 0.8808])
    >>> bool(sigmoid(-745) > 0)
    True
    """
    z, dtype = _widened(logits)
    return _narrowed(np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z))), dtype)


@np.errstate(all="ignore")
def log_sigmoid(logits: ArrayLike) -> Any:
    r"""Return the logarithm of the sigmoid, accurate on both sides.

    .. math:: \log \sigma(z) = \min(z, 0) - \log(1 + e^{-|z|})

    Parameters
    ----------
    logits : array_like of real numbers, any shape
        Scores, the log-odds. Integers and booleans become float64.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        Log-probabilities in nats, in the floating type of the logits; float16 and float32 are
        computed in float64.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged.

    See Also
    --------
    sigmoid : The probability itself.
    softplus : The same with both signs turned: ``log_sigmoid(z) == -softplus(-z)``.

    Notes
    -----
    Neither term is positive: nothing cancels. -inf gives -inf, +inf gives 0, nan gives nan. No
    warning is raised.

    References
    ----------
    .. [1] M. Maechler, "Accurately Computing log(1 - exp(-\|a\|)), Assessed by the Rmpfr package",
       vignette of the R package Rmpfr, 2012, which treats log(1 + exp(x)) too.
       https://CRAN.R-project.org/package=Rmpfr/vignettes/log1mexp-note.pdf

    Examples
    --------
    >>> from softmax_lib import log_sigmoid
    >>> log_sigmoid([-2, 0, 2]).round(4)
    array([-2.1269, -0.6931, -0.1269])
    >>> print(f"{log_sigmoid(40):.6e}")
    -4.248354e-18
    """
    z, dtype = _widened(logits)
    return _narrowed(np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z))), dtype)


@np.errstate(all="ignore")
def softplus(logits: ArrayLike) -> Any:
    r"""Return the smooth version of ``max(0, z)``, accurate on both sides.

    .. math:: \log(1 + e^z) = \max(z, 0) + \log(1 + e^{-|z|})

    Parameters
    ----------
    logits : array_like of real numbers, any shape
        Numbers of any size. Integers and booleans become float64.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        Positive numbers, in the floating type of the logits; float16 and float32 are
        computed in float64.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged.

    See Also
    --------
    log_sigmoid : The same with both signs turned: ``softplus(z) == -log_sigmoid(-z)``.
    logsumexp : The same for any number of terms: ``softplus(z) == logsumexp([0, z])``.

    Notes
    -----
    Far to the left the result underflows gradually, as exp does. -inf gives 0, +inf gives +inf,
    nan gives nan. No warning is raised.

    References
    ----------
    .. [1] M. Maechler, "Accurately Computing log(1 - exp(-\|a\|)), Assessed by the Rmpfr package",
       vignette of the R package Rmpfr, 2012, which treats log(1 + exp(x)) too.
       https://CRAN.R-project.org/package=Rmpfr/vignettes/log1mexp-note.pdf

    Examples
    --------
    >>> from softmax_lib import softplus
    >>> softplus([-2, 0, 2]).round(4)
    array([0.1269, 0.6931, 2.1269])
    >>> print(f"{softplus(-40):.6e}")
    4.248354e-18
    """
    z, dtype = _widened(logits)
    return _narrowed(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), dtype)


def hardmax(logits: ArrayLike, axis: Axis = -1) -> Any:
    r"""Mark the first maximum of every slice with 1 and everything else with 0.

    .. math:: h_j = 1 \text{ if } j = \min \arg\max_k z_k, \text{ else } 0

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes, ...)
        Scores. Integers and booleans become float64.
    axis : int, tuple of int or None, default: -1
        The class axis or axes; None means all of them.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        One-hot vectors, in the floating type of the logits.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged or `axis` repeats an axis.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    softmax : The smooth version, which shares a tie out evenly.

    Notes
    -----
    Of several maxima the first, in C order, takes it all. -inf and +inf are numbers like any
    other; a slice with a nan in it gives nan. An empty slice gives an empty result.

    Examples
    --------
    >>> from softmax_lib import hardmax
    >>> hardmax([[2, 4, 2, 1], [0, 3, 3, 0]])
    array([[0., 1., 0., 0.],
           [0., 1., 0., 0.]])
    """
    return map_slices(_hardmax, as_float_array(logits), axis)


def normalize_linear(logits: ArrayLike, axis: Axis = -1) -> Any:
    r"""Divide numbers by their sum: what softmax would be without its exponential.

    .. math:: \frac{z_j}{\sum_k z_k}

    Parameters
    ----------
    logits : array_like of real numbers, shape (..., n_classes, ...)
        Numbers to normalise. Integers and booleans become float64 before any arithmetic.
    axis : int, tuple of int or None, default: -1
        The axis or axes to sum over; None means all of them.

    Returns
    -------
    ndarray or NumPy scalar, of the same shape as logits
        Numbers that sum to one, in the floating type of `logits`; probabilities only if no
        input is negative.

    Raises
    ------
    TypeError
        If `logits` is complex, of objects or strings, or a masked array.
    ValueError
        If `logits` is ragged or `axis` repeats an axis.
    numpy.exceptions.AxisError
        If `axis` is out of range.

    See Also
    --------
    softmax : Positive whatever the inputs, and unchanged if a constant is added to all of them.

    Notes
    -----
    Negative inputs give negative results and results above one, a sum of 0 gives infinities or
    nan, and a sum that is 0 but for rounding gives huge numbers. No warning is raised.

    Examples
    --------
    >>> from softmax_lib import normalize_linear
    >>> normalize_linear([2, 4, 2, 1]).round(4)
    array([0.2222, 0.4444, 0.2222, 0.1111])
    >>> normalize_linear([0.25, 1.23, -0.8]).round(3)
    array([ 0.368,  1.809, -1.176])
    """
    return map_slices(_normalize_linear, as_float_array(logits), axis)


# The kernels: what is done to one block of slices, class axis 0 or -1 (see _slices.py).
#
# The textbook subtracts the maximum from every logit. That is safe, and rounds: an error of half
# an ulp in z - max is |z - max| / 2 ulps in its exponential. So logits are left as they are where
# their exponentials fit, and shifted, with the rounding error put back, where they do not.

# No sum of exponentials of logits up to `high` overflows, whatever fits in memory.
_INFOS = (np.finfo(np.float32), np.finfo(np.float64), np.finfo(np.longdouble))
_HIGH = {info.dtype: np.floor(0.75 * np.log(info.max)) for info in _INFOS}
_HIGHEST_SUM = {dtype: np.exp(high).item() for dtype, high in _HIGH.items()}
# With a sum from 1/e up, an exponential underflows only where its probability does too.
_LOWEST_SUM = 0.37
# With other classes that are normal numbers on average, those that underflow do not matter.
_TINY = {info.dtype: info.smallest_normal.item() for info in _INFOS}


def _softmax(z: FloatArray, out: FloatArray, work: FloatArray, axis: int) -> None:
    if z.shape[axis] == 1:
        np.exp(np.subtract(z, z, out=out), out=out)
        return
    cuts = pieces(z, axis)
    sums = add_pairwise([total(np.exp(z[cut], out=work[cut]), axis) for cut in cuts])
    if not (
        _highest(sums) <= _HIGHEST_SUM[z.dtype]
        and (_lowest(sums) >= _LOWEST_SUM or np.minimum.reduce(z, axis=None) >= -_HIGH[z.dtype])
    ):
        shift = _shift_for(_largest_of([largest(z[cut], axis)[0] for cut in cuts]))
        sums = add_pairwise([total(_exp_shifted(z[cut], shift, work[cut]), axis) for cut in cuts])
    scale = np.reciprocal(sums)
    for cut in cuts:
        np.multiply(work[cut], scale, out=out[cut])


def _log_softmax(z: FloatArray, out: FloatArray, work: FloatArray, axis: int) -> None:
    z_max, log_excess = _max_and_log_excess(z, axis)
    for cut in pieces(z, axis):
        shifted = np.subtract(z[cut], z_max, out=work[cut])
        np.subtract(shifted, log_excess, out=out[cut])


def _logsumexp(z: FloatArray, out: FloatArray, work: FloatArray, axis: int) -> None:
    z_max, log_excess = _max_and_log_excess(z, axis)
    np.add(z_max, log_excess, out=out)
    np.copyto(out, z_max, where=np.isinf(z_max))


def _max_and_log_excess(z: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """Return the maximum of every slice and how far its logsumexp lies above it."""
    cuts = pieces(z, axis)
    tops = [largest(z[cut], axis) for cut in cuts]
    z_max = _largest_of([top for top, _ in tops])
    n = z.shape[axis]
    if n == 1:
        return z_max, np.zeros_like(z_max)
    e_max, others = _max_and_others(z, cuts, tops, None, axis)
    if not (
        _highest(e_max) <= _HIGHEST_SUM[z.dtype] and _lowest(others) >= _TINY[z.dtype] * (n - 1)
    ):
        e_max, others = _max_and_others(z, cuts, tops, _shift_for(z_max), axis)
    return z_max, np.log1p(others / e_max)


def _max_and_others(
    z: FloatArray,
    cuts: list[Piece],
    tops: list[tuple[FloatArray, Place | None]],
    shift: FloatArray | None,
    axis: int,
) -> tuple[FloatArray, FloatArray]:
    """Return one largest exponential of every slice, and the sum of all the others."""
    maxima = [_exp_shifted(top, shift) for top, _ in tops]
    sums = [
        sum_of_others(_exp_shifted(z[cut], shift), e_max, place, axis)
        for cut, e_max, (_, place) in zip(cuts, maxima, tops, strict=True)
    ]
    if len(cuts) == 1:
        return maxima[0], sums[0]
    every = np.concatenate(maxima, axis)
    e_max, place = largest(every, axis)
    return e_max, add_pairwise(sums) + sum_of_others(every, e_max, place, axis)


def _largest_of(maxima: list[FloatArray]) -> FloatArray:
    return functools.reduce(np.maximum, maxima)


# A short list is read faster than a reduction is started.
def _lowest(x: FloatArray) -> float:
    return min(x.ravel().tolist()) if x.size <= 16 else np.minimum.reduce(x, axis=None)


def _highest(x: FloatArray) -> float:
    return max(x.ravel().tolist()) if x.size <= 16 else np.maximum.reduce(x, axis=None)


def _shift_for(z_max: FloatArray) -> FloatArray:
    """Return a shift that takes the maximum close to `high`: it leaves the most room below."""
    # Far out, where not every whole number is a float, subtracting `high` could overshoot it.
    high = _HIGH[z_max.dtype] * (np.abs(z_max) < 1 / np.finfo(z_max.dtype).eps)
    shift: FloatArray = np.rint(z_max) - high.astype(z_max.dtype, copy=False)
    return shift


def _exp_shifted(
    z: FloatArray, shift: FloatArray | None, out: FloatArray | None = None
) -> FloatArray:
    """Return ``exp(z - shift)``, corrected to first order for the rounding of ``z - shift``.

    A shift that is a whole number makes ``shifted + shift`` exact, and with it the error (TwoSum).
    """
    if shift is None:
        return np.exp(z, out=out)
    shifted = z - shift
    error = z - (shifted + shift)
    e = np.exp(shifted, out=out)
    np.multiply(error, e, out=error)
    return np.add(e, error, out=e, where=e > 0)  # masked logits: 0, not 0 * nan


def _hardmax(z: FloatArray, out: FloatArray, work: FloatArray, axis: int) -> None:
    best = np.expand_dims(np.argmax(z, axis=axis), axis)
    is_nan = np.isnan(np.take_along_axis(z, best, axis=axis))
    out[...] = np.where(is_nan, np.nan, 0)
    np.put_along_axis(out, best, np.where(is_nan, np.nan, 1).astype(out.dtype), axis=axis)


def _normalize_linear(z: FloatArray, out: FloatArray, work: FloatArray, axis: int) -> None:
    z_sum = add_pairwise([total(z[cut], axis) for cut in pieces(z, axis)])
    np.divide(z, z_sum, out=out)


def _widened(x: ArrayLike) -> tuple[FloatArray, np.dtype[Any]]:
    # Rounded once from float64, a float32 is right to half a unit in its last place.
    z = as_float_array(x)
    return z.astype(np.promote_types(z.dtype, np.float64), copy=False), z.dtype


def _narrowed(out: Any, dtype: np.dtype[Any]) -> Any:
    return as_scalar_if_0d(np.asarray(out).astype(dtype, copy=False))
