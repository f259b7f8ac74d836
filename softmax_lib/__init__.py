"""Softmax and its relatives, accurate to the last digits, in NumPy."""

from .activations import (
    hardmax,
    log_sigmoid,
    log_softmax,
    logsumexp,
    normalize_linear,
    sigmoid,
    softmax,
    softplus,
)
from .gradients import (
    log_softmax_jacobian,
    log_softmax_jvp,
    log_softmax_vjp,
    logsumexp_jvp,
    logsumexp_vjp,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
)
from .losses import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_grad,
    cross_entropy,
    cross_entropy_grad,
    nll_loss,
    nll_loss_grad,
)

__all__ = [
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_grad",
    "cross_entropy",
    "cross_entropy_grad",
    "hardmax",
    "log_sigmoid",
    "log_softmax",
    "log_softmax_jacobian",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "nll_loss",
    "nll_loss_grad",
    "normalize_linear",
    "sigmoid",
    "softmax",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
    "softplus",
]
