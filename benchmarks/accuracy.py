"""Measure the accuracy of softmax_lib, SciPy, PyTorch and JAX on the same inputs.

Prints one table, and writes it with the versions and the machine to results/accuracy.json and
results/accuracy.md. Run as ``python benchmarks/accuracy.py``; PyTorch and JAX are optional.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report import describe, markdown_table, optional_import, write_results

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "lib"))

from reference import EXTENDED, ulps, wide

ROWS = 2000
CASES = {
    "10 logits N(0, 1)": lambda rng: rng.standard_normal((ROWS, 10)),
    "10 logits N(0, 20²)": lambda rng: 20 * rng.standard_normal((ROWS, 10)),
    "1000 logits N(0, 5²)": lambda rng: 5 * rng.standard_normal((ROWS // 20, 1000)),
    "10 logits N(1000, 20²)": lambda rng: 1000 + 20 * rng.standard_normal((ROWS, 10)),
    "confident, gap 20 to 80": lambda rng: np.concatenate(
        [np.zeros((ROWS, 1)), -20 - 60 * rng.random((ROWS, 9))], axis=1
    ),
    "logsumexp near 0": lambda rng: np.log(rng.dirichlet(np.ones(10), ROWS)),
}
FUNCTIONS = (
    "softmax",
    "log_softmax",
    "logsumexp",
    "sigmoid",
    "log_sigmoid",
    "cross_entropy",
    "cross_entropy_grad",
)
Candidate = dict[str, Callable[[Any, Any], Any]]  # of logits and of the target classes


def ours() -> Candidate:
    import softmax_lib as lib

    names = ("softmax", "log_softmax", "sigmoid", "log_sigmoid")
    functions: Candidate = {
        name: (lambda x, t, f=getattr(lib, name): f(x))  # noqa: B008
        for name in names
    }
    functions["logsumexp"] = lambda x, t: lib.logsumexp(x, keepdims=True)
    if hasattr(lib, "cross_entropy_grad"):
        functions["cross_entropy"] = lambda x, t: lib.cross_entropy(x, t, reduction="none")
        functions["cross_entropy_grad"] = lambda x, t: lib.cross_entropy_grad(x, t, reduction="sum")
    return functions


def scipy() -> Candidate:
    """Return SciPy's functions; it has no cross-entropy, so that is made of what it has."""
    special = optional_import("scipy.special")

    def cross_entropy(x: Any, t: Any) -> Any:
        return -np.take_along_axis(special.log_softmax(x, axis=-1), t[:, None], -1)[:, 0]

    def cross_entropy_grad(x: Any, t: Any) -> Any:
        return special.softmax(x, axis=-1) - np.eye(x.shape[1], dtype=x.dtype)[t]

    return {
        "softmax": lambda x, t: special.softmax(x, axis=-1),
        "log_softmax": lambda x, t: special.log_softmax(x, axis=-1),
        "logsumexp": lambda x, t: special.logsumexp(x, axis=-1, keepdims=True),
        "sigmoid": lambda x, t: special.expit(x),
        "log_sigmoid": lambda x, t: special.log_expit(x),
        "cross_entropy": cross_entropy,
        "cross_entropy_grad": cross_entropy_grad,
    }


def pytorch() -> Candidate:
    torch = optional_import("torch")
    functional = torch.nn.functional

    def gradient(x: Any, t: Any) -> Any:
        x = x.clone().requires_grad_()
        functional.cross_entropy(x, t, reduction="sum").backward()
        return x.grad

    functions = {
        "softmax": lambda x, t: torch.softmax(x, -1),
        "log_softmax": lambda x, t: torch.log_softmax(x, -1),
        "logsumexp": lambda x, t: torch.logsumexp(x, -1, keepdim=True),
        "sigmoid": lambda x, t: torch.sigmoid(x),
        "log_sigmoid": lambda x, t: functional.logsigmoid(x),
        "cross_entropy": lambda x, t: functional.cross_entropy(x, t, reduction="none"),
        "cross_entropy_grad": gradient,
    }

    def converted(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda x, t: function(torch.from_numpy(x), torch.from_numpy(t)).numpy()

    return {name: converted(function) for name, function in functions.items()}


def jax() -> Candidate:
    """Return JAX's functions, compiled; its cross-entropy is made of its log_softmax."""
    module = optional_import("jax")
    module.config.update("jax_enable_x64", True)

    def cross_entropy(x: Any, t: Any) -> Any:
        log_p = module.nn.log_softmax(x)
        return -module.numpy.take_along_axis(log_p, t[:, None], -1)[:, 0]

    functions = {
        "softmax": lambda x, t: module.nn.softmax(x),
        "log_softmax": lambda x, t: module.nn.log_softmax(x),
        "logsumexp": lambda x, t: module.nn.logsumexp(x, axis=-1, keepdims=True),
        "sigmoid": lambda x, t: module.nn.sigmoid(x),
        "log_sigmoid": lambda x, t: module.nn.log_sigmoid(x),
        "cross_entropy": cross_entropy,
        "cross_entropy_grad": module.grad(lambda x, t: cross_entropy(x, t).sum()),
    }

    def compiled(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        fast = module.jit(function)
        return lambda x, t: np.asarray(fast(x, t))

    return {name: compiled(function) for name, function in functions.items()}


def exact_values(x: Any) -> tuple[dict[str, Any], Any, Any]:
    """Return what each function should give, the target classes, and the scale of logsumexp."""
    want = wide(x)
    z = x.astype(np.longdouble)
    top = want["top"]
    gradient = want["softmax"].copy()
    np.put_along_axis(gradient, top, -want["not_top"], axis=-1)
    e = np.exp(-np.abs(z))
    return (
        {
            "softmax": want["softmax"],
            "log_softmax": want["log_softmax"],
            "logsumexp": want["logsumexp"],
            "sigmoid": np.exp(np.minimum(z, 0)) / (1 + e),
            "log_sigmoid": np.minimum(z, 0) - np.log1p(e),
            "cross_entropy": -np.take_along_axis(want["log_softmax"], top, -1)[:, 0],
            "cross_entropy_grad": gradient,
        },
        top[:, 0],
        want["scale"],
    )


def measure(candidates: dict[str, Candidate]) -> list[dict[str, Any]]:
    rows = []
    for dtype in (np.float32, np.float64):
        for case, make in CASES.items():
            x = make(np.random.default_rng(0)).astype(dtype)
            want, target, scale = exact_values(x)
            for function in FUNCTIONS:
                row: dict[str, Any] = {"function": function, "dtype": dtype.__name__, "case": case}
                for name, functions in candidates.items():
                    if function not in functions:
                        continue
                    got = functions[function](x, target)
                    unit = scale if function == "logsumexp" else None
                    errors = ulps(got, want[function], dtype, unit)
                    row[name] = {"worst": float(np.max(errors)), "median": float(np.median(errors))}
                rows.append(row)
    return rows


def summarise(rows: list[dict[str, Any]], names: list[str]) -> list[list[str]]:
    """Return, for every function and dtype, the worst case and the largest median."""
    table = []
    for function in FUNCTIONS:
        for dtype in ("float32", "float64"):
            line = [f"`{function}`", dtype]
            for name in names:
                found = [
                    row[name]
                    for row in rows
                    if row["function"] == function and row["dtype"] == dtype and name in row
                ]
                worst = max((r["worst"] for r in found), default=float("nan"))
                median = max((r["median"] for r in found), default=float("nan"))
                line.append(f"{worst:.2g} / {median:.2g}" if found else "not there")
            table.append(line)
    return table


def main() -> None:
    if not EXTENDED:
        sys.exit(
            "This machine's longdouble is no wider than float64: there is nothing to measure by."
        )
    candidates: dict[str, Candidate] = {}
    missing = []
    for name, load in {
        "softmax_lib": ours,
        "SciPy": scipy,
        "PyTorch": pytorch,
        "JAX": jax,
    }.items():
        try:
            candidates[name] = load()
        except ImportError as error:
            missing.append(name)
            print(f"{name} is not measured: {error}")
    np.seterr(all="ignore")
    rows = measure(candidates)
    names = list(candidates)
    table = markdown_table(
        ["function", "dtype", *(f"{name} worst / median" for name in names)], summarise(rows, names)
    )
    print(table)
    write_results(
        "accuracy",
        {**describe(), "unit": "eps of the dtype", "not_measured": missing, "rows": rows},
        "Errors relative to the exact result, in eps of the dtype (for logsumexp relative to its "
        "condition). Of all inputs the worst error, and the largest of the medians.\n\n" + table,
    )


if __name__ == "__main__":
    main()
