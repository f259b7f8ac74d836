"""Python in the page, on the real Pyodide: every chapter runs to its end as committed."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[3]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
START = "Run Python in this page"
PATIENCE = 240_000  # ms: the machine may be busy


def start(page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=START).click()
    page.get_by_role("button", name="Run all").wait_for(timeout=PATIENCE)


def wait_until_idle(page) -> None:
    page.wait_for_function("document.documentElement.dataset.live === 'idle'", timeout=PATIENCE)


def run(page, cell: int, source: str) -> None:
    page.get_by_label(f"Code of cell {cell}", exact=True).fill(source)
    page.get_by_role("button", name=f"Run cell {cell}", exact=True).click()


def output(page, cell: int):
    return page.locator("article div.cell").nth(cell - 1).locator(".cell_output")


def shown(page) -> list[list[str]]:
    """Return the text of every output of every cell, in order."""
    return page.evaluate(
        """[...document.querySelectorAll('article div.cell')].map(cell =>
          [...cell.querySelectorAll('.cell_output > *')].map(out =>
            out.dataset.text ?? out.textContent))"""
    )


def committed(path: Path) -> list[list[str]]:
    """Return the same from the notebook; consecutive prints are one output in both."""
    cells = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            cells.append(
                ["".join(out.get("text", "") or out.data["text/plain"]) for out in cell.outputs]
            )
    return cells


def without_layout(outputs: list[list[str]]) -> list[list[str]]:
    return [[re.sub(r"\s+$", "", text, flags=re.MULTILINE) for text in cell] for cell in outputs]


@pytest.mark.parametrize("path", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_a_chapter_runs_to_its_end_and_equals_what_is_committed(python_page, server, path):
    start(python_page, server.url(f"book/{path.stem}.html"))
    python_page.get_by_role("button", name="Run all").click()
    wait_until_idle(python_page)
    assert python_page.locator(".live-error").all_text_contents() == []
    assert without_layout(shown(python_page)) == without_layout(committed(path))


def test_nothing_is_fetched_before_the_click(python_page, server):
    python_page.goto(server.url("book/motivation.html"))
    python_page.wait_for_load_state("networkidle")
    assert python_page.asked_of_pyodide == []
    python_page.get_by_role("button", name=START).click()
    python_page.get_by_role("button", name="Run all").wait_for(timeout=PATIENCE)
    assert any("pyodide.asm.wasm" in address for address in python_page.asked_of_pyodide)


def test_edit_error_stop_restart_reset(python_page, server):
    page = python_page
    start(page, server.url("book/motivation.html"))
    original = page.get_by_label("Code of cell 1", exact=True).input_value()

    run(page, 1, "print('edited')\n6 * 7")
    wait_until_idle(page)
    assert output(page, 1).locator("pre").all_text_contents() == ["edited\n", "42"]

    run(page, 1, "def half(x):\n    return x / 0\n\nhalf(1)")
    wait_until_idle(page)
    error = output(page, 1).locator(".live-error").text_content()
    assert "ZeroDivisionError" in error
    assert "return x / 0" in error
    assert "runner.py" not in error
    assert page.get_by_text("An error ended this cell").count() == 1

    run(page, 1, "while True:\n    pass")
    page.get_by_text("Running…").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Python is ready").wait_for(timeout=PATIENCE)

    run(page, 1, "print('alive again')")
    wait_until_idle(page)
    assert output(page, 1).text_content() == "alive again\n"

    page.get_by_role("button", name="Reset cell 1", exact=True).click()
    assert page.get_by_label("Code of cell 1", exact=True).input_value() == original


def test_a_cell_runs_the_cells_before_it_first(python_page, server):
    page = python_page
    start(page, server.url("book/motivation.html"))
    run(page, 1, "first = 'from cell 1'")
    wait_until_idle(page)
    run(page, 1, "first = 'changed'")
    wait_until_idle(page)
    run(page, 2, "print(first)")
    wait_until_idle(page)
    assert output(page, 2).text_content() == "changed\n"
    page.get_by_label("Code of cell 1", exact=True).fill("first = 'edited, not run'")
    page.get_by_role("button", name="Run cell 2", exact=True).click()
    wait_until_idle(page)
    assert output(page, 2).text_content() == "edited, not run\n"


def test_with_the_keyboard_alone(python_page, server):
    page = python_page
    page.goto(server.url("book/motivation.html"))
    page.get_by_role("button", name=START).focus()
    page.keyboard.press("Enter")
    page.get_by_text("Python is ready").wait_for(timeout=PATIENCE)
    page.get_by_label("Code of cell 1", exact=True).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("if True:\nprint('typed')")  # the editor indents after the colon
    page.keyboard.press("Shift+Enter")
    wait_until_idle(page)
    assert output(page, 1).text_content() == "typed\n"


def test_a_failed_load_says_why_and_can_be_tried_again(python_page, server):
    page = python_page
    page.cut_off_pyodide()
    page.goto(server.url("book/motivation.html"))
    page.get_by_role("button", name=START).click()
    page.get_by_text("Python could not be loaded").wait_for(timeout=PATIENCE)
    page.connect_pyodide()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Python is ready").wait_for(timeout=PATIENCE)


def test_the_megabytes_announced_are_those_that_come(python_page, server):
    page = python_page
    page.goto(server.url("book/motivation.html"))
    announced = page.locator(".live-box progress").get_attribute("max")
    page.get_by_role("button", name=START).click()
    page.get_by_role("button", name="Run all").wait_for(timeout=PATIENCE)
    assert page.bytes_of_pyodide == pytest.approx(float(announced), rel=0.02)
