"""What the benchmarks share: versions, machine, and where results are written."""

from __future__ import annotations

import importlib
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def optional_import(name: str) -> Any:
    """Import the module `name`, or raise ImportError with a sentence."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        message = f"{name} cannot be imported ({error})"
        raise ImportError(message) from error


def describe() -> dict[str, Any]:
    """Return the date, the versions and the machine."""
    versions = {"python": platform.python_version()}
    for package in ("softmax_lib", "numpy", "scipy", "torch", "jax", "jaxlib"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": versions,
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
        },
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_results(name: str, data: dict[str, Any], text: str) -> None:
    """Write ``results/<name>.json`` and ``results/<name>.md``, versions and machine in both."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    versions = ", ".join(f"{package} {number}" for package, number in data["versions"].items())
    machine = ", ".join(str(value) for value in data["machine"].values())
    head = (
        f"# Benchmark: {name}\n\nMeasured on {data['date']}: {versions}.\nMachine: {machine}.\n\n"
    )
    (RESULTS / f"{name}.md").write_text(head + text + "\n", encoding="utf-8")
