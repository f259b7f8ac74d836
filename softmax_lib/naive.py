"""The textbook formulas, exactly as they fail.

Nothing here is cast, shifted or guarded beyond what each name says: the functions compute in the
dtype that comes in and let NumPy's warnings through. They are for breaking. Use `softmax_lib` for
everything else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "division_free_softmax",
    "log_softmax",
    "logsumexp",
    "shifted_log_softmax",
    "shifted_softmax",
    "sigmoid",
    "softmax",
    "softplus",
]


def softmax(logits: ArrayLike, axis: int | None = -1) -> Any:
    """Return ``exp(z) / sum(exp(z))``; overflows from 710 in float64, and 0/0 below -745."""
    exp_z = np.exp(np.asarray(logits))
    return exp_z / np.sum(exp_z, axis=axis, keepdims=True)


def log_softmax(logits: ArrayLike, axis: int | None = -1) -> Any:
    """Return ``log(softmax(z))``; -inf as soon as a probability underflows to 0."""
    return np.log(softmax(logits, axis=axis))


def logsumexp(logits: ArrayLike, axis: int | None = -1) -> Any:
    """Return ``log(sum(exp(z)))``; inf when one exponential, or only their sum, overflows."""
    return np.log(np.sum(np.exp(np.asarray(logits)), axis=axis))


def sigmoid(logits: ArrayLike) -> Any:
    """Return ``1 / (1 + exp(-z))``; exp overflows, with a warning, below -709 in float64."""
    return 1 / (1 + np.exp(-np.asarray(logits)))


def softplus(logits: ArrayLike) -> Any:
    """Return ``log(1 + exp(z))``; inf from 710 in float64, and 0 below -37."""
    return np.log(1 + np.exp(np.asarray(logits)))


def shifted_softmax(logits: ArrayLike, axis: int | None = -1) -> Any:
    """Return ``exp(z - max) / sum(exp(z - max))``; on integers the subtraction can wrap round."""
    z = np.asarray(logits)
    exp_z = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return exp_z / np.sum(exp_z, axis=axis, keepdims=True)


def shifted_log_softmax(logits: ArrayLike, axis: int | None = -1) -> Any:
    """Return ``z - max - log(sum(exp(z - max)))``; 0 for a confident answer, not -4e-18."""
    z = np.asarray(logits)
    shifted = z - np.max(z, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def division_free_softmax(logits: ArrayLike, axis: int | None = -1) -> Any:
    """Return ``exp(z - logsumexp(z))``, shifted; it saves a division and loses digits."""
    z = np.asarray(logits)
    z_max = np.max(z, axis=axis, keepdims=True)
    return np.exp(z - (z_max + np.log(np.sum(np.exp(z - z_max), axis=axis, keepdims=True))))
