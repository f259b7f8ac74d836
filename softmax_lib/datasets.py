"""Small real data that needs no network: handwritten digits, and trays that hold several of them.

The images are scikit-learn's copy of the UCI digits, which ships with that package.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DigitBowls", "DigitsSplit", "digit_bowls", "load_digits_split"]

N_CLASSES = 10
DIGIT_SIDE = 8
TRAY_SIDE = 2 * DIGIT_SIDE
N_CELLS = 4

Seed = int | np.random.Generator


class DigitsSplit(NamedTuple):
    """Digits, one image per row, in two parts that share no image.

    The order is that of scikit-learn's ``train_test_split``.

    Parameters
    ----------
    X_train, X_test : ndarray of float64, shape (n_images, 64)
        Pixel intensities, in [0, 1] before noise: 0 is paper, 1 is ink.
    y_train, y_test : ndarray of intp, shape (n_images,)
        The digits 0 to 9.
    """

    X_train: NDArray[np.float64]
    X_test: NDArray[np.float64]
    y_train: NDArray[np.intp]
    y_test: NDArray[np.intp]


class DigitBowls(NamedTuple):
    """Trays and what lies on them.

    Parameters
    ----------
    X : ndarray of float64, shape (n_trays, 256)
        Pixel intensities in [0, 1], one tray of 16 by 16 pixels per row.
    Y : ndarray of intp, shape (n_trays, 10)
        Y[i, k] is 1 if tray i holds a digit k, else 0. The row of an empty tray is all 0.
    """

    X: NDArray[np.float64]
    Y: NDArray[np.intp]

    @property
    def images(self) -> NDArray[np.float64]:
        """The trays as images, shape (n_trays, 16, 16)."""
        return self.X.reshape(-1, TRAY_SIDE, TRAY_SIDE)


def load_digits_split(*, test_size: float = 0.4, noise: float = 0.0, rng: Seed = 0) -> DigitsSplit:
    """
    Load handwritten digits in a training and a test part.

    There are 1797 images of 8 by 8 pixels. They are shuffled before they are divided, so that any
    first rows of a part are a random sample of it.

    Parameters
    ----------
    test_size : float, default=0.4
        The share of test images, between 0 and 1, both excluded; their number is rounded up.
    noise : float, default=0.0
        The standard deviation of Gaussian noise added to every pixel. Noisy pixels are not clipped:
        they leave [0, 1].
    rng : int or numpy.random.Generator, default=0
        A seed, or a generator, which is advanced. The same seed gives the same division whatever
        the noise.

    Returns
    -------
    DigitsSplit
        A named tuple of `X_train`, `X_test`, `y_train`, `y_test`.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError
        If `rng` is None: the data are always reproducible.
    ValueError
        If `test_size` or `noise` is out of range.

    See Also
    --------
    digit_bowls : Trays with several digits or none.

    Notes
    -----
    The default gives 1078 training and 719 test images. The division is not stratified.

    References
    ----------
    .. [1] scikit-learn documentation, ``sklearn.datasets.load_digits``,
       https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html

    Examples
    --------
    >>> from softmax_lib.datasets import load_digits_split
    >>> digits = load_digits_split()
    >>> digits.X_train.shape, digits.X_test.shape
    ((1078, 64), (719, 64))
    """
    if not 0 < test_size < 1:
        message = f"test_size must lie between 0 and 1, got {test_size}"
        raise ValueError(message)
    if not 0 <= noise < math.inf:
        message = f"noise must be finite and non-negative, got {noise}"
        raise ValueError(message)
    generator = _generator(rng)
    X, y = _load_digits()
    order = generator.permutation(len(X))
    X, y = X[order], y[order]
    if noise:
        X = X + noise * generator.standard_normal(X.shape)
    n_train = len(X) - math.ceil(test_size * len(X))
    return DigitsSplit(X[:n_train], X[n_train:], y[:n_train], y[n_train:])


def digit_bowls(
    n_trays: int,
    *,
    rng: Seed,
    max_digits: int = 4,
    min_digits: int = 0,
    distinct: bool = True,
    part: Literal["train", "test"] = "train",
) -> DigitBowls:
    """
    Lay handwritten digits on trays with four places, some of them empty.

    A tray is 16 by 16 pixels: two by two places for an image of 8 by 8. It asks a question that
    softmax cannot answer: which digits are there, if any?

    Parameters
    ----------
    n_trays : int
        The number of trays.
    rng : int or numpy.random.Generator
        A seed, or a generator, which is advanced.
    max_digits, min_digits : int, default=4 and 0
        The largest and smallest number of digits on a tray; every number between them is equally
        likely.
    distinct : bool, default=True
        Whether all digits on a tray differ, so that the number of labels is the number of digits.
        If False, every place's digit is drawn independently and may come up again.
    part : {"train", "test"}, default="train"
        Which images to draw from: those of the training or of the test part of
        ``load_digits_split()``. The two parts share no image, whatever the seeds.

    Returns
    -------
    DigitBowls
        A named tuple of `X`, the pixels, and `Y`, the labels; its property `images` gives the trays
        in two dimensions.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError
        If `rng` is None: the data are always reproducible.
    ValueError
        If `n_trays` is negative, `part` is unknown, or not 0 <= min_digits <= max_digits <= 4.

    See Also
    --------
    load_digits_split : The digits themselves.

    Notes
    -----
    For each tray the number of digits, their places, their classes and then an image of each class
    are drawn uniformly, in this order. An image may lie on several trays of the same part.

    Examples
    --------
    >>> from softmax_lib.datasets import digit_bowls
    >>> bowls = digit_bowls(1000, rng=0)
    >>> bowls.X.shape, bowls.Y.shape
    ((1000, 256), (1000, 10))
    >>> sorted({int(n) for n in bowls.Y.sum(axis=1)})
    [0, 1, 2, 3, 4]
    """
    if n_trays < 0:
        message = f"n_trays must not be negative, got {n_trays}"
        raise ValueError(message)
    if not 0 <= min_digits <= max_digits <= N_CELLS:
        message = (
            f"min_digits and max_digits must satisfy 0 <= min_digits <= max_digits <= {N_CELLS}, "
            f"got {min_digits} and {max_digits}"
        )
        raise ValueError(message)
    generator = _generator(rng)
    pool, pool_classes = _images_of(part)
    counts = generator.integers(min_digits, max_digits + 1, size=n_trays)
    tray, rank = np.nonzero(np.arange(N_CELLS) < counts[:, np.newaxis])
    cell = _shuffled_rows(generator, n_trays, N_CELLS)[tray, rank]
    digit = _draw_classes(generator, n_trays, distinct)[tray, rank]
    image = _draw_images(generator, pool_classes, digit)
    return _lay_out(n_trays, tray, cell, digit, pool[image])


def _load_digits() -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        message = "softmax_lib.datasets needs scikit-learn: pip install softmax_lib[models]"
        raise ImportError(message) from error
    X, y = load_digits(return_X_y=True)
    # Not int64: where pointers have 32 bits, as in a browser, bincount takes no int64.
    return X / 16, y.astype(np.intp)


def _generator(rng: Seed | None) -> np.random.Generator:
    if rng is None:
        message = "rng must be a seed or a numpy.random.Generator, got None"
        raise TypeError(message)
    return np.random.default_rng(rng)


def _images_of(part: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    digits = load_digits_split()
    if part == "train":
        return digits.X_train, digits.y_train
    if part == "test":
        return digits.X_test, digits.y_test
    message = f"part must be 'train' or 'test', got {part!r}"
    raise ValueError(message)


def _shuffled_rows(generator: np.random.Generator, n_rows: int, n: int) -> NDArray[np.intp]:
    return np.argsort(generator.random((n_rows, n)), axis=1, kind="stable")


def _draw_classes(
    generator: np.random.Generator, n_trays: int, distinct: bool
) -> NDArray[np.integer[Any]]:
    if distinct:
        return _shuffled_rows(generator, n_trays, N_CLASSES)[:, :N_CELLS]
    return generator.integers(0, N_CLASSES, size=(n_trays, N_CELLS))


def _draw_images(
    generator: np.random.Generator,
    pool_classes: NDArray[np.intp],
    digit: NDArray[np.integer[Any]],
) -> NDArray[np.intp]:
    by_class = np.argsort(pool_classes, kind="stable")
    sizes = np.bincount(pool_classes, minlength=N_CLASSES)
    starts = np.cumsum(sizes) - sizes
    nth = (generator.random(digit.shape) * sizes[digit]).astype(np.intp)
    image: NDArray[np.intp] = by_class[starts[digit] + nth]
    return image


def _lay_out(
    n_trays: int,
    tray: NDArray[np.intp],
    cell: NDArray[np.intp],
    digit: NDArray[np.integer[Any]],
    images: NDArray[np.float64],
) -> DigitBowls:
    cells = np.zeros((n_trays, N_CELLS, DIGIT_SIDE, DIGIT_SIDE))
    cells[tray, cell] = images.reshape(-1, DIGIT_SIDE, DIGIT_SIDE)
    # Axes: tray, row of cells, column of cells, pixel row, pixel column.
    grid = cells.reshape(n_trays, 2, 2, DIGIT_SIDE, DIGIT_SIDE)
    X = grid.transpose(0, 1, 3, 2, 4).reshape(n_trays, TRAY_SIDE * TRAY_SIDE)
    Y = np.zeros((n_trays, N_CLASSES), dtype=np.intp)
    Y[tray, digit] = 1
    return DigitBowls(X, Y)
