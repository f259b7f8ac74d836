"""One slice of few numbers, in Python's floats: to start a dozen NumPy calls takes longer.

Each function takes a list of numbers and returns its result, or None where it needs the care of
`activations`: where exponentials are tiny, or a number is infinite or nan. OverflowError (from
`exp`) and ValueError (from `fsum`, at inf - inf) mean the same. Python's floats are float64, and
`fsum` rounds once, so nothing is lost here.
"""

from __future__ import annotations

import sys
from math import exp, fsum, log1p

FEW = 32  # numbers, up to which this way is the shorter one

_SMALLEST_NORMAL = sys.float_info.min
_LOWEST = -700.0  # exponentials from here up are normal numbers


def softmax(z: list[float]) -> list[float] | None:
    """Return the softmax of `z`."""
    e = [exp(z_k) for z_k in z]
    total = fsum(e)
    # An exponential may underflow only where its probability does too.
    if total < sys.float_info.max and (total >= 1 or min(z) >= _LOWEST):
        return [e_k / total for e_k in e]
    return None


def log_softmax(z: list[float]) -> list[float] | None:
    """Return the log-softmax of `z`."""
    parts = _max_and_log_excess(z)
    return parts and [(z_k - parts[0]) - parts[1] for z_k in z]


def logsumexp(z: list[float]) -> float | None:
    """Return the log-sum-exp of `z`."""
    parts = _max_and_log_excess(z)
    return parts and parts[0] + parts[1]


def _max_and_log_excess(z: list[float]) -> tuple[float, float] | None:
    e = [exp(z_k) for z_k in z]
    e_max = max(e)
    others = fsum([*e, -e_max])
    # With other classes that are normal numbers on average, those that underflow do not matter.
    if others >= len(z) * _SMALLEST_NORMAL:
        return max(z), log1p(others / e_max)
    return None
