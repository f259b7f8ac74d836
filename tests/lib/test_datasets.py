"""The digits and the digit bowls: reproducible, documented, without leaks between their parts."""

import builtins
import hashlib

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, an optional extra, is not installed")

from sklearn.datasets import load_digits

from softmax_lib.datasets import digit_bowls, load_digits_split


def digest(*arrays):
    """A checksum of pixel counts and labels, which are integers and so the same everywhere."""
    joined = b"".join(np.round(a * 16).astype("<i8").tobytes() for a in arrays)
    return hashlib.sha256(joined).hexdigest()[:16]


@pytest.fixture(scope="module")
def digits():
    return load_digits_split()


@pytest.fixture(scope="module")
def bowls():
    return digit_bowls(2000, rng=0)


def test_digits_have_the_documented_form(digits):
    X_train, X_test, y_train, y_test = digits
    assert X_train.shape == (1078, 64)
    assert X_test.shape == (719, 64)
    assert y_train.shape == (1078,)
    assert y_test.shape == (719,)
    assert X_train.dtype == np.float64
    assert y_train.dtype == np.int64
    assert (digits.X_train.min(), digits.X_train.max()) == (0, 1)
    assert set(y_train) == set(y_test) == set(range(10))


def test_digits_are_those_of_scikit_learn_each_once(digits):
    X, y = load_digits(return_X_y=True)
    ours = np.column_stack([np.vstack(digits[:2]) * 16, np.concatenate(digits[2:])])
    theirs = np.column_stack([X, y])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


# These checksums hold on NumPy 2.0.2 with scikit-learn 1.6.1 and on 2.4.6 with 1.9.1.
def test_the_same_seed_gives_the_same_data_on_every_version(digits, bowls):
    assert digest(*digits) == "5d39e17a14eda235"
    assert digest(*bowls) == "ae9e9b09006fd4fa"
    assert digest(*digit_bowls(100, rng=5, distinct=False, part="test")) == "5537afb91b40cc0e"


def test_noise_is_reproducible_and_leaves_the_division_alone(digits):
    noisy = load_digits_split(noise=0.4)
    np.testing.assert_array_equal(noisy.y_train, digits.y_train)
    added = np.concatenate([(noisy.X_train - digits.X_train), (noisy.X_test - digits.X_test)])
    assert abs(added.mean()) < 0.005
    assert added.std() == pytest.approx(0.4, rel=0.01)
    np.testing.assert_array_equal(noisy.X_test, load_digits_split(noise=0.4).X_test)
    # The first noise values of seed 0, seen on NumPy 2.0.2 and 2.4.6.
    np.testing.assert_allclose(added[0, :2], [0.2663491713739802, 0.11698122644882447], rtol=1e-9)


def test_test_size_and_seed_change_the_division(digits):
    assert len(load_digits_split(test_size=0.25).X_test) == 450  # 449.25 rounded up
    assert not np.array_equal(load_digits_split(rng=1).y_test, digits.y_test)


def test_a_generator_is_advanced_and_a_seed_is_not():
    generator = np.random.default_rng(7)
    first, second = digit_bowls(20, rng=generator), digit_bowls(20, rng=generator)
    assert not np.array_equal(first.X, second.X)
    np.testing.assert_array_equal(first.X, digit_bowls(20, rng=7).X)
    np.random.seed(3)  # noqa: NPY002 (the global state must have no effect)
    np.testing.assert_array_equal(first.X, digit_bowls(20, rng=7).X)


def test_bowls_have_the_documented_form(bowls):
    assert bowls.X.shape == (2000, 256)
    assert bowls.Y.shape == (2000, 10)
    assert bowls.images.shape == (2000, 16, 16)
    assert bowls.X.dtype == np.float64
    assert bowls.Y.dtype == np.int64
    assert (bowls.X.min(), bowls.X.max()) == (0, 1)
    assert set(np.unique(bowls.Y)) == {0, 1}


def test_every_number_of_labels_is_equally_likely(bowls):
    counts = np.bincount(bowls.Y.sum(axis=1), minlength=5)
    assert len(counts) == 5
    # Six standard deviations of a binomial count, so that only a wrong probability fails.
    assert (np.abs(counts - 400) < 6 * np.sqrt(2000 * 0.2 * 0.8)).all()
    labels = bowls.Y.sum(axis=0)
    assert (np.abs(labels - 400) < 6 * np.sqrt(2000 * 0.2 * 0.8)).all()


def places(bowls):
    """The 8 by 8 places of every tray, shape (n_trays, 4, 64)."""
    quarters = bowls.images.reshape(-1, 2, 8, 2, 8).transpose(0, 1, 3, 2, 4)
    return quarters.reshape(len(bowls.X), 4, 64)


def test_trays_hold_whole_digits_with_the_labels_they_are_given(digits, bowls):
    label_of = {x.tobytes(): y for x, y in zip(digits.X_train, digits.y_train, strict=True)}
    for tray, row in zip(places(bowls), bowls.Y, strict=True):
        filled = [label_of[place.tobytes()] for place in tray if place.any()]
        assert len(filled) == len(set(filled)) == row.sum()
        assert set(filled) == set(np.flatnonzero(row))


def test_every_place_is_used_equally_often(bowls):
    used = places(bowls).any(axis=-1).sum(axis=0)
    # Four places share two digits per tray on average.
    assert (np.abs(used - 1000) < 6 * np.sqrt(2000 * 0.25)).all()


def test_parts_share_no_image():
    train, test = digit_bowls(1000, rng=0), digit_bowls(1000, rng=0, part="test")
    seen = {place.tobytes() for tray in places(train) for place in tray if place.any()}
    held_out = {place.tobytes() for tray in places(test) for place in tray if place.any()}
    assert len(held_out) > 600
    assert not seen & held_out


def test_repeated_digits_have_one_label(digits):
    bowls = digit_bowls(500, rng=0, distinct=False, min_digits=4)
    n_digits = places(bowls).any(axis=-1).sum(axis=1)
    assert (n_digits == 4).all()
    # P(all four differ) is .9 * .8 * .7 = .504
    assert (bowls.Y.sum(axis=1) < 4).mean() == pytest.approx(0.496, abs=0.13)
    assert bowls.Y.max() == 1


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 1), (2, 3), (4, 4)])
def test_limits_of_the_number_of_digits(low, high):
    n_labels = digit_bowls(100, rng=1, min_digits=low, max_digits=high).Y.sum(axis=1)
    assert (n_labels.min(), n_labels.max()) == (low, high)


def test_no_trays():
    empty = digit_bowls(0, rng=0)
    assert empty.X.shape == (0, 256)
    assert empty.Y.shape == (0, 10)
    assert empty.images.shape == (0, 16, 16)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: load_digits_split(test_size=0), ValueError,
         "test_size must lie between 0 and 1, got 0"),
        (lambda: load_digits_split(test_size=1.0), ValueError,
         "test_size must lie between 0 and 1, got 1.0"),
        (lambda: load_digits_split(noise=-0.1), ValueError,
         "noise must be finite and non-negative, got -0.1"),
        (lambda: load_digits_split(noise=np.nan), ValueError,
         "noise must be finite and non-negative, got nan"),
        (lambda: load_digits_split(rng=None), TypeError,
         "rng must be a seed or a numpy.random.Generator, got None"),
        (lambda: digit_bowls(3, rng=None), TypeError,
         "rng must be a seed or a numpy.random.Generator, got None"),
        (lambda: digit_bowls(-1, rng=0), ValueError, "n_trays must not be negative, got -1"),
        (lambda: digit_bowls(1, rng=0, max_digits=5), ValueError,
         "min_digits and max_digits must satisfy 0 <= min_digits <= max_digits <= 4, got 0 and 5"),
        (lambda: digit_bowls(1, rng=0, min_digits=3, max_digits=2), ValueError,
         "min_digits and max_digits must satisfy 0 <= min_digits <= max_digits <= 4, got 3 and 2"),
        (lambda: digit_bowls(1, rng=0, part="all"), ValueError,
         "part must be 'train' or 'test', got 'all'"),
    ],
)  # fmt: skip
def test_errors_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    real_import = builtins.__import__

    def without_sklearn(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_sklearn)
    with pytest.raises(ImportError, match=r"pip install softmax_lib\[models\]"):
        load_digits_split()
