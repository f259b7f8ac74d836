"""The pages of the built site, read once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
# What a page loads on its own account, and the attribute that names it.
LOADED = (
    ("script[src]", "src"),
    ("link[rel=stylesheet]", "href"),
    ("link[rel=preload]", "href"),
    ("link[rel=modulepreload]", "href"),
    ("link[rel=icon]", "href"),
    ("img[src]", "src"),
    ("iframe[src]", "src"),
    ("source[src]", "src"),
    ("object[data]", "data"),
)


def toc_pages() -> list[str]:
    """Return every page of the table of contents, the landing page first, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *(name.removesuffix(".ipynb").removesuffix(".md") for name in chapters)]


@cache
def read(page: str) -> BeautifulSoup:
    text = (SITE / f"{page}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def loads(page: str) -> list[str]:
    """Return the addresses of all that the page loads, as they are written."""
    soup = read(page)
    return [tag[name] for selector, name in LOADED for tag in soup.select(selector)]


def local_file(page: str, address: str) -> Path:
    """Return the file that an address on a page leads to."""
    name = re.split(r"[?#]", address)[0]
    return ((SITE / page).parent / name).resolve() if name else SITE / f"{page}.html"


def scripts_and_styles(page: str) -> set[Path]:
    """Return every file of script and style that a page loads before the reader does anything."""
    return {
        local_file(page, address)
        for address in loads(page)
        if re.search(r"\.(js|css)(\?|$)", address)
    }
