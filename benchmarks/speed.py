"""Measure the speed and the extra memory of softmax_lib, SciPy and PyTorch on one thread.

All candidates run in one process and take turns; the best of many turns counts, in processor time
of the thread, so that what else a shared machine does counts as little as possible. Only ratios
are meant. Prints the tables and writes them to results/speed.json and results/speed.md. Run as
``python benchmarks/speed.py``; PyTorch is optional.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np  # noqa: E402  after the number of threads is set
import scipy.special  # noqa: E402
from report import describe, markdown_table, optional_import, write_results  # noqa: E402

import softmax_lib  # noqa: E402

FUNCTIONS = ("softmax", "log_softmax", "logsumexp")
SHAPES = [
    (1, 10),
    (64, 10),
    (1000, 10),
    (100_000, 10),
    (100_000, 3),
    (20_000, 100),
    (1024, 1000),
    (8192, 1000),
    (64, 50_257),
    (1, 1_000_000),
    (4096, 4096),
]
LARGE = 1_000_000  # numbers from which an array counts as large
SECONDS = 1.0  # per case, and at least ROUNDS turns
ROUNDS = 5

# What the logits are like decides which way through the kernels is taken.
KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Any]] = {
    "N(0, 1)": lambda rng, shape: rng.standard_normal(shape),
    "N(0, 5²), mostly confident": lambda rng, shape: 5 * rng.standard_normal(shape),
    "half of them masked": lambda rng, shape: np.where(
        np.arange(shape[1]) % 2, -np.inf, rng.standard_normal(shape)
    ),
    "N(1000, 1), shifted and corrected": lambda rng, shape: 1000 + rng.standard_normal(shape),
}


def best_times(candidates: dict[str, Callable[[], Any]], size: int) -> dict[str, float]:
    """Return the shortest time of each candidate, in seconds of processor time."""
    repeats = max(1, min(100, 30_000 // size))
    best = dict.fromkeys(candidates, float("inf"))
    end = time.perf_counter() + SECONDS
    rounds = 0
    while rounds < ROUNDS or time.perf_counter() < end:
        rounds += 1
        for name, function in candidates.items():
            start = time.thread_time()
            for _ in range(repeats):
                function()
            best[name] = min(best[name], (time.thread_time() - start) / repeats)
    return best


def extra_bytes(function: Callable[[], Any]) -> int:
    """Return the peak of what NumPy allocates during a call, without the result itself."""
    tracemalloc.start()
    try:
        result = function()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return max(0, peak - int(np.asarray(result).nbytes))


def candidates_for(name: str, x: Any, axis: int, torch: Any) -> dict[str, Callable[[], Any]]:
    own, theirs = getattr(softmax_lib, name), getattr(scipy.special, name)
    candidates = {
        "softmax_lib": lambda: own(x, axis=axis),
        "SciPy": lambda: theirs(x, axis=axis),
        "exp": lambda: np.exp(x),
    }
    if torch is not None:
        tensor, function = torch.from_numpy(x), getattr(torch, name)
        candidates["PyTorch"] = lambda: function(tensor, axis)
    return candidates


def measure(torch: Any) -> list[dict[str, Any]]:
    rows = []
    for name in FUNCTIONS:
        for dtype in (np.float32, np.float64):
            for shape in SHAPES:
                x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
                for axis in (-1, 0):
                    candidates = candidates_for(name, x, axis, torch)
                    best = best_times(candidates, x.size)
                    row = {
                        "function": name,
                        "dtype": dtype.__name__,
                        "shape": list(shape),
                        "axis": axis,
                        "scipy_over_ours": best["SciPy"] / best["softmax_lib"],
                        "ours_over_exp": best["softmax_lib"] / best["exp"],
                        "extra_bytes": extra_bytes(candidates["softmax_lib"]),
                        "scipy_extra_bytes": extra_bytes(candidates["SciPy"]),
                        "array_bytes": x.nbytes,
                    }
                    if torch is not None:
                        row["pytorch_over_ours"] = best["PyTorch"] / best["softmax_lib"]
                    rows.append(row)
                    print(*line(row), sep="  ", flush=True)
    return rows


def measure_kinds() -> list[dict[str, Any]]:
    rows = []
    for kind, make in KINDS.items():
        for shape in ((100_000, 10), (1024, 1000)):
            x = make(np.random.default_rng(0), shape)
            for name in FUNCTIONS:
                best = best_times(candidates_for(name, x, -1, None), x.size)
                ratio = best["SciPy"] / best["softmax_lib"]
                rows.append(
                    {"kind": kind, "shape": list(shape), "function": name, "scipy_over_ours": ratio}
                )
    return rows


def line(row: dict[str, Any]) -> list[str]:
    ratio = row.get("pytorch_over_ours")
    return [
        f"`{row['function']}`",
        row["dtype"],
        " × ".join(str(n) for n in row["shape"]),
        "last" if row["axis"] == -1 else "first",
        f"{row['scipy_over_ours']:.2f}",
        "not there" if ratio is None else f"{ratio:.2f}",
        f"{row['ours_over_exp']:.2f}",
        f"{row['extra_bytes'] / 2**20:.2f}",
        f"{row['scipy_extra_bytes'] / 2**20:.2f}",
    ]


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    large = [row for row in rows if np.prod(row["shape"]) >= LARGE]
    summary = {
        "scipy_over_ours_mean": geometric_mean([row["scipy_over_ours"] for row in rows]),
        "scipy_over_ours_least": min(row["scipy_over_ours"] for row in rows),
        "slower_than_scipy": sum(row["scipy_over_ours"] < 1 for row in rows),
        "cases": len(rows),
        "large_ours_over_exp_mean": geometric_mean([row["ours_over_exp"] for row in large]),
        "large_ours_over_exp_most": max(row["ours_over_exp"] for row in large),
        "extra_bytes_most": max(row["extra_bytes"] for row in rows),
    }
    for name in FUNCTIONS:
        own = [row for row in rows if row["function"] == name]
        summary[f"{name}_scipy_over_ours_mean"] = geometric_mean(
            [r["scipy_over_ours"] for r in own]
        )
        if "pytorch_over_ours" in rows[0]:
            summary[f"{name}_pytorch_over_ours_mean"] = geometric_mean(
                [r["pytorch_over_ours"] for r in own]
            )
    if "pytorch_over_ours" in rows[0]:
        summary["pytorch_over_ours_mean"] = geometric_mean([r["pytorch_over_ours"] for r in rows])
    return summary


def mean_ratios(summary: dict[str, Any]) -> str:
    """Return the table of geometric means, a line for each function and one for all."""
    table = []
    for name in (*FUNCTIONS, ""):
        scipy_ratio = summary[f"{name}_scipy_over_ours_mean".lstrip("_")]
        pytorch_ratio = summary.get(f"{name}_pytorch_over_ours_mean".lstrip("_"))
        table.append(
            [
                f"`{name}`" if name else "all three",
                f"{scipy_ratio:.1f}",
                "not there" if pytorch_ratio is None else f"{pytorch_ratio:.2f}",
            ]
        )
    return markdown_table(["function", "SciPy / ours", "PyTorch / ours"], table)


def report(rows: list[dict[str, Any]], kinds: list[dict[str, Any]], summary: dict[str, Any]) -> str:
    """Return the text of the result file."""
    header = ["function", "dtype", "shape", "axis", "SciPy / ours", "PyTorch / ours", "ours / exp"]
    header += ["extra MiB", "SciPy's extra MiB"]
    return "\n\n".join(
        [
            "Ratios of times on one thread, in the geometric mean over all shapes, dtypes and "
            "axes: above 1, softmax_lib is faster.",
            mean_ratios(summary),
            f"It is slower than SciPy in {summary['slower_than_scipy']} of {summary['cases']} "
            f"cases, at worst with the ratio {summary['scipy_over_ours_least']:.2f}. "
            f"Large arrays take {summary['large_ours_over_exp_mean']:.1f} times as long as "
            f"`np.exp` on them, at most {summary['large_ours_over_exp_most']:.1f} times.",
            "Every case. Extra memory is the peak of what NumPy allocates besides the result; "
            "PyTorch's allocations are not seen.",
            markdown_table(header, [line(row) for row in rows]),
            "How the kind of logits changes the ratio SciPy / ours, float64, last axis:",
            markdown_table(
                ["logits", "shape", "function", "SciPy / ours"],
                [
                    [
                        row["kind"],
                        " × ".join(str(n) for n in row["shape"]),
                        f"`{row['function']}`",
                        f"{row['scipy_over_ours']:.2f}",
                    ]
                    for row in kinds
                ],
            ),
        ]
    )


def main() -> None:
    not_measured = []
    try:
        torch = optional_import("torch")
        torch.set_num_threads(1)
    except ImportError as error:
        torch = None
        not_measured.append("PyTorch")
        print(f"PyTorch is not measured: {error}")
    rows = measure(torch)
    kinds = measure_kinds()
    summary = summarise(rows)
    text = report(rows, kinds, summary)
    print(text.split("\n\n")[1])
    data = {**describe(), "not_measured": not_measured, "summary": summary, "rows": rows}
    write_results("speed", {**data, "kinds": kinds}, text)


if __name__ == "__main__":
    main()
