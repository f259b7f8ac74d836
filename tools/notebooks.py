"""Bring the book's notebooks into their committed form, or say where they depart from it.

    python tools/notebooks.py run   [NOTEBOOK ...]   execute, normalise, write in place
    python tools/notebooks.py check [NOTEBOOK ...]   print every departure; exit 1 if any

Without names, every notebook in book/ is meant. CONTRIBUTING.md describes the form.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

BOOK = Path(__file__).resolve().parent.parent / "book"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TAGS = {"exercise", "check", "solution", "hide-cell", "hide-input", "hide-output", "remove-input"}
CELL_METADATA = {"tags", "mystnb", "jupyter"}
# The site draws every figure anew, so a stored picture could only be large and out of date.
PICTURES = {"image/png", "image/jpeg", "image/svg+xml", "application/pdf"}
MAX_OUTPUT_LINES = 25
UNSTABLE = {
    "a memory address": re.compile(r"\b0x[0-9a-fA-F]{6,}"),
    "a path of one machine": re.compile(r"/home/|/root/|/tmp/|/Users/|site-packages|[A-Z]:\\\\"),
    "a timing": re.compile(r"\b\d+(?:\.\d+)?\s*(?:ms|µs|us|seconds?|s per loop)\b"),
}
FORBIDDEN_SOURCE = {
    "a magic or a shell escape": re.compile(r"^\s*[%!]", re.MULTILINE),
    "an unseeded random generator": re.compile(
        r"default_rng\(\s*\)|np\.random\.(?!default_rng|Generator)\w+\("
    ),
    "an installation": re.compile(r"\bpip install\b"),
}


class NotebookError(Exception):
    """A notebook whose execution raised; the message names the notebook and the cell."""


def execute(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Run every cell in a fresh kernel whose folder is the notebook's own."""
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=folder)
    try:
        client.execute()
    except CellExecutionError as error:
        broken = next(cell for cell in notebook.cells if raised(cell))
        message = f"{path.name}, cell {broken['id']!r}: {error.ename}: {error.evalue}"
        raise NotebookError(message) from error


def raised(cell: nbformat.NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Keep what a reader or a test needs; drop what varies from run to run."""
    notebook.metadata = nbformat.from_dict(METADATA)
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in sorted(cell.metadata.items()) if key in CELL_METADATA}
        )
        cell.source = cell.source.strip("\n")
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        kept = [tidy for out in cell.outputs if (tidy := tidy_output(out, count))]
        cell.outputs = merge_streams(kept)


def merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join the pieces in which a kernel happened to send one stream."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        if merged and output.output_type == "stream" and output.name == merged[-1].get("name"):
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def tidy_output(output: nbformat.NotebookNode, count: int) -> nbformat.NotebookNode | None:
    if output.output_type == "execute_result":
        output.execution_count = count
    if "data" in output:
        output.data = {kind: data for kind, data in output.data.items() if kind not in PICTURES}
        output.metadata = {}
        if not output.data:
            return None
    return output


def departures(notebook: nbformat.NotebookNode) -> list[str]:
    """List where a notebook differs from the committed form, a sentence each."""
    found: list[str] = []
    if dict(notebook.metadata) != METADATA:
        found.append(f"metadata must be {METADATA}, got {dict(notebook.metadata)}")
    count = 0
    for number, cell in enumerate(notebook.cells):
        name = cell.get("id", f"number {number}")
        found += [f"cell {name!r}: {text}" for text in cell_departures(cell)]
        if cell.cell_type == "code":
            count += 1
            found += [f"cell {name!r}: {text}" for text in code_departures(cell, count)]
    return found


def cell_departures(cell: nbformat.NotebookNode) -> list[str]:
    found = []
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell.get("id", "")):
        found.append("its id must be lower-case words joined by hyphens")
    if extra := set(cell.metadata) - CELL_METADATA:
        found.append(f"unexpected metadata {sorted(extra)}")
    if extra := set(cell.metadata.get("tags", [])) - TAGS:
        found.append(f"unexpected tags {sorted(extra)}, expected some of {sorted(TAGS)}")
    return found


def code_departures(cell: nbformat.NotebookNode, count: int) -> list[str]:
    found = []
    if cell.execution_count != count:
        found.append(f"execution count must be {count}, got {cell.execution_count}")
    if not cell.source.strip():
        found.append("an empty code cell")
    if missing_outputs(cell):
        found.append("it prints or plots, but no output is stored: run `make notebooks`")
    for what, pattern in FORBIDDEN_SOURCE.items():
        if pattern.search(cell.source):
            found.append(f"its source holds {what}")
    for output in cell.outputs:
        found += output_departures(output)
    return found


def missing_outputs(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a cell that must leave an output has none stored."""
    shows = re.search(r"^(?:print\(|plt\.show\(\))", cell.source, re.MULTILINE)
    return bool(shows) and not cell.outputs


def output_departures(output: nbformat.NotebookNode) -> list[str]:
    if output.output_type == "error":
        return [f"a stored error: {output.ename}"]
    if output.get("name") == "stderr":
        return [f"output on stderr: {output.text[:80]!r}"]
    found = []
    data = output.get("data", {})
    if kept := PICTURES & set(data):
        found.append(f"a stored picture: {sorted(kept)}")
    text = "".join(output.get("text", "") or data.get("text/plain", ""))
    if len(text.splitlines()) > MAX_OUTPUT_LINES:
        found.append(f"an output of {len(text.splitlines())} lines, at most {MAX_OUTPUT_LINES}")
    for what, pattern in UNSTABLE.items():
        if match := pattern.search(text):
            found.append(f"its output holds {what}: {match.group()!r}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["run", "check"])
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args()
    failed = 0
    for path in options.notebooks or sorted(BOOK.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if options.action == "run":
            try:
                execute(notebook, path.resolve())
            except NotebookError as error:
                print(error, file=sys.stderr)
                failed += 1
                continue
            normalise(notebook)
            nbformat.write(notebook, path)
        found = departures(notebook)
        print(f"{path.name}: {'in form' if not found else f'{len(found)} departures'}")
        for line in found:
            print(f"  {line}")
        failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
