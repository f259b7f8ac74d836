"""What every function does to its arguments first: one policy for dtypes, axes and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.exceptions import AxisError
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating[Any]]
Axis = int | tuple[int, ...] | None

_FLOAT16 = np.dtype(np.float16)
_FLOAT32 = np.dtype(np.float32)


def as_float_array(x: ArrayLike, name: str = "logits") -> FloatArray:
    """Return `x` as a plain array of floats in native byte order; it may share memory with `x`.

    Integers and booleans become float64 here, before any arithmetic, because in their own type
    subtracting the maximum wraps round: int8 ``[-128, 127]`` would give the wrong winner.
    """
    if type(x) is not np.ndarray:
        x = _as_plain_array(x, name)
    if x.dtype.kind == "f":
        return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
    if x.dtype.kind in "biu":
        return x.astype(np.float64)
    message = f"{name} must hold real numbers, got dtype {x.dtype}"
    raise TypeError(message)


def _as_plain_array(x: ArrayLike, name: str) -> NDArray[Any]:
    if isinstance(x, np.ma.MaskedArray):
        message = (
            f"{name} must be a plain array, got a masked array; "
            f"fill it first, for example with {name}.filled(-numpy.inf)"
        )
        raise TypeError(message)
    try:
        return np.asarray(x)
    except ValueError as error:
        message = f"{name} must be a number or a rectangular array, got a ragged sequence"
        raise ValueError(message) from error


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype to compute in: float32 for float16, whose sums end at 65504; else itself."""
    return _FLOAT32 if dtype == _FLOAT16 else dtype


def normalize_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return `axis` as a sorted tuple of distinct non-negative ints; None means all axes.

    A 0-d array is its own axis: it accepts None, 0 and -1, and has the empty tuple.
    """
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    if ndim == 0:
        if axis in (0, -1, ()):
            return ()
        message = f"axis {axis} is out of bounds for a 0-d array, which is its own axis"
        raise AxisError(message)
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def as_scalar_if_0d(array: FloatArray) -> Any:
    """Return a 0-d `array` as a NumPy scalar, as ufuncs do, and any other as it is."""
    return array if array.ndim else array[()]
