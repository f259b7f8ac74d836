"""The offline edition works with the network cut: pages, mathematics, Python."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import site_offline
from test_live_cells import CHAPTERS, committed, shown, start, wait_until_idle, without_layout

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def offline_url(site: Path, pyodide: Path, tmp_path_factory) -> Iterator[str]:
    """Pack, unpack and serve the offline edition with its own server."""
    folder = tmp_path_factory.mktemp("offline")
    packed = folder / "book.zip"
    site_offline.pack(site, pyodide, packed)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    packed.unlink()
    server = subprocess.Popen(
        [sys.executable, folder / site_offline.FOLDER / "serve.py", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield re.search(r"http://\S+", server.stdout.readline()).group()
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


@pytest.fixture
def cut_page(browser, offline_url) -> Iterator:
    """Give a page for which nothing but the offline edition's own server exists."""
    context = browser.new_context()
    outside = []

    def answer(route):
        if route.request.url.startswith(offline_url):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort("internetdisconnected")

    context.route("**/*", answer)
    page = context.new_page()
    page.outside = outside
    yield page
    context.close()


def test_a_chapter_runs_with_the_network_cut(cut_page, offline_url):
    path = next(chapter for chapter in CHAPTERS if chapter.stem == "motivation")
    start(cut_page, f"{offline_url}book/motivation.html")
    assert cut_page.locator("mjx-container").count() > 0
    cut_page.get_by_role("button", name="Run all").click()
    wait_until_idle(cut_page)
    assert without_layout(shown(cut_page)) == without_layout(committed(path))
    assert cut_page.outside == []


def test_jupyterlite_starts_python_with_the_network_cut(cut_page, offline_url):
    cut_page.goto(f"{offline_url}lite/lab/index.html?path=motivation.ipynb")
    cut_page.get_by_text("Python (Pyodide) | Idle").wait_for(timeout=240_000)
    assert cut_page.outside == []


def test_addresses_are_relative_to_their_page():
    own = site_offline.localised
    assert own(Path("index.html"), site_offline.pyodide_files.OFFICIAL) == "vendor/pyodide/"
    assert own(Path("book/x.html"), site_offline.pyodide_files.OFFICIAL) == "../vendor/pyodide/"
    lite = own(Path("lite/jupyter-lite.json"), site_offline.pyodide_files.OFFICIAL)
    assert lite == "../../vendor/pyodide/"
