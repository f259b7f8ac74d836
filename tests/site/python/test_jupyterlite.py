"""JupyterLite opens a chapter under a deploy prefix, runs it, and prints what is committed."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_live_cells import CHAPTERS, PATIENCE, committed

pytestmark = pytest.mark.browser

OUTPUTS = """
() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')].map(cell =>
  [...cell.querySelectorAll('.jp-OutputArea-output:not([data-mime-type*=stderr])')].map(out =>
    out.querySelector('img') ? '<Figure>' : out.innerText))
"""
# A cell whose source is hidden shows no prompt; the kernel's state tells when the last one ended.
WAITING = (
    "[...document.querySelectorAll('.jp-InputPrompt')].filter(p => p.textContent.includes('*'))"
)


def open_and_run(page, address: str) -> list[list[str]]:
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=PATIENCE)
    idle = page.get_by_text("Python (Pyodide) | Idle")
    idle.wait_for(timeout=PATIENCE)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(f"{WAITING}.length > 0", timeout=PATIENCE)
    page.wait_for_function(f"{WAITING}.length === 0", timeout=PATIENCE)
    idle.wait_for(timeout=PATIENCE)
    return page.evaluate(OUTPUTS)


def comparable(outputs: list[list[str]]) -> list[list[str]]:
    """Name figures, and compare words: a table's cells are set apart by tabs here."""
    return [
        ["<Figure>" if text.startswith("<Figure") else " ".join(text.split()) for text in cell]
        for cell in outputs
    ]


def test_a_chapter_opens_and_its_outputs_match(python_page, server):
    path = next(chapter for chapter in CHAPTERS if chapter.stem == "motivation")
    python_page.goto(server.url(f"book/{path.stem}.html"))
    link = python_page.get_by_role("link", name="Open in JupyterLite")
    found = open_and_run(python_page, link.evaluate("a => a.href"))
    assert comparable(found) == comparable(committed(path))


def test_every_chapter_is_there(site: Path):
    files = {path.name for path in (site / "lite" / "files").glob("*.ipynb")}
    assert files == {path.name for path in CHAPTERS}


def test_the_landing_page_leads_there(python_page, server):
    python_page.goto(server.url("book/index.html"))
    addresses = python_page.eval_on_selector_all("a", "links => links.map(a => a.href)")
    assert any("/lite/" in address for address in addresses)
