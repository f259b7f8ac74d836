"""Pyodide for the tests: its real files, answered in place of the public address."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import Path

import pyodide_files
import pytest

CACHE = pyodide_files.ROOT / ".cache" / "pyodide"


@pytest.fixture(scope="session")
def pyodide() -> Path:
    """Return the folder of Pyodide's files, each checked against its sha256."""
    try:
        pyodide_files.collect(CACHE)
    except pyodide_files.PyodideError as error:
        pytest.skip(f"Pyodide's files cannot be had: {error}")
    return CACHE


@pytest.fixture
def python_page(browser, pyodide: Path) -> Iterator:
    """Give a page for which Pyodide's public address is answered from the checked files.

    The page gets `asked_of_pyodide` (addresses), `bytes_of_pyodide` (their sum), and the switches
    `cut_off_pyodide()` and `connect_pyodide()`.
    """
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.asked_of_pyodide, page.bytes_of_pyodide, reachable = [], 0, [True]
    page.cut_off_pyodide = lambda: reachable.clear()
    page.connect_pyodide = lambda: reachable.append(True)

    def answer(route):
        address = route.request.url
        page.asked_of_pyodide.append(address)
        file = pyodide / address.rsplit("/", 1)[1]
        if not reachable or not file.is_file():
            route.abort("internetdisconnected")
            return
        page.bytes_of_pyodide += file.stat().st_size
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        allowed = {"access-control-allow-origin": "*"}
        route.fulfill(path=str(file), content_type=kind, headers=allowed)

    context.route(f"{pyodide_files.OFFICIAL}**", answer)
    yield page
    context.close()
