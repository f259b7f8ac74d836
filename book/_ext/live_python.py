"""Let a reader run a chapter's cells in the page, on Pyodide, with no server.

Every notebook page gets one small script and a style sheet. Pyodide itself is fetched by the
reader's browser, from its official address, only after a click. The package is served beside
the pages, as the wheel that is built here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PYODIDE_URL = "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/"
HERE = Path(__file__).resolve().parent / "live"
ROOT = HERE.parents[2]
FILES = ("live.js", "live.css", "worker.js", "runner.py")
LITE_PAGE = "lite/lab/index.html?path={notebook}"


def wheel_name() -> str:
    return f"softmax_lib-{version('softmax_lib')}-py3-none-any.whl"


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put the script on the pages that have cells, and on no other."""
    if doctree is None or not app.env.doc2path(pagename).endswith(".ipynb"):
        return
    # An empty box takes the room of the buttons until the script has drawn them.
    slot = '</h1>\n<div class="live-box live-slot"></div>'
    context["body"] = context["body"].replace("</h1>", slot, 1)
    base = "../" * pagename.count("/") or "./"
    app.add_css_file("../live/live.css")
    app.add_js_file(
        "../live/live.js",
        defer="defer",
        **{
            "data-base": base,
            "data-pyodide": PYODIDE_URL,
            "data-wheel": f"pypi/{wheel_name()}",
            "data-lite": LITE_PAGE.format(notebook=Path(pagename).name + ".ipynb"),
            "data-sizes": json.dumps(json.loads((HERE / "sizes.json").read_text())),
        },
    )


def build_wheel(folder: Path) -> Path:
    """Build the package's wheel with the installed setuptools, without a network."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    run = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    if run.returncode:
        message = f"the wheel of softmax_lib could not be built:\n{run.stdout}{run.stderr}"
        raise ExtensionError(message)
    return folder / wheel_name()


def copy_files(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "live"
    target.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copy2(HERE / name, target / name)
    shutil.copy2(ROOT / "book" / "matplotlibrc", target / "matplotlibrc")
    build_wheel(Path(app.outdir) / "pypi")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
