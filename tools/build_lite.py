"""Add JupyterLite, with every chapter and the package preinstalled, to the built site.

    python tools/build_lite.py

It stands in ``_build/html/lite`` and, like the live cells, fetches Pyodide only when it is opened.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import Distribution, distribution, version
from pathlib import Path

from pyodide_files import OFFICIAL

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
LITE = SITE / "lite"
# A chapter is short enough to be drawn whole, which printing and searching in the page need.
OVERRIDES = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
# The kernel asks for it and Pyodide does not carry it; without it here, the kernel would ask a
# package index at every start.
EXTRA_WHEELS = ("comm",)
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"


def wheel_of_installed(package: Distribution, folder: Path) -> Path:
    """Pack an installed pure-Python distribution into a wheel again."""
    name = package.metadata["Name"].replace("-", "_")
    wheel = folder / f"{name}-{package.version}-py3-none-any.whl"
    left_out = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
    record = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in package.files or []:
            if file.name in left_out or "__pycache__" in file.parts or ".." in file.parts:
                continue
            data = Path(str(package.locate_file(file))).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            archive.writestr(str(file), data)
            record.append(f"{file},sha256={digest},{len(data)}")
        record_file = f"{name}-{package.version}.dist-info/RECORD"
        archive.writestr(record_file, "\n".join([*record, f"{record_file},,", ""]))
    return wheel


def settings(wheel: Path) -> dict:
    """Return JupyterLite's runtime settings: where Python comes from, and what is installed."""
    kernel = {
        "pyodideUrl": f"{OFFICIAL}pyodide.js",
        "disablePyPIFallback": True,
        "loadPyodideOptions": {"packages": ["numpy", f"../../../../pypi/{wheel.name}"]},
    }
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "The Softmax Book",
            "litePluginSettings": {KERNEL: kernel},
        },
    }


def build() -> None:
    softmax_wheel = SITE / "pypi" / f"softmax_lib-{version('softmax_lib')}-py3-none-any.whl"
    if not softmax_wheel.is_file():
        message = f"{softmax_wheel} is not there: build the book first (make book)"
        raise FileNotFoundError(message)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        contents = work / "contents"
        contents.mkdir()
        for file in [*sorted((ROOT / "book").glob("*.ipynb")), ROOT / "book" / "matplotlibrc"]:
            shutil.copy2(file, contents / file.name)
        wheels = [str(wheel_of_installed(distribution(name), work)) for name in EXTRA_WHEELS]
        (work / "jupyter-lite.json").write_text(json.dumps(settings(softmax_wheel)))
        (work / "jupyter_lite_config.json").write_text(json.dumps({
            "LiteBuildConfig": {
                "contents": ["contents"],
                "output_dir": str(LITE),
                "no_sourcemaps": True,
                "no_unused_shared_packages": True,
                "cache_dir": str(work / "cache"),
            },
            "PipliteAddon": {"piplite_urls": [*wheels, str(softmax_wheel)]},
        }))  # fmt: skip
        (work / "overrides.json").write_text(json.dumps(OVERRIDES))
        shutil.rmtree(LITE, ignore_errors=True)
        command = [sys.executable, "-m", "jupyterlite_core", "build"]
        run = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if run.returncode or not (LITE / "lab" / "index.html").is_file():
        message = f"jupyter lite build failed:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}"
        raise RuntimeError(message)


def main() -> int:
    try:
        build()
    except (FileNotFoundError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in LITE.rglob("*") if file.is_file()) / 1e6
    print(f"JupyterLite: {size:.0f} MB in {LITE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
