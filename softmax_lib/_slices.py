"""The fast room: blocks that fit in the cache, worked on in place, with long inner loops.

A *slice* is the numbers that share one softmax. Whatever the axis, an array is seen as
``(outer, n, inner)``, with the n classes of a slice in the middle, and cut into blocks that fit in
the L2 cache, because a chain of ufuncs over a large array waits for memory, not for `exp`. Each
block is handed to a kernel in one of two layouts:

rows
    Class axis -1: each slice is one long run. For many classes.
across
    Class axis 0: one reduction runs over many slices at once. For a class axis that comes first
    and, copied into this order, for few classes: NumPy needs 20 to 60 ns to start reducing a row,
    which is more than it takes to reduce 10 numbers.

A kernel takes ``(z, out, work, axis)``: it reads `z`, leaves its result in `out`, and may use
`work`, which may be `out` itself and, where slices are mapped, has the shape of `z`. No
floating-point warning leaves this room: infinities, nan and underflow are told by the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import Axis, FloatArray, as_scalar_if_0d, normalize_axes, working_dtype
from ._few import FEW

IntArray = NDArray[np.intp]
Kernel = Callable[[FloatArray, FloatArray, FloatArray, int], None]
Few = Callable[[list[float]], Any]
Piece = EllipsisType | slice | tuple[EllipsisType, slice]
Place = tuple[IntArray, IntArray]

BLOCK_BYTES = 1 << 19  # a block, its temporaries and its output share the L2 cache
FEW_CLASSES = 64  # up to here a copy in the across layout pays
LONG_RUN = 64  # numbers that pay for the start of an inner loop
SMALL = 1 << 10  # numbers up to which preparing blocks costs more than it saves
LOOP = 256  # numbers that an inner loop must have to do without NumPy's buffers

_WIDER = {np.dtype(np.float32): np.float64, np.dtype(np.float64): np.longdouble}


def map_slices(kernel: Kernel, z: FloatArray, axis: Axis, few: Few | None = None) -> Any:
    """Return a new array of the shape of `z`, every slice along `axis` mapped by `kernel`.

    `few`, if given, does the same for one short slice (see _few.py).
    """
    axes = normalize_axes(axis, z.ndim)
    mapped = _of_few(few, z, axes)
    if mapped is not None:
        return as_scalar_if_0d(np.array(mapped, z.dtype).reshape(z.shape))
    out = np.empty(z.shape, working_dtype(z.dtype))
    with np.errstate(all="ignore"):
        if z.size:
            _fill(kernel, z, out, axes)
        return as_scalar_if_0d(out.astype(z.dtype, copy=False))


def reduce_slices(
    kernel: Kernel,
    z: FloatArray,
    axis: Axis,
    keepdims: bool,
    empty: float,
    few: Few | None = None,
) -> Any:
    """Return a new array with every slice along `axis` reduced by `kernel`, or `empty` if it is."""
    axes = normalize_axes(axis, z.ndim)
    kept = [1 if i in axes else size for i, size in enumerate(z.shape)]
    shape = kept if keepdims else [size for i, size in enumerate(z.shape) if i not in axes]
    reduced = _of_few(few, z, axes)
    if reduced is not None:
        return as_scalar_if_0d(np.full(shape, reduced, z.dtype))
    out = np.full(shape, empty, working_dtype(z.dtype))
    with np.errstate(all="ignore"):
        if z.size:
            _fill(kernel, z, out.reshape(kept), axes)
        return as_scalar_if_0d(out.astype(z.dtype, copy=False))


def _of_few(few: Few | None, z: FloatArray, axes: tuple[int, ...]) -> Any:
    # Python's floats are float64: longdouble would lose digits, float16 promises float32's.
    if few is None or not 1 < z.size <= FEW or z.dtype not in (np.float32, np.float64):
        return None
    if z.ndim > 1 and math.prod([z.shape[i] for i in axes]) < z.size:
        return None
    try:
        return few(z.ravel().tolist())
    except (OverflowError, ValueError):
        return None


def _fill(kernel: Kernel, z: FloatArray, out: FloatArray, axes: tuple[int, ...]) -> None:
    first, stop = (axes[0], axes[-1] + 1) if axes else (z.ndim, z.ndim)
    at_an_end = len(axes) == 1 and (first == 0 or stop == z.ndim)
    if z.size <= SMALL and at_an_end and z.dtype == out.dtype:
        kernel(z, out, out, -1 if stop == z.ndim else 0)
    elif stop - first == len(axes):
        inner = math.prod(z.shape[stop:])
        outer = math.prod(z.shape[:first])
        _over_blocks(kernel, z.reshape(outer, -1, inner), out.reshape(outer, -1, inner))
    else:  # The axes have others between them: bring them together at the end, and back.
        last = tuple(range(-len(axes), 0))
        moved_out = np.moveaxis(out, axes, last)
        result = np.empty(moved_out.shape, out.dtype)
        _fill(kernel, np.moveaxis(z, axes, last), result, tuple(range(z.ndim - len(axes), z.ndim)))
        moved_out[...] = result


def _over_blocks(kernel: Kernel, z: FloatArray, out: FloatArray) -> None:
    outer, n, inner = z.shape
    size = BLOCK_BYTES // out.itemsize
    # Columns are split only where one slab of n rows is too large, and into runs that stay long.
    width = inner if n * inner <= size else min(inner, max(16 * LONG_RUN, size // n))
    count = min(outer, max(1, size // (n * width)))
    few = n <= FEW_CLASSES and inner < LONG_RUN <= outer * inner
    across = few or inner >= LONG_RUN
    order = (1, 0, 2) if across else (0, 2, 1)
    # float16 is worked on in float32, which `out` is already made of.
    copies = few or z.dtype != out.dtype
    buffers = np.empty((2, count * n * width) if copies else 0, out.dtype)
    with np.errstate():  # which also limits the buffer size to this block
        if (count * width if across else n * (inner == 1)) >= LOOP:
            # To subtract one number from each row, NumPy repeats it in a buffer if a row is
            # shorter than the buffer. For rows of some length this takes longer than it saves.
            np.setbufsize(16)
        for i in range(0, outer, count):
            for j in range(0, inner, width):
                block = (slice(i, i + count), slice(None), slice(j, j + width))
                part, result = z[block].transpose(order), out[block].transpose(order)
                work = result
                if copies:
                    source, work = buffers[:, : part.size].reshape(2, *part.shape)
                    np.copyto(source, part)
                    part = source
                kernel(part, result, work, 0 if across else -1)


def pieces(z: FloatArray, axis: int) -> list[Piece]:
    """Return indices that cut the class axis of a block of very long slices to cache size."""
    if z.nbytes <= BLOCK_BYTES:
        return [...]
    n = z.shape[axis]
    step = max(1, n * BLOCK_BYTES // z.nbytes)
    cuts = [slice(i, i + step) for i in range(0, n, step)]
    return [(..., cut) for cut in cuts] if axis else list(cuts)


def largest(z: FloatArray, axis: int) -> tuple[FloatArray, Place | None]:
    """Return the maximum of every slice of `z`; along rows, also where it stands."""
    if not axis:
        return np.maximum.reduce(z, axis=0, keepdims=True), None
    # NumPy finds the place of the maximum of a row up to three times as fast as its value.
    rows = _as_rows(z)
    place = np.arange(len(rows)), rows.argmax(axis=1)
    return rows[place].reshape((*z.shape[:-1], 1)), place


def total(e: FloatArray, axis: int) -> FloatArray:
    """Return the sum of every slice, its rounding error growing like log n rather than n.

    NumPy adds pairwise along rows, but one after the other across them: there, one half is added
    onto the other until little is left. Few numbers are laid in rows, and long rows of them added
    in a wider type, which costs less than the calls that it takes to add pairwise.
    """
    n = e.shape[axis]
    if e.size <= SMALL:
        rows = _as_rows(e) if axis else np.ascontiguousarray(e.reshape(n, -1).T)
        wider = _WIDER.get(e.dtype) if n > FEW_CLASSES else None
        sums: FloatArray = np.add.reduce(rows, axis=-1, dtype=wider)
        return sums.astype(e.dtype, copy=False).reshape(e[..., :1].shape if axis else e[:1].shape)
    if axis:
        return np.add.reduce(_long_runs(e, axis), axis=axis, keepdims=True)
    if n > 4:
        half = (n + 1) // 2
        sums = e[:half].copy()
        sums[: n - half] += e[half:]
        return total(sums, axis)
    return np.add.reduce(e, axis=axis, keepdims=True)


def add_pairwise(parts: list[FloatArray]) -> FloatArray:
    """Return the sum of the parts, added two by two."""
    while len(parts) > 1:
        parts = [sum(parts[i + 1 : i + 2], parts[i]) for i in range(0, len(parts), 2)]
    return parts[0]


def sum_of_others(e: FloatArray, e_max: FloatArray, place: Place | None, axis: int) -> FloatArray:
    """Return the sum of every slice without one maximal entry, `e_max`; overwrite `e`.

    Taken off the whole sum, the maximum would leave the others without the digits that the sum
    has lost, unless they weigh as much as it does.
    """
    if place is not None:
        rows = _as_rows(e)
        rows[place] = 0
        return total(rows, -1).reshape(e_max.shape)
    if e.size <= SMALL:
        e.sort(axis=0)
        return total(e[:-1], 0)
    if len(e) > FEW_CLASSES:
        others: FloatArray = total(e, 0) - e_max
        if np.logical_and.reduce(others >= e_max, axis=None):
            return others
    return _sum_of_beaten(e)


def _sum_of_beaten(e: FloatArray) -> FloatArray:
    # A knock-out tournament, because argmax across rows is slow: one half of the rows meets the
    # other, the winners move to the front, and what they beat is added up.
    n = len(e)
    half = (n + 1) // 2
    others = np.empty((half, *e.shape[1:]), e.dtype)
    others[-1] = 0  # with an odd number of rows one has no opponent
    np.minimum(e[: n - half], e[half:], out=others[: n - half])
    np.maximum(e[: n - half], e[half:], out=e[: n - half])
    beaten = np.empty_like(others[: (half + 1) // 2])
    n = half
    while n > 1:
        half = (n + 1) // 2
        front, back, lost = e[: n - half], e[half:n], others[: n - half]
        lost += others[half:n]
        lost += np.minimum(front, back, out=beaten[: n - half])
        np.maximum(front, back, out=front)
        n = half
    return others[:1].copy()  # not a view, which would keep the whole block in memory


def _long_runs(z: FloatArray, axis: int) -> FloatArray:
    # A reduction along rows that are not contiguous would run over a few numbers at a time.
    return np.ascontiguousarray(z) if axis else z


def _as_rows(z: FloatArray) -> FloatArray:
    rows = _long_runs(z, -1)
    return rows if z.ndim == 2 else rows.reshape(-1, z.shape[-1])
