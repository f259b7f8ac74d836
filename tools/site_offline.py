"""Pack the built site, Pyodide included, into one zip that needs no network at all.

    python tools/site_offline.py

The zip holds the site with every address of Pyodide turned into one of the site itself, and a
``serve.py``: browsers run no Python on a page that was opened as a file.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pyodide_files

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
ZIP = ROOT / "_build" / "softmax-book-offline.zip"
PYODIDE = ROOT / ".cache" / "pyodide"
FOLDER = "softmax-book"
VENDOR = "vendor/pyodide/"
TEXT = {".html", ".json"}

SERVE = '''"""Serve the book from this folder: python serve.py [port]. No network is needed."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
handler = partial(SimpleHTTPRequestHandler, directory=str(Path(__file__).resolve().parent))
with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
    print(f"The book is at http://127.0.0.1:{server.server_port}/ (stop with Ctrl+C)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
'''


def own_address(page: Path) -> str:
    """Return the address of the site's copy of Pyodide, seen from a page."""
    return "../" * len(page.parent.parts) + VENDOR


def localised(page: Path, text: str) -> str:
    """Turn the official address of Pyodide into the site's own, relative to the page."""
    # JupyterLite reads its settings from several depths, but resolves them from lite/<app>/.
    depth = Path("lite/app/page") if page.parts[0] == "lite" else page
    return text.replace(pyodide_files.OFFICIAL, own_address(depth))


def pack(site: Path, pyodide: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(path for path in site.rglob("*") if path.is_file()):
            page = file.relative_to(site)
            name = f"{FOLDER}/{page.as_posix()}"
            if file.suffix in TEXT:
                text = file.read_text(encoding="utf-8")
                archive.writestr(name, localised(page, text))
            else:
                archive.write(file, name)
        for file in sorted(pyodide.iterdir()):
            archive.write(file, f"{FOLDER}/{VENDOR}{file.name}")
        archive.writestr(f"{FOLDER}/serve.py", SERVE)


def main() -> int:
    if not (SITE / "lite" / "index.html").is_file():
        print("The site is not built: run `make book` first.", file=sys.stderr)
        return 1
    try:
        pyodide_files.collect(PYODIDE)
        pack(SITE, PYODIDE, ZIP)
    except (pyodide_files.PyodideError, OSError) as error:
        ZIP.unlink(missing_ok=True)
        print(f"The offline edition was not made: {error}", file=sys.stderr)
        return 1
    print(f"The offline edition: {ZIP} ({ZIP.stat().st_size / 1e6:.0f} MB). Unpack it, and run")
    print(f"  python {FOLDER}/serve.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
