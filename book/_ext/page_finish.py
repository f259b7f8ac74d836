"""The last touches on each page: its own scripts, its pictures' sizes, ids that occur once."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# A page loads an element's script only if it holds the element; the shared module comes with it.
ELEMENTS = "elements"
QUIZ = re.compile(r'<div class="quiz\b')
IMAGE = re.compile(r"<img\b[^>]*>")
IMAGE_SOURCE = re.compile(r'\bsrc="(?:\.\./)*_images/([^"]+)"')
# sphinx-proof gives all proofs without a label one id, and all contents of proofs another.
REPEATED_ID = re.compile(
    r'(<div class="proof[^"]* admonition"|<\w+ class="[^"]*-content")'
    r' id="[a-z]+(?:-content(?:-\d+)?)?"'
)
# docutils gives a bibliography the role of a list, and its entries one that lists do not hold.
ENTRY_ROLE = 'role="doc-biblioentry"'


def png_size(path: Path) -> tuple[int, int] | None:
    """Read width and height from the header of a PNG file."""
    with path.open("rb") as file:
        header = file.read(24)
    if header[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    width, height = struct.unpack(">II", header[16:24])
    return width, height


def element_names(static: Path) -> list[str]:
    return sorted(path.stem for path in (static / ELEMENTS).glob("*-*.js"))


def size_images(app: Sphinx, body: str) -> str:
    """Give every picture its size, so that the text below it stays where it is while it loads."""
    sources = {name: Path(app.srcdir) / path for path, name in app.builder.images.items()}

    def sized(match: re.Match[str]) -> str:
        tag = match[0]
        source = IMAGE_SOURCE.search(tag)
        path = sources.get(source[1]) if source else None
        size = png_size(path) if path and path.is_file() else None
        if size and " width=" not in tag:
            tag = tag.replace("<img", f'<img width="{size[0]}" height="{size[1]}"', 1)
        if " loading=" not in tag:
            tag = tag.replace("<img", '<img loading="lazy" decoding="async"', 1)
        return tag

    return IMAGE.sub(sized, body)


def finish_page(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], doctree: Any
) -> None:
    if doctree is None or "body" not in context:
        return
    body = REPEATED_ID.sub(r"\1", context["body"])
    body = body.replace(ENTRY_ROLE, 'role="listitem"')
    context["body"] = size_images(app, body)
    names = [name for name in app.config.book_elements if f"<{name}" in body]
    for name in names:
        app.add_js_file(f"{ELEMENTS}/{name}.js", type="module")
    if names:
        app.add_css_file(f"{ELEMENTS}/elements.css")
    if QUIZ.search(body):
        app.add_js_file("quiz.js", type="module")


def find_elements(app: Sphinx, config: Any) -> None:
    config.book_elements = element_names(Path(__file__).parent.parent / "_static")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("book_elements", [], "html")
    app.connect("config-inited", find_elements)
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
