"""The last touches on each page: scripts, pictures, room for formulas, ids that occur once."""

from __future__ import annotations

import html
import re
import struct
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from formula_width import formula_width

# A page loads the elements' script only if it holds one.
ELEMENTS = "elements"
BUNDLE = "all.js"
SHARED = "shared.js"
# A browser loads no module on a page that was opened as a file; a plain script it does.
IMPORT = re.compile(r'^import .* from "\./shared\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)
QUIZ = re.compile(r'<div class="quiz\b')
IMAGE = re.compile(r"<img\b[^>]*>")
IMAGE_SOURCE = re.compile(r'\bsrc="(?:\.\./)*_images/([^"]+)"')
# A figure's picture; one that is a link already is left alone.
FIGURE_IMAGE = re.compile(r'(<figure\b[^>]*>\s*)(<img\b[^>]*? src="([^"]+)"[^>]*>)')
FULL_SIZE = "Open the figure at full size:"
FORMULA = re.compile(r'<span class="math notranslate nohighlight">\\\(([^<]*)\\\)</span>')
# A formula in the text, and the marks that follow it without a space.
MARKED_FORMULA = re.compile(
    r'(<span class="math\b[^>]*>[^<]*</span>)((?:[.,;:!?)\]…’”\'"]|&quot;|&#39;|&#x27;)+)'
)
# sphinx-proof gives all proofs without a label one id, and all contents of proofs another.
REPEATED_ID = re.compile(
    r'(<div class="proof[^"]* admonition"|<\w+ class="[^"]*-content")'
    r' id="[a-z]+(?:-content(?:-\d+)?)?"'
)
# numpydoc makes the labels of docstrings' references unique; a reader wants their numbers.
REFERENCE_LABEL = re.compile(r"\[R[0-9a-f]{8,}-(\d+)\]")
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


def link_figures(body: str) -> str:
    """Make each figure's picture lead to itself: a phone shows it at half its size.

    The words stand inside the link, where a label would hide the picture's own text from some
    screen readers.
    """
    words = f'<span class="visually-hidden">{FULL_SIZE}</span>'
    return FIGURE_IMAGE.sub(rf'\1<a class="figure-link" href="\3">{words}\2</a>', body)


def hold_formulas(body: str) -> str:
    """Say how wide MathJax will set each formula; the style sheet keeps that room for it."""

    def held(match: re.Match[str]) -> str:
        width = formula_width(html.unescape(match[1]))
        style = "" if width is None else f' style="--ems: {width:g}"'
        return match[0].replace(">", f"{style}>", 1)

    return FORMULA.sub(held, body)


def keep_marks(body: str) -> str:
    """Hold a formula and the mark after it together: a line may break after any inline block."""
    return MARKED_FORMULA.sub(r'<span class="with-mark">\1\2</span>', body)


def finish_page(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], doctree: Any
) -> None:
    if doctree is None or "body" not in context:
        return
    body = REPEATED_ID.sub(r"\1", context["body"])
    body = REFERENCE_LABEL.sub(r"[\1]", body.replace(ENTRY_ROLE, 'role="listitem"'))
    context["body"] = link_figures(size_images(app, keep_marks(hold_formulas(body))))
    if any(f"<{name}" in body for name in app.config.book_elements):
        app.add_js_file(f"{ELEMENTS}/{BUNDLE}", defer="defer")
        app.add_css_file(f"{ELEMENTS}/elements.css")
    if QUIZ.search(body):
        app.add_js_file("quiz.js", defer="defer")


def enclosed(script: str) -> str:
    """Give a script a scope of its own, as a module has."""
    return f'(() => {{\n"use strict";\n{EXPORT.sub("", IMPORT.sub("", script))}\n}})();\n'


def write_plain_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Turn the modules of the built site into plain scripts, the elements into one."""
    static = Path(app.outdir) / "_static"
    if exception is not None or app.builder.format != "html":
        return
    for name in ("quiz.js", "site.js"):
        (static / name).write_text(enclosed((static / name).read_text("utf-8")), "utf-8")
    folder = static / ELEMENTS
    scripts = [folder / f"{name}.js" for name in app.config.book_elements]
    shared, *elements = [path.read_text("utf-8") for path in (folder / SHARED, *scripts)]
    bundle = enclosed("\n".join([shared, *map(enclosed, elements)]))
    (folder / BUNDLE).write_text(bundle, "utf-8")
    for path in (folder / SHARED, *scripts):
        path.unlink()


def find_elements(app: Sphinx, config: Any) -> None:
    config.book_elements = element_names(Path(__file__).parent.parent / "_static")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("book_elements", [], "html")
    app.connect("config-inited", find_elements)
    app.connect("html-page-context", finish_page)
    app.connect("build-finished", write_plain_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
