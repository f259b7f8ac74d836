"""Proof that the suite can fail: a damaged copy of a chapter, or one test in all, must not pass."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import notebooks as form
import pytest
import verdict
from chapters import BOOK, read


def beginning() -> nbformat.NotebookNode:
    """Return a chapter up to its first printed decimal number, to keep each run short."""
    notebook = read(BOOK / "motivation.ipynb")
    end = next(
        index for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and re.search(r"\d\.\d", str(cell.outputs))
    )  # fmt: skip
    notebook.cells = notebook.cells[: end + 1]
    return notebook


def nbval(notebook: nbformat.NotebookNode, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    nbformat.write(notebook, folder / "copy.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env"]
    return subprocess.run(
        [*command, "copy.ipynb"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_undamaged_copy_passes(tmp_path: Path):
    run = nbval(beginning(), tmp_path)
    assert run.returncode == 0, run.stdout


def test_one_changed_number_fails(tmp_path: Path):
    notebook = beginning()
    output = notebook.cells[-1].outputs[0]
    holder, key = (output, "text") if "text" in output else (output.data, "text/plain")
    digit = re.search(r"\.(\d)", holder[key])
    other = str((int(digit.group(1)) + 1) % 10)
    holder[key] = holder[key][: digit.start(1)] + other + holder[key][digit.end(1) :]
    run = nbval(notebook, tmp_path)
    assert run.returncode == 1
    assert "1 failed" in run.stdout


def test_a_raising_cell_fails(tmp_path: Path):
    notebook = beginning()
    notebook.cells[-1].source += "\nraise RuntimeError('broken on purpose')"
    run = nbval(notebook, tmp_path)
    assert run.returncode == 1
    assert "broken on purpose" in run.stdout


@pytest.mark.parametrize("counts", [True, False], ids=["counts kept", "counts removed"])
def test_removed_outputs_fail_the_form(counts: bool):
    notebook = copy.deepcopy(beginning())
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = cell.execution_count if counts else None
    assert form.departures(notebook)


def report(*outcomes: str) -> str:
    inner = {
        "passed": "",
        "failed": '<failure message="assert 0">…</failure>',
        "error": '<error message="failed on setup">…</error>',
        "skipped": '<skipped message="no browser here">a.py:1: no browser here</skipped>',
        "oracle": '<skipped message="PyTorch, an optional oracle, is not installed">…</skipped>',
    }
    cases = "".join(f"<testcase>{inner[outcome]}</testcase>" for outcome in outcomes)
    return f"<testsuites><testsuite>{cases}</testsuite></testsuites>"


@pytest.mark.parametrize(
    ("outcomes", "line", "status"),
    [
        (["passed", "passed"], "2 passed, 0 failed", 0),
        (["passed", "oracle"], "1 passed, 0 failed", 0),
        (["passed", "failed"], "1 passed, 1 failed", 1),
        (["passed", "error"], "1 passed, 1 failed", 1),
        (["passed", "skipped"], "1 passed, 0 failed", 1),
        ([], "0 passed, 0 failed", 1),
    ],
    ids=["all pass", "the oracle is missing", "failure", "error", "skip", "nothing ran"],
)
def test_the_verdict_on_the_whole_suite(tmp_path, capsys, outcomes, line, status):
    path = tmp_path / "report.xml"
    path.write_text(report(*outcomes))
    assert verdict.main(str(path)) == status
    assert capsys.readouterr().out.splitlines()[-1] == line


@pytest.mark.parametrize("content", [None, ""], ids=["no report", "an empty one"])
def test_no_report_is_no_success(tmp_path, capsys, content):
    path = tmp_path / "report.xml"
    if content is not None:
        path.write_text(content)
    assert verdict.main(str(path)) == 1
    assert "No test ran." in capsys.readouterr().out
