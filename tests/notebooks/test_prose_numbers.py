"""Every decimal number in a chapter's prose is printed or asserted by a cell of the chapter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from chapters import NOTEBOOKS, names, read

# Numbers that no cell can hold, each with its reason.
ALLOWED: dict[str, str] = {}

SIGNIFICAND = r"(?<![\w.])(\d+\.\d+)(?![\w]*\.\d)"
EXPONENT = r"(?:e([-+]?\d+)|\s*(?:\\times|\\cdot|×)\s*10\^\{?([-−]?\d+)\}?)?"
PROSE_NUMBER = re.compile(SIGNIFICAND + EXPONENT + r"(\s*\\?%)?")
CODE_NUMBER = re.compile(r"(?<![\w.])(\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?)", re.IGNORECASE)
# Links, targets and roles' labels are not prose.
NOT_PROSE = re.compile(
    r"\]\([^)]*\)|^\([\w-]+\)=$|\{(?:cite|doc|ref|numref)[^}]*\}`[^`]*`", re.MULTILINE
)


def held_numbers(notebook: nbformat.NotebookNode) -> list[float]:
    """Collect the numbers in the code cells' sources and in their text outputs."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        texts.append(cell.source)
        for output in cell.outputs:
            texts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return [
        float(number) for text in texts for number in CODE_NUMBER.findall(text.replace("_", ""))
    ]


def prose_numbers(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str, float, float]]:
    """Yield cell id, the number as written, its value, and half a unit of its last digit."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for match in PROSE_NUMBER.finditer(NOT_PROSE.sub(" ", cell.source)):
            digits, exponent, power, percent = match.groups()
            scale = 10.0 ** int((exponent or power or "0").replace("−", "-"))
            half_unit = 0.5 * 10.0 ** -len(digits.split(".")[1]) * scale
            factor = 0.01 if percent else 1.0
            yield (
                cell["id"],
                match.group().strip(),
                float(digits) * scale * factor,
                half_unit * factor,
            )


def unheld(notebook: nbformat.NotebookNode) -> list[str]:
    held = held_numbers(notebook)
    return [
        f"{cell}: {written}"
        for cell, written, value, half_unit in prose_numbers(notebook)
        if written not in ALLOWED
        and not any(
            abs(number - value) <= half_unit * 1.0001
            or abs(number / 100 - value) <= half_unit * 1.0001
            for number in held
        )
    ]  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_every_number_in_prose_is_held_by_a_cell(path: Path):
    assert unheld(read(path)) == []


def small(prose: str, source: str = "p = 0.7573\nprint(p)", printed: str = "0.7573\n"):
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
    text = nbformat.v4.new_markdown_cell(prose)
    text["id"] = "prose"
    return nbformat.v4.new_notebook(cells=[cell, text])


@pytest.mark.parametrize(
    "prose", ["It is 0.7573.", "about 0.76", "$p = 0.757$", "that is 75.7%", "see [x](a-0.3.html)"]
)
def test_a_held_number_passes(prose: str):
    assert unheld(small(prose)) == []


@pytest.mark.parametrize("prose", ["It is 0.7574.", "about 0.75", "$p = 0.758$", "that is 75.8%"])
def test_a_wrong_number_is_found(prose: str):
    assert len(unheld(small(prose))) == 1


def test_powers_of_ten_are_read():
    tiny = small("$4.25 \\times 10^{-18}$ and 4.2e-18", "x = 4.248e-18", "")
    assert unheld(tiny) == []
    assert len(unheld(small("$4.25 \\times 10^{-17}$", "x = 4.248e-18", ""))) == 1
