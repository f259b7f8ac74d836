"""Coercion of arguments: dtypes, axes, and every documented error with its message."""

import numpy as np
import pytest
from numpy.exceptions import AxisError

import softmax_lib
from softmax_lib._arrays import as_float_array, as_scalar_if_0d, normalize_axes, working_dtype

ALONG_AN_AXIS = ["softmax", "log_softmax", "logsumexp", "hardmax", "normalize_linear"]
ELEMENTWISE = ["sigmoid", "log_sigmoid", "softplus"]
ALL = ALONG_AN_AXIS + ELEMENTWISE


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int16, np.uint32, np.int64])
def test_integers_and_booleans_become_float64(dtype):
    assert as_float_array(np.array([0, 1], dtype)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_are_kept_without_a_copy(dtype):
    x = np.array([0.5, 1], dtype)
    assert as_float_array(x) is x


def test_big_endian_becomes_native():
    x = as_float_array(np.array([1.5, -2], ">f4"))
    assert x.dtype == np.float32
    assert x.dtype.isnative
    np.testing.assert_array_equal(x, [1.5, -2])


def test_subclasses_become_plain_arrays():
    class Tagged(np.ndarray):
        pass

    x = np.array([1.0, 2.0]).view(Tagged)
    assert type(as_float_array(x)) is np.ndarray


def test_working_dtype_widens_float16_alone():
    assert working_dtype(np.dtype(np.float16)) == np.float32
    for dtype in (np.float32, np.float64, np.longdouble):
        assert working_dtype(np.dtype(dtype)) == dtype


def test_as_scalar_if_0d():
    assert type(as_scalar_if_0d(np.array(1.5))) is np.float64
    x = np.array([1.5])
    assert as_scalar_if_0d(x) is x


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("logits", "dtype"),
    [
        (np.array([1j]), "complex128"),
        (np.array([1, None]), "object"),
        (np.array(["a"]), "<U1"),
        (np.array([b"a"]), "|S1"),
        (np.array(["2024-01-01"], "M8[D]"), "datetime64"),
    ],
)
def test_what_is_not_a_real_number_is_refused_by_dtype(name, logits, dtype):
    message = rf"^logits must hold real numbers, got dtype {dtype.replace('|', '[|]')}"
    with pytest.raises(TypeError, match=message):
        getattr(softmax_lib, name)(logits)


@pytest.mark.parametrize("name", ALL)
def test_masked_arrays_are_refused(name):
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    message = (
        r"^logits must be a plain array, got a masked array; "
        r"fill it first, for example with logits\.filled\(-numpy\.inf\)$"
    )
    with pytest.raises(TypeError, match=message):
        getattr(softmax_lib, name)(masked)


@pytest.mark.parametrize("name", ALL)
def test_ragged_sequences_are_refused(name):
    message = r"^logits must be a number or a rectangular array, got a ragged sequence$"
    with pytest.raises(ValueError, match=message):
        getattr(softmax_lib, name)([[1, 2], [3]])


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
@pytest.mark.parametrize("axis", [2, -3, (0, 2)])
def test_an_axis_out_of_range_is_refused(name, axis):
    message = r"axis -?\d is out of bounds for array of dimension 2"
    with pytest.raises(AxisError, match=message):
        getattr(softmax_lib, name)([[1, 2], [3, 4]], axis=axis)


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_a_repeated_axis_is_refused(name):
    with pytest.raises(ValueError, match="repeated axis"):
        getattr(softmax_lib, name)([[1, 2], [3, 4]], axis=(0, -2))


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_a_0d_input_is_its_own_axis(name):
    for axis in (-1, 0, None, ()):
        result = getattr(softmax_lib, name)(3, axis=axis)
        assert type(result) is np.float64
    message = r"^axis 1 is out of bounds for a 0-d array, which is its own axis$"
    with pytest.raises(AxisError, match=message):
        getattr(softmax_lib, name)(3, axis=1)


def test_normalize_axes():
    assert normalize_axes(-1, 3) == (2,)
    assert normalize_axes(None, 3) == (0, 1, 2)
    assert normalize_axes((-1, 0), 3) == (0, 2)
    assert normalize_axes(np.int64(1), 3) == (1,)
    with pytest.raises(TypeError):
        normalize_axes(1.0, 3)
