"""The build refuses what it cannot build, and says in a sentence what is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import build_book
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("found", ["2.0.0", "2.1.3", "0.15.1"])
def test_another_major_version_is_refused(monkeypatch, capsys, found):
    monkeypatch.setattr(build_book, "version", lambda name: found)
    assert build_book.main() == 1
    said = capsys.readouterr().err
    assert f"Jupyter Book {found} cannot build this book, which needs version 1" in said


def test_a_missing_jupyter_book_is_said(monkeypatch, capsys):
    def missing(name):
        raise build_book.PackageNotFoundError(name)

    monkeypatch.setattr(build_book, "version", missing)
    assert build_book.main() == 1
    assert "run `make book`" in capsys.readouterr().err


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    """Copy the book with its configuration, but with one short chapter of its own."""
    for name in ("_config.yml", "requirements.txt", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("softmax_lib", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "book",
        tmp_path / "book",
        ignore=shutil.ignore_patterns("*.ipynb", "*.md", "__pycache__"),
    )  # fmt: skip
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/chapter\n")
    write_chapter(tmp_path, "print(1)")
    return tmp_path


def write_chapter(book: Path, source: str) -> None:
    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# A chapter"}
    code = {
        "cell_type": "code", "id": "the-code", "metadata": {}, "source": source,
        "execution_count": None, "outputs": [],
    }  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [title, code], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (book / "book" / "chapter.ipynb").write_text(json.dumps(notebook))


def build(book: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "tools/build_book.py"],
        cwd=book, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_failing_cell_stops_the_build_and_is_named(small_book):
    write_chapter(small_book, "1 / 0")
    run = build(small_book)
    assert run.returncode != 0
    last = run.stderr.strip().splitlines()[-1]
    assert "chapter.ipynb, cell 'the-code': ZeroDivisionError: division by zero" in last


def test_a_warning_stops_the_build(small_book):
    write_chapter(small_book, "print(1)")
    page = small_book / "book" / "lost.md"
    page.write_text("# A page\n\n{ref}`nowhere`\n")
    toc = small_book / "_toc.yml"
    toc.write_text(toc.read_text() + "chapters:\n  - file: book/lost\n")
    run = build(small_book)
    assert run.returncode != 0
    assert "nowhere" in run.stdout


@pytest.fixture
def build_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(build_book, "BUILD", tmp_path)
    monkeypatch.setattr(build_book, "SITE", tmp_path / "html")
    monkeypatch.setattr(build_book, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(build_book, "FINGERPRINT", tmp_path / "print")
    (tmp_path / "cache").mkdir()
    return tmp_path


def test_the_execution_cache_is_dropped_when_the_package_changes(build_folder, monkeypatch):
    monkeypatch.setattr(build_book, "fingerprint", lambda: "before")
    build_book.drop_stale_results()
    (build_folder / "cache").mkdir()
    build_book.drop_stale_results()
    assert (build_folder / "cache").is_dir()
    monkeypatch.setattr(build_book, "fingerprint", lambda: "after")
    build_book.drop_stale_results()
    assert not (build_folder / "cache").exists()


def test_the_fingerprint_sees_the_package_and_the_lock(monkeypatch, tmp_path):
    for name in ("softmax_lib", "book"):
        (tmp_path / name).mkdir()
    lock, module = tmp_path / "requirements.txt", tmp_path / "softmax_lib" / "one.py"
    for file in (lock, module, tmp_path / "book" / "matplotlibrc"):
        file.write_text("a")
    monkeypatch.setattr(build_book, "ROOT", tmp_path)
    prints = [build_book.fingerprint()]
    for file in (lock, module):
        file.write_text("b")
        prints.append(build_book.fingerprint())
    assert len(set(prints)) == 3


@pytest.mark.parametrize(
    ("target", "says"), [("bok", "There is no target 'bok'"), ("help", "make book")]
)
def test_make_answers_every_name(target, says):
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed here")
    run = subprocess.run([make, target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert says in run.stdout + run.stderr
    assert (run.returncode == 0) == (target == "help")


def test_a_missing_python_is_said_before_anything_is_done(tmp_path):
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed here")
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "_config.yml", "_toc.yml"):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("tools", "book"):
        shutil.copytree(ROOT / name, tmp_path / name)
    run = subprocess.run(
        [make, "book", "PYTHON=python0"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "No 'python0' here: install Python 3.11 or newer" in run.stderr
    assert not (tmp_path / ".venv").exists()
