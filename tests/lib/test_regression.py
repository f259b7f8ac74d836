"""The estimators against scikit-learn's contract and its own logistic regression."""

import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, an optional extra, is not installed")

from scipy.optimize import check_grad
from sklearn.exceptions import ConvergenceWarning, NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from softmax_lib import cross_entropy
from softmax_lib.datasets import digit_bowls, load_digits_split
from softmax_lib.losses import binary_cross_entropy_with_logits
from softmax_lib.regression import MultiLabelRegression, SoftmaxRegression

ESTIMATORS = [SoftmaxRegression, MultiLabelRegression]
# What scikit-learn's own checks need and this environment may not have.
MAY_BE_SKIPPED = {"check_array_api_input", "check_classifier_data_not_an_array"}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep BLAS from starting more threads than a busy machine has cores."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def digits():
    return load_digits_split()


@pytest.fixture(scope="module")
def three_or_eight(digits):
    chosen = np.isin(digits.y_train, (3, 8))
    return digits.X_train[chosen], digits.y_train[chosen]


@pytest.fixture(scope="module")
def bowls():
    return digit_bowls(600, rng=0)


def logistic(alpha, n_samples):
    """scikit-learn's name for our penalty, solved by a method of its own."""
    C = 1 / (alpha * n_samples)
    return LogisticRegression(C=C, solver="newton-cg", tol=1e-12, max_iter=1000)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_scikit_learns_own_checks_pass(estimator, fit_intercept):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(estimator(fit_intercept=fit_intercept), on_fail=None)
    failed = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    assert not failed
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= MAY_BE_SKIPPED
    assert sum(r["status"] == "passed" for r in results) > 45


# ------------------------------------------------------------------------------------------------
# Agreement with scikit-learn's LogisticRegression
# ------------------------------------------------------------------------------------------------


def test_softmax_regression_is_multinomial_logistic_regression(digits):
    ours = SoftmaxRegression(alpha=1e-3, tol=1e-9).fit(digits.X_train, digits.y_train)
    theirs = logistic(1e-3, 1078).fit(digits.X_train, digits.y_train)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(
        ours.predict_proba(digits.X_test), theirs.predict_proba(digits.X_test), atol=1e-5
    )
    np.testing.assert_array_equal(ours.predict(digits.X_test), theirs.predict(digits.X_test))
    assert ours.score(digits.X_test, digits.y_test) > 0.96


def test_each_label_is_a_logistic_regression_of_its_own(bowls):
    ours = MultiLabelRegression(alpha=1e-2, tol=1e-9).fit(bowls.X, bowls.Y)
    for k in (0, 7):
        theirs = logistic(1e-2, 600).fit(bowls.X, bowls.Y[:, k])
        np.testing.assert_allclose(ours.coef_[k], theirs.coef_[0], atol=1e-5)
        np.testing.assert_allclose(ours.intercept_[k], theirs.intercept_[0], atol=1e-5)
        np.testing.assert_allclose(
            ours.predict_proba(bowls.X)[:, k], theirs.predict_proba(bowls.X)[:, 1], atol=1e-5
        )


def test_two_classes_need_twice_the_penalty_for_the_same_model(three_or_eight):
    X, y = three_or_eight
    softmax_form = SoftmaxRegression(alpha=2e-2, tol=1e-9).fit(X, y)
    sigmoid_form = MultiLabelRegression(alpha=1e-2, tol=1e-9).fit(X, y)
    theirs = logistic(1e-2, len(X)).fit(X, y)
    difference = softmax_form.coef_[1] - softmax_form.coef_[0]
    np.testing.assert_allclose(difference, sigmoid_form.coef_[0], atol=1e-5)
    np.testing.assert_allclose(difference, theirs.coef_[0], atol=1e-5)
    same_alpha = SoftmaxRegression(alpha=1e-2, tol=1e-9).fit(X, y)
    assert np.abs(same_alpha.coef_[1] - same_alpha.coef_[0] - theirs.coef_[0]).max() > 0.1


def test_rows_of_the_softmax_weights_sum_to_zero(digits):
    model = SoftmaxRegression(alpha=1e-2).fit(digits.X_train, digits.y_train)
    assert np.abs(model.coef_.sum(axis=0)).max() < 1e-11
    assert abs(model.intercept_.sum()) < 1e-11


# ------------------------------------------------------------------------------------------------
# The objective
# ------------------------------------------------------------------------------------------------


def softmax_objective(model, X, y):
    penalty = model.alpha / 2 * np.sum(model.coef_**2)
    return cross_entropy(X @ model.coef_.T + model.intercept_, y) + penalty


def multi_label_objective(model, X, Y):
    penalty = model.alpha / 2 * np.sum(model.coef_**2)
    losses = binary_cross_entropy_with_logits(
        X @ model.coef_.T + model.intercept_, Y, reduction="none"
    )
    return losses.mean(axis=0).sum() + penalty


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_fit_is_the_minimum_of_the_documented_objective(digits, bowls, fit_intercept):
    kw = {"alpha": 1e-2, "fit_intercept": fit_intercept}
    rng = np.random.default_rng(0)
    for model, X, y, objective in [
        (SoftmaxRegression(**kw), digits.X_train, digits.y_train, softmax_objective),
        (MultiLabelRegression(**kw), bowls.X, bowls.Y, multi_label_objective),
    ]:
        model.fit(X, y)
        best = objective(model, X, y)
        coef, intercept = model.coef_, model.intercept_
        if not fit_intercept:
            np.testing.assert_array_equal(intercept, 0)
        for _ in range(5):
            model.coef_ = coef + 1e-3 * rng.normal(size=coef.shape)
            model.intercept_ = intercept + fit_intercept * 1e-3 * rng.normal(size=intercept.shape)
            assert objective(model, X, y) > best


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_gradient_given_to_the_optimiser_is_exact(monkeypatch, estimator):
    seen = {}

    def record(objective, start, **kw):
        seen["objective"], seen["start"] = objective, start
        return minimize(objective, start, **kw)

    from softmax_lib import regression

    minimize = regression.minimize
    monkeypatch.setattr(regression, "minimize", record)
    rng = np.random.default_rng(1)
    estimator(alpha=0.3).fit(rng.normal(size=(20, 3)), np.arange(20) % 3)
    point = rng.normal(size=seen["start"].size)
    error = check_grad(
        lambda w: seen["objective"](w)[0], lambda w: seen["objective"](w)[1], point, epsilon=1e-7
    )
    assert error < 1e-6


def test_penalty_does_not_depend_on_the_number_of_samples(three_or_eight):
    X, y = three_or_eight
    once = SoftmaxRegression(alpha=1e-2, tol=1e-9).fit(X, y)
    twice = SoftmaxRegression(alpha=1e-2, tol=1e-9).fit(np.vstack([X, X]), np.concatenate([y, y]))
    np.testing.assert_allclose(twice.coef_, once.coef_, atol=1e-6)


# ------------------------------------------------------------------------------------------------
# What the methods return
# ------------------------------------------------------------------------------------------------


def test_methods_of_softmax_regression_agree(digits):
    names = np.array([f"digit {k}" for k in range(10)])
    model = SoftmaxRegression(alpha=1e-2).fit(digits.X_train, names[digits.y_train])
    X = digits.X_test[:50]
    np.testing.assert_array_equal(model.classes_, names)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-12)
    np.testing.assert_allclose(model.decision_function(X), X @ model.coef_.T + model.intercept_)
    np.testing.assert_array_equal(model.predict(X), names[p.argmax(axis=1)])
    score = model.score(X, names[digits.y_test[:50]])
    assert score == np.mean(model.predict(X) == names[digits.y_test[:50]])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_classes_have_one_decision_value(three_or_eight, estimator):
    X, y = three_or_eight
    model = estimator(alpha=1e-2).fit(X, y)
    decision, p = model.decision_function(X), model.predict_proba(X)
    assert decision.shape == (len(X),)
    np.testing.assert_allclose(np.log(p[:, 1] / p[:, 0]), decision, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), np.where(decision > 0, 8, 3))
    assert model.coef_.shape == (2 if estimator is SoftmaxRegression else 1, 64)


def test_methods_of_multi_label_regression_agree(bowls):
    model = MultiLabelRegression(alpha=1e-2).fit(bowls.X, bowls.Y)
    np.testing.assert_array_equal(model.classes_, np.arange(10))
    assert model.multilabel_
    p = model.predict_proba(bowls.X)
    assert p.shape == (600, 10)
    np.testing.assert_array_equal(model.predict(bowls.X), p > 0.5)
    np.testing.assert_array_equal(model.predict(bowls.X), model.decision_function(bowls.X) > 0)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(bowls.X)), p, rtol=1e-12)
    exact = (model.predict(bowls.X) == bowls.Y).all(axis=1).mean()
    assert model.score(bowls.X, bowls.Y) == exact
    # With an intercept that is not penalised, the mean probability of a label is its frequency.
    np.testing.assert_allclose(p.mean(axis=0), bowls.Y.mean(axis=0), atol=1e-5)


def test_one_label_per_sample_makes_one_versus_rest(digits):
    X, y = digits.X_train, digits.y_train
    model = MultiLabelRegression(alpha=1e-2).fit(X, y)
    matrix = MultiLabelRegression(alpha=1e-2).fit(X, np.eye(10, dtype=int)[y])
    np.testing.assert_array_equal(model.coef_, matrix.coef_)
    sigmoids = matrix.predict_proba(digits.X_test)
    expected = sigmoids / sigmoids.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(digits.X_test), expected, rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(digits.X_test)), expected, rtol=1e-11)
    np.testing.assert_array_equal(model.predict(digits.X_test), sigmoids.argmax(axis=1))


def test_confident_log_probabilities_are_not_zero(three_or_eight):
    X, y = three_or_eight
    for estimator in ESTIMATORS:
        model = estimator(alpha=1e-2).fit(X, y)
        log_p = model.predict_log_proba(X * 20)
        assert (log_p < 0).all()
        assert (log_p > -1e-17).any()


# ------------------------------------------------------------------------------------------------
# Convergence and errors
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_fit_that_stops_early_warns(digits, estimator):
    model = estimator(max_iter=3)
    message = f"{estimator.__name__} did not converge after 3 iterations: the largest entry"
    with pytest.warns(ConvergenceWarning, match=message) as record:
        model.fit(digits.X_train, digits.y_train)
    assert record[0].filename == __file__
    assert model.n_iter_ == 3


def test_a_converged_fit_does_not_warn_even_without_penalty():
    # Separable classes: there is no minimum, and the gradient falls below tol far out.
    model = SoftmaxRegression(alpha=0, tol=1e-4).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    assert model.n_iter_ > 1
    assert np.abs(model.coef_).max() > 5


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1}, "alpha must be finite and non-negative, got -1"),
        ({"alpha": np.nan}, "alpha must be finite and non-negative, got nan"),
        ({"tol": 0}, "tol must be finite and positive, got 0"),
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
    ],
)
def test_parameters_out_of_range(estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        estimator(**parameters).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_class_is_refused(estimator):
    with pytest.raises(ValueError, match="y must hold at least two classes, got one class: 5"):
        estimator().fit([[0.0], [1.0]], [5, 5])


def test_labels_that_are_neither_zero_nor_one_are_refused():
    with pytest.raises(ValueError, match=r"Y must hold 0 and 1, got 2 at position \(0, 1\)"):
        MultiLabelRegression().fit([[0.0], [1.0]], [[1, 2], [2, 1]])
    with pytest.raises(ValueError, match=r"Y must hold 0 and 1, got a at position \(0, 0\)"):
        MultiLabelRegression().fit([[0.0], [1.0]], [["a", "b"], ["b", "a"]])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_prediction_before_fit_is_refused(estimator):
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(estimator(), method)([[0.0]])


def test_a_label_that_never_occurs_is_learnt_as_rare():
    X, Y = np.arange(20.0)[:, None] / 20, np.zeros((20, 2), dtype=int)
    Y[::2, 1] = 1
    p = MultiLabelRegression().fit(X, Y).predict_proba(X)
    assert (p[:, 0] < 1e-4).all()


def test_without_scikit_learn_the_error_says_what_to_install():
    code = """
        import sys
        sys.modules["sklearn"] = None
        import softmax_lib
        try:
            import softmax_lib.regression
        except ImportError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        "softmax_lib.regression needs SciPy and scikit-learn 1.6 or newer: "
        "pip install softmax_lib[models]"
    )
