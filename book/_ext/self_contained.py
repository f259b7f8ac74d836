"""Serve every script from the book's own site, and no script that no page needs.

MathJax is built from the components that the installed ``sphinx-mathjax-offline`` package carries;
the scripts and styles of extensions that Jupyter Book always loads, and this book never uses, are
taken out of the pages.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

MATHJAX = "vendor/mathjax"
MATHJAX_SCRIPT = "mathjax.js"
# Where MathJax looks for its fonts, beside its script.
MATHJAX_FONTS = "output/chtml/fonts/woff-v2"
# What the book's formulas need: 160 kB compressed, where the stock tex-chtml.js has 262 kB.
MATHJAX_COMPONENTS = (
    "core",
    "input/tex-base",
    "[tex]/ams",
    "[tex]/boldsymbol",
    "output/chtml",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml",
)
# Thebe asks unpkg.com for its code, comments ask their hosts, and the toggle button is a
# `<details>` that a keyboard cannot open.
UNUSED_EXTENSIONS = ("sphinx_thebe", "sphinx_comments", "sphinx_togglebutton")
UNUSED_ASSETS = ("sphinx-thebe", "togglebutton", "design-tabs")
UNUSED_INLINE = ("THEBE_JS_URL", "togglebuttonSelector", "toggleHint", "toggleOpenOnPrint")


def mathjax_source() -> Path:
    """Find the MathJax files that the locked requirements brought."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        message = "sphinx-mathjax-offline is not installed: run `make book`, which installs it"
        raise ExtensionError(message)
    return Path(spec.origin).parent / "static" / "mathjax"


def component_file(source: Path, component: str) -> Path:
    name = component.replace("[tex]", "input/tex/extensions")
    return source / (name if name.endswith(".js") else f"{name}.js")


def combined_mathjax(source: Path) -> str:
    """Join the components into one script, which a page fetches in one request.

    The loader learns that they are there before it starts, or it would fetch them again.
    """
    names = ", ".join(f'"{component}"' for component in MATHJAX_COMPONENTS)
    parts = [
        "/* MathJax 3.2.2, https://www.mathjax.org, Apache-2.0 */",
        component_file(source, "startup").read_text("utf-8"),
        f"MathJax.loader.preLoad({names});",
        *(component_file(source, name).read_text("utf-8") for name in MATHJAX_COMPONENTS),
    ]
    return "\n;".join(parts)


def write_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_source(), Path(app.outdir) / MATHJAX
    shutil.copytree(source / MATHJAX_FONTS, target / MATHJAX_FONTS, dirs_exist_ok=True)
    (target / MATHJAX_SCRIPT).write_text(combined_mathjax(source), "utf-8")


def silence_unused_extensions(app: Sphinx, _config: Any) -> None:
    """Disconnect the handlers of extensions that would write into every page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener
            for listener in listeners
            if not listener.handler.__module__.startswith(UNUSED_EXTENSIONS)
        ]


def is_unused(asset: Any) -> bool:
    name = str(getattr(asset, "filename", asset) or "")
    body = getattr(asset, "attributes", {}).get("body") or ""
    return any(part in name for part in UNUSED_ASSETS) or any(
        part in body for part in UNUSED_INLINE
    )


def drop_unused_assets(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if not is_unused(asset)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", silence_unused_extensions)
    app.connect("html-page-context", drop_unused_assets, priority=900)
    app.connect("build-finished", write_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
