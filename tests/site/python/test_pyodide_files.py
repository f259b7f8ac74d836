"""The files of Pyodide come from anywhere, but only as what they should be."""

from __future__ import annotations

import hashlib
import json
import urllib.error

import pyodide_files
import pytest

ROOT_LOCK = {
    "packages": {
        "numpy": {"file_name": "numpy.whl", "depends": []},
        "matplotlib": {"file_name": "matplotlib.whl", "depends": ["Cycler_x"]},
        "cycler-x": {"file_name": "cycler.whl", "depends": []},
    }
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Stand in for the distribution: a core of two files and three packages."""
    files = {"numpy.whl": b"numpy", "matplotlib.whl": b"matplotlib", "cycler.whl": b"cycler"}
    lock = json.loads(json.dumps(ROOT_LOCK))
    for entry in lock["packages"].values():
        entry["sha256"] = hashlib.sha256(files[entry["file_name"]]).hexdigest()
    files[pyodide_files.LOCK] = json.dumps(lock).encode()
    files["pyodide.js"] = b"core"
    core = {
        name: hashlib.sha256(files[name]).hexdigest() for name in (pyodide_files.LOCK, "pyodide.js")
    }
    monkeypatch.setattr(pyodide_files, "CORE", core)
    monkeypatch.setattr(pyodide_files, "WANTED", ("numpy", "matplotlib"))
    return files


def unreachable(name: str) -> bytes:
    raise urllib.error.URLError("no route")


def test_the_official_source_is_enough(small, tmp_path):
    fetched = pyodide_files.collect(tmp_path, official=small.__getitem__, mirror=unreachable)
    assert sorted(fetched) == sorted(small)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == small


def test_the_mirror_serves_where_the_official_source_cannot_be_reached(small, tmp_path, capsys):
    pyodide_files.collect(tmp_path, official=unreachable, mirror=small.__getitem__)
    assert (tmp_path / "cycler.whl").read_bytes() == b"cycler"
    assert capsys.readouterr().out.count("cannot be reached") == 1


def test_files_that_are_there_are_not_fetched_again(small, tmp_path):
    pyodide_files.collect(tmp_path, official=small.__getitem__)
    assert pyodide_files.collect(tmp_path, official=unreachable, mirror=unreachable) == []


def test_a_damaged_file_is_fetched_again(small, tmp_path):
    pyodide_files.collect(tmp_path, official=small.__getitem__)
    (tmp_path / "numpy.whl").write_bytes(b"half")
    assert pyodide_files.collect(tmp_path, official=small.__getitem__) == ["numpy.whl"]


@pytest.mark.parametrize("name", ["pyodide.js", "cycler.whl"])
def test_a_file_with_another_hash_stops_everything(small, tmp_path, name):
    tampered = {**small, name: b"something else"}
    with pytest.raises(
        pyodide_files.PyodideError, match=f"{name} from the official site has sha256"
    ):
        pyodide_files.collect(tmp_path, official=tampered.__getitem__)
    assert not (tmp_path / name).exists()


def test_no_source_at_all_is_said(small, tmp_path):
    with pytest.raises(pyodide_files.PyodideError, match="no source left"):
        pyodide_files.collect(tmp_path, official=unreachable, mirror=unreachable)


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pyodide_files.PyodideError, match="install npm"):
        pyodide_files.Mirror(tmp_path)("pyodide.js")


def test_the_sizes_that_pages_announce_are_the_files_own(pyodide):
    announced = json.loads((pyodide_files.ROOT / "book/_ext/live/sizes.json").read_text())
    assert announced == pyodide_files.download_sizes(pyodide)
