"""Build the site strictly: any warning, broken reference or failing cell stops it.

    python tools/build_book.py

Jupyter Book alone would leave exit code 0 after a failing notebook, would serve numbers from its
execution cache after a change in ``softmax_lib``, and in version 2 would build nothing from
``_config.yml``. This script closes these gaps and names what failed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
SITE = BUILD / "html"
CACHE = BUILD / ".jupyter_cache"
FINGERPRINT = BUILD / "executed-with.sha256"


def wrong_jupyter_book() -> str:
    """Return a sentence about a missing or unusable Jupyter Book, or an empty string."""
    try:
        found = version("jupyter-book")
    except PackageNotFoundError:
        return "Jupyter Book is not installed here: run `make book`, which installs the lock."
    if found.split(".")[0] != "1":
        return (
            f"Jupyter Book {found} cannot build this book, which needs version 1: "
            "run `make book`, or install requirements.txt."
        )
    return ""


def fingerprint() -> str:
    """Hash what the chapters' numbers come from beside their own cells."""
    sources = [*sorted((ROOT / "softmax_lib").glob("*.py")), ROOT / "requirements.txt",
               ROOT / "book" / "matplotlibrc"]  # fmt: skip
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def drop_stale_results() -> None:
    """Empty the execution cache when the package or the lock is not what it was filled with."""
    now = fingerprint()
    if not FINGERPRINT.exists() or FINGERPRINT.read_text() != now:
        shutil.rmtree(CACHE, ignore_errors=True)
    # -W passes over a page whose doctree is kept from a failed build.
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    FINGERPRINT.write_text(now)


def failed_cell(log: str) -> str:
    """Name the notebook and the cell that stopped a build, and its error, if a cell did."""
    log = re.sub(r"\x1b\[[0-9;]*m", "", log)
    notebook = re.search(r"ExecutionError: (\S+\.ipynb)", log)
    cell = re.search(r"while executing the following cell:\n-+\n(.*?)\n-{6,}\n(.*)", log, re.DOTALL)
    if not notebook or not cell:
        return "The first warning or error above says why."
    path = Path(notebook.group(1))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    source = cell.group(1).strip()
    ids = [each["id"] for each in cells if "".join(each["source"]).strip() == source]
    error = re.search(
        r"^\w+(?:Error|Exception|Warning|Interrupt): .*$", cell.group(2), re.MULTILINE
    )
    return (
        f"{path.name}, cell {(ids or ['unknown'])[0]!r}: "
        f"{error.group() if error else 'it raised an exception'}"
    )


def main() -> int:
    if problem := wrong_jupyter_book():
        print(problem, file=sys.stderr)
        return 1
    drop_stale_results()
    launch = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", launch, "build", str(ROOT), "-W", "-n", "--keep-going"]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        log = ""
        for line in run.stdout or ():
            print(line, end="", flush=True)
            log += line
    if run.returncode:
        print(f"\nThe book was not built. {failed_cell(log)}", file=sys.stderr)
        return 1
    if not (SITE / "index.html").is_file():
        print(f"Jupyter Book left no {SITE / 'index.html'}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
