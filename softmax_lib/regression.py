"""Linear classifiers as scikit-learn estimators: one softmax, or one sigmoid per label.

Both minimise a convex objective with SciPy's L-BFGS-B and the exact gradients of
`softmax_lib.losses`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .activations import log_sigmoid, log_softmax, sigmoid, softmax
from .losses import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_grad,
    cross_entropy,
    cross_entropy_grad,
)

try:
    from scipy.optimize import minimize
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    message = (
        "softmax_lib.regression needs SciPy and scikit-learn 1.6 or newer: "
        "pip install softmax_lib[models]"
    )
    raise ImportError(message) from error

__all__ = ["MultiLabelRegression", "SoftmaxRegression"]

Array = NDArray[np.float64]
# From logits, shape (n_samples, n_outputs), to the mean loss and its gradient.
LossAndGrad = Callable[[Array], tuple[float, Array]]


class _LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What both estimators share: the parameters, the optimiser and the logits."""

    coef_: Array
    intercept_: Array
    classes_: NDArray[Any]

    def __init__(
        self,
        *,
        alpha: float = 1e-4,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 1000,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def _minimise(self, X: Array, n_outputs: int, loss_and_grad: LossAndGrad) -> None:
        """Set `coef_`, `intercept_` and `n_iter_` to the minimum of the penalised loss."""
        self._check_parameters()

        def objective(flat: Array) -> tuple[float, Array]:
            W, b = self._unpack(flat, n_outputs)
            loss, grad = loss_and_grad(X @ W.T + b)
            grad_W = grad.T @ X + self.alpha * W
            grad_b = grad.sum(axis=0) * bool(self.fit_intercept)
            return loss + self.alpha / 2 * np.sum(W * W), np.vstack([grad_W.T, grad_b]).ravel()

        options = {"maxiter": self.max_iter, "gtol": self.tol, "ftol": np.finfo(float).eps}
        start = np.zeros((X.shape[1] + 1) * n_outputs)
        result = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        self.coef_, self.intercept_ = self._unpack(result.x, n_outputs)
        self.n_iter_ = min(int(result.nit), self.max_iter)
        if not result.success:
            self._warn_not_converged(result)

    def _unpack(self, flat: Array, n_outputs: int) -> tuple[Array, Array]:
        stacked = flat.reshape(-1, n_outputs)
        return stacked[:-1].T, stacked[-1]

    def _warn_not_converged(self, result: Any) -> None:
        message = (
            f"{type(self).__name__} did not converge after {self.n_iter_} iterations: the largest "
            f"entry of the gradient is {np.max(np.abs(result.jac)):.2g}, tol is {self.tol:.2g} "
            f"({result.message}). Scale the features, or raise max_iter, alpha or tol."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _check_parameters(self) -> None:
        if not 0 <= self.alpha < math.inf:
            message = f"alpha must be finite and non-negative, got {self.alpha}"
            raise ValueError(message)
        if not 0 < self.tol < math.inf:
            message = f"tol must be finite and positive, got {self.tol}"
            raise ValueError(message)
        if self.max_iter < 1:
            message = f"max_iter must be at least 1, got {self.max_iter}"
            raise ValueError(message)

    def _logits(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        samples = validate_data(self, X, dtype=np.float64, reset=False)
        logits: Array = samples @ self.coef_.T + self.intercept_
        return logits


def _one_label_each(y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes and each row's index in them."""
    check_classification_targets(y)
    classes, index = np.unique(column_or_1d(y, warn=True), return_inverse=True)
    if len(classes) < 2:
        message = f"y must hold at least two classes, got one class: {classes[0]}"
        raise ValueError(message)
    return classes, index


class SoftmaxRegression(_LinearClassifier):
    r"""
    Classify into exclusive classes by the softmax of a linear function.

    Also called multinomial logistic regression. With one row of `coef_` per class,
    :math:`P(y = k \mid x) = \operatorname{softmax}(W x + b)_k`. Fitting minimises the mean
    cross-entropy in nats plus a penalty on the weights,

    .. math:: \frac{1}{n} \sum_{i=1}^{n} -\log P(y_i \mid x_i)
              + \frac{\alpha}{2} \sum_{k, j} W_{kj}^2 .

    Parameters
    ----------
    alpha : float, default=1e-4
        The strength of the penalty; the intercept is not penalised. As the loss is a mean, `alpha`
        does not depend on the number of samples: scikit-learn's ``LogisticRegression`` calls the
        same objective ``C = 1 / (n_samples * alpha)``.
    fit_intercept : bool, default=True
        Whether to fit b; else it is 0.
    tol : float, default=1e-6
        The optimiser stops when no entry of the gradient is larger.
    max_iter : int, default=1000
        The largest number of iterations of the optimiser.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The sorted labels.
    coef_ : ndarray of float64, shape (n_classes, n_features)
        W, one row per class, also for two classes. Each column sums to 0 up to rounding.
    intercept_ : ndarray of float64, shape (n_classes,)
        b. It sums to 0 up to rounding.
    n_iter_ : int
        The iterations that the optimiser took.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of str, shape (n_features,)
        The names of the features, if `X` had names that are all strings.

    See Also
    --------
    MultiLabelRegression : For labels that do not exclude each other.
    softmax_lib.cross_entropy : The loss.

    Notes
    -----
    Adding one vector to every row of W changes no probability. The penalty, and the start at zero,
    choose the representative whose rows sum to 0.

    Two classes have two rows, while scikit-learn's ``LogisticRegression`` has one: the difference
    of the rows here. For the same difference the penalty here is half as large, so that `alpha`
    has to be doubled for the same model.

    If the optimiser stops early, a ``sklearn.exceptions.ConvergenceWarning`` says so. Without
    penalty, separable classes have no minimum: the weights grow until the gradient is below `tol`.

    Sparse matrices are refused with a ``TypeError``.

    Examples
    --------
    >>> from softmax_lib.datasets import load_digits_split
    >>> from softmax_lib.regression import SoftmaxRegression
    >>> X_train, X_test, y_train, y_test = load_digits_split()
    >>> model = SoftmaxRegression(alpha=1e-2).fit(X_train, y_train)
    >>> bool(model.score(X_test, y_test) > 0.9)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> SoftmaxRegression:
        """
        Fit the model.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.
        y : array_like, shape (n_samples,)
            One label per sample, at least two different ones.

        Returns
        -------
        SoftmaxRegression
            The estimator itself.

        Raises
        ------
        ValueError
            If the shapes or values do not fit, `y` holds one class, or a parameter is out of range.
        TypeError
            If `X` is sparse.
        """
        samples, labels = validate_data(self, X, y, dtype=np.float64)
        self.classes_, index = _one_label_each(labels)

        def loss_and_grad(logits: Array) -> tuple[float, Array]:
            return cross_entropy(logits, index), cross_entropy_grad(logits, index)

        self._minimise(samples, len(self.classes_), loss_and_grad)
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """
        Compute the logits.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes), or (n_samples,) for two classes
            The logits in nats; for two classes the second's minus the first's, the log-odds, as
            scikit-learn's conventions ask.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """
        Predict the most probable class.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray, shape (n_samples,)
            One label per sample.
        """
        best = np.argmax(self._logits(X), axis=-1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: ArrayLike) -> Array:
        """
        Compute the probabilities of the classes.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            Rows that sum to 1.
        """
        p: Array = softmax(self._logits(X))
        return p

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """
        Compute the logarithms of the probabilities, accurate for confident predictions.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            The log-probabilities in nats.
        """
        log_p: Array = log_softmax(self._logits(X))
        return log_p


class MultiLabelRegression(_LinearClassifier):
    r"""
    Predict any number of labels, each by the sigmoid of its own linear function.

    Every label is a logistic regression of its own,
    :math:`P(\text{label } k \mid x) = \sigma(W x + b)_k`: none, some or all labels may hold.
    Fitting minimises the sum over the labels of the mean binary cross-entropy in nats, plus a
    penalty on the weights,

    .. math:: \sum_k \Big[ \frac{1}{n} \sum_{i=1}^{n} \ell(z_{ik}, y_{ik})
              + \frac{\alpha}{2} \sum_j W_{kj}^2 \Big],
              \qquad \ell(z, y) = -y \log \sigma(z) - (1 - y) \log \sigma(-z) .

    Parameters
    ----------
    alpha : float, default=1e-4
        The strength of the penalty; the intercept is not penalised. As the loss is a mean over the
        samples, `alpha` does not depend on their number: each label is the binary
        ``LogisticRegression`` of scikit-learn with ``C = 1 / (n_samples * alpha)``.
    fit_intercept : bool, default=True
        Whether to fit b; else it is 0.
    tol : float, default=1e-6
        The optimiser stops when no entry of the gradient is larger.
    max_iter : int, default=1000
        The largest number of iterations of the optimiser.

    Attributes
    ----------
    classes_ : ndarray, shape (n_labels,)
        The column numbers of `Y`; for one label per sample, the sorted labels.
    multilabel_ : bool
        Whether `fit` was given a matrix `Y`.
    coef_ : ndarray of float64, shape (n_labels, n_features)
        W, one row per label; a single row if there is one label per sample out of two.
    intercept_ : ndarray of float64, shape (n_labels,)
        b.
    n_iter_ : int
        The iterations that the optimiser took; all labels are fitted together.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of str, shape (n_features,)
        The names of the features, if `X` had names that are all strings.

    See Also
    --------
    SoftmaxRegression : For classes that exclude each other.
    softmax_lib.binary_cross_entropy_with_logits : The loss.

    Notes
    -----
    With one label per sample, `y` of shape (n_samples,), this is one-versus-rest classification:
    every class gets its own sigmoid, `predict` takes the largest logit, and `predict_proba` divides
    the sigmoids by their sum. Two classes need one sigmoid only.

    The score of a matrix `Y` is the subset accuracy: the share of samples with every label right.

    If the optimiser stops early, a ``sklearn.exceptions.ConvergenceWarning`` says so. Sparse `X`
    is refused with a ``TypeError``.

    Examples
    --------
    >>> from softmax_lib.datasets import digit_bowls
    >>> from softmax_lib.regression import MultiLabelRegression
    >>> train = digit_bowls(200, rng=0)
    >>> model = MultiLabelRegression(alpha=0.1).fit(train.X, train.Y)
    >>> model.predict_proba(train.X).shape
    (200, 10)
    """

    multilabel_: bool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: ArrayLike, Y: ArrayLike) -> MultiLabelRegression:
        """
        Fit the model.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.
        Y : array_like of 0 and 1, shape (n_samples, n_labels)
            Y[i, k] is 1 if sample i has label k; at least two labels. Or one label per sample,
            shape (n_samples,).

        Returns
        -------
        MultiLabelRegression
            The estimator itself.

        Raises
        ------
        ValueError
            If the shapes or values do not fit, or a parameter is out of range.
        TypeError
            If `X` is sparse.
        """
        samples, labels = validate_data(self, X, Y, dtype=np.float64, multi_output=True)
        targets = self._read_labels(labels)

        def loss_and_grad(logits: Array) -> tuple[float, Array]:
            loss = binary_cross_entropy_with_logits(logits, targets, reduction="sum")
            grad = binary_cross_entropy_with_logits_grad(logits, targets, reduction="sum")
            return loss / len(targets), grad / len(targets)

        self._minimise(samples, targets.shape[1], loss_and_grad)
        return self

    def _read_labels(self, Y: Any) -> Array:
        self.multilabel_ = Y.ndim == 2 and Y.shape[1] > 1
        if not self.multilabel_:
            self.classes_, index = _one_label_each(Y)
            one_hot = np.eye(len(self.classes_))[index]
            return one_hot[:, 1:] if len(self.classes_) == 2 else one_hot
        targets = Y.toarray() if hasattr(Y, "toarray") else Y
        if np.any(wrong := ~np.isin(targets, (0, 1))):
            at = tuple(np.argwhere(wrong)[0].tolist())
            message = f"Y must hold 0 and 1, got {targets[at]} at position {at}"
            raise ValueError(message)
        self.classes_ = np.arange(targets.shape[1])
        return np.asarray(targets, dtype=np.float64)

    def decision_function(self, X: ArrayLike) -> Array:
        """
        Compute the logits.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_labels)
            The log-odds of each label, in nats. For one label per sample out of two, the log-odds
            of the second, shape (n_samples,).
        """
        logits = self._logits(X)
        return logits[:, 0] if self._is_binary() else logits

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """
        Predict the labels whose probability exceeds one half.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of int64, shape (n_samples, n_labels)
            1 where a label is predicted. For one label per sample, that with the largest logit,
            shape (n_samples,).
        """
        logits = self._logits(X)
        if self.multilabel_:
            return (logits > 0).astype(np.int64)
        best = (logits[:, 0] > 0) * 1 if self._is_binary() else np.argmax(logits, axis=-1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: ArrayLike) -> Array:
        """
        Compute the probabilities of the labels.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_labels)
            The probability of each label; rows need not sum to 1. For one label per sample, shape
            (n_samples, n_classes), rows that sum to 1.
        """
        logits = self._logits(X)
        p: Array = sigmoid(logits) if self.multilabel_ else softmax(self._class_scores(logits))
        return p

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """
        Compute the logarithms of the probabilities, accurate for confident predictions.

        Parameters
        ----------
        X : array_like of real numbers, shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of float64, shape of `predict_proba`
            The log-probabilities in nats.
        """
        logits = self._logits(X)
        if self.multilabel_:
            log_p: Array = log_sigmoid(logits)
        else:
            log_p = log_softmax(self._class_scores(logits))
        return log_p

    def _class_scores(self, logits: Array) -> Array:
        """Return numbers whose softmax are the probabilities of one label per sample."""
        if self._is_binary():
            return np.hstack([np.zeros_like(logits), logits])
        # The softmax of logarithms divides each sigmoid by their sum, even if all underflow.
        scores: Array = log_sigmoid(logits)
        return scores

    def _is_binary(self) -> bool:
        return not self.multilabel_ and len(self.classes_) == 2
