"""Answer checks for the book's exercises: they say what is wrong, not only that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["check", "check_function"]

RIGHT = "Right."
OPEN = "Not answered yet: replace the ... by your answer and run this cell again."


def check(
    answer: Any, expected: Any, *, mistakes: Mapping[str, Any] | None = None, rtol: float = 1e-6
) -> str:
    """
    Compare an exercise's answer with the expected one and say what is wrong.

    Parameters
    ----------
    answer : array_like or str or bool
        The reader's answer; ``...`` stands for an answer not given yet.
    expected : array_like or str or bool
        The right answer. Text is compared without regard to case and spaces around it.
    mistakes : mapping of str to array_like, optional
        Wrong answers worth a hint of their own, as ``{hint: wrong answer}``.
    rtol : float, default 1e-6
        Relative tolerance of the comparison of numbers. It also serves, in absolute terms, for
        an expected zero.

    Returns
    -------
    str
        ``"Right."``, or a sentence that says what differs.

    See Also
    --------
    check_function : The same for an answer that is a function.

    Examples
    --------
    >>> from softmax_lib.exercises import check
    >>> check(..., 0.5)
    'Not answered yet: replace the ... by your answer and run this cell again.'
    >>> check([0.6, 0.6], [0.5, 0.5])
    'Not yet: these probabilities sum to 1.2, not to 1.'
    >>> check(2.0, 0.5, mistakes={"Take the reciprocal.": 2.0})
    'Not yet: Take the reciprocal.'
    >>> check(0.5, 0.5)
    'Right.'
    """
    if answer is ...:
        return OPEN
    problem = difference(answer, expected, rtol)
    if not problem:
        return RIGHT
    for hint, wrong in (mistakes or {}).items():
        if not difference(answer, wrong, rtol):
            return f"Not yet: {hint}"
    return f"Not yet: {problem}"


def check_function(
    answer: Any,
    expected: Callable[..., Any],
    cases: Iterable[tuple[Any, ...]],
    *,
    mistakes: Mapping[str, Callable[..., Any]] | None = None,
    rtol: float = 1e-6,
) -> str:
    """
    Compare a function with the expected one on several inputs and say where they differ.

    Parameters
    ----------
    answer : callable
        The reader's function; ``...`` stands for an answer not given yet.
    expected : callable
        A function that is right on every case.
    cases : iterable of tuple
        The arguments of each call.
    mistakes : mapping of str to callable, optional
        Wrong functions worth a hint of their own, as ``{hint: wrong function}``. A hint is given
        when the answer equals the wrong function on every case.
    rtol : float, default 1e-6
        Relative tolerance of the comparison of numbers.

    Returns
    -------
    str
        ``"Right."``, or a sentence that names the first case that differs, and how.

    See Also
    --------
    check : The same for an answer that is a value.

    Examples
    --------
    >>> from softmax_lib.exercises import check_function
    >>> check_function(lambda x: x + 1, lambda x: x * 2, [(1,), (3,)])
    'Not yet: for (3,): 4 is too small.'
    """
    if answer is ...:
        return OPEN
    if not callable(answer):
        return f"Not yet: expected a function, got {type(answer).__name__}."
    cases = list(cases)
    problem = first_difference(answer, expected, cases, rtol)
    if not problem:
        return RIGHT
    for hint, wrong in (mistakes or {}).items():
        if not first_difference(answer, wrong, cases, rtol):
            return f"Not yet: {hint}"
    return f"Not yet: {problem}"


def first_difference(
    answer: Callable[..., Any],
    expected: Callable[..., Any],
    cases: list[tuple[Any, ...]],
    rtol: float,
) -> str:
    """Describe the first case on which two functions differ, or return an empty string."""
    for case in cases:
        # Neither function may see what the other did to its arguments.
        ours, theirs = (tuple(map(copied, case)) for _ in range(2))
        try:
            with np.errstate(all="ignore"):
                result = answer(*ours)
        except Exception as error:  # the reader's code may raise anything
            return f"for {shown(case)} it raised {type(error).__name__}: {error}"
        with np.errstate(all="ignore"):
            problem = difference(result, expected(*theirs), rtol)
        if problem:
            return f"for {shown(case)}: {problem}"
    return ""


def difference(answer: Any, expected: Any, rtol: float) -> str:
    """Describe how an answer differs from the expected one, or return an empty string."""
    if isinstance(expected, str | bool):
        return word_difference(answer, expected)
    try:
        got, want = np.asarray(answer, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return f"expected {kind(expected)}, got {type(answer).__name__}."
    if got.shape != want.shape:
        return f"expected {kind(want)}, got {kind(got)}."
    if np.allclose(got, want, rtol=rtol, atol=0.0 if np.all(want) else rtol, equal_nan=True):
        return ""
    if np.isnan(got).any() and not np.isnan(want).any():
        return f"nan stands at {positions(np.isnan(got))}."
    if sums_to_one(want) and not sums_to_one(got):
        total = got.sum(axis=-1).flat[0]
        return f"these probabilities sum to {total:.6g}, not to 1."
    if np.allclose(got, -want, rtol=rtol, atol=0.0, equal_nan=True):
        return "the size is right, the sign is not."
    if got.ndim == 0:
        return f"{got:.6g} is too {'large' if got > want else 'small'}."
    wrong = ~np.isclose(got, want, rtol=rtol, atol=0.0, equal_nan=True)
    return f"{wrong.sum()} of {wrong.size} values are off, at {positions(wrong)}."


def word_difference(answer: Any, expected: str | bool) -> str:
    if type(answer) is not type(expected):
        return f"expected {type(expected).__name__}, got {type(answer).__name__}."
    if isinstance(answer, str):
        return "" if answer.strip().lower() == str(expected).strip().lower() else f"not {answer!r}."
    return "" if answer == expected else f"not {answer}."


def sums_to_one(values: np.ndarray[Any, Any]) -> bool:
    return values.ndim > 0 and bool(np.allclose(values.sum(axis=-1), 1.0, rtol=1e-6, atol=0.0))


def positions(mask: np.ndarray[Any, Any]) -> str:
    places = [tuple(map(int, place)) for place in np.argwhere(mask)]
    named = ", ".join(str(place[0] if len(place) == 1 else place) for place in places[:3])
    return f"position {named}" + (" and more" if len(places) > 3 else "")


def kind(value: Any) -> str:
    shape = np.shape(value)
    return "a number" if shape == () else f"an array of shape {shape}"


def shown(case: tuple[Any, ...]) -> str:
    plain = tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in case)
    return repr(plain)


def copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
