"""What users rely on: the names, their docstrings, what an import costs, and the wheel."""

import ast
import importlib
import inspect
import pkgutil
import shutil
import subprocess
import sys
import textwrap
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import softmax_lib

ROOT = Path(__file__).parents[2]
ABOVE_THE_CORE = ("scipy", "sklearn", "matplotlib", "dask", "pandas")
CORE = ["_arrays", "_slices", "activations", "gradients", "losses", "naive"]

# Codes of numpydoc that ask for sections these functions have no use for.
UNUSED = {
    "ES01",  # no extended summary: the formula says it
    "SA04",  # a See Also entry without a description
    "EX01",  # naive and private helpers
    "GL01",  # the summary may start on the line of the quotes
    "GL08",
}


FUNCTIONS = [pytest.param(getattr(softmax_lib, name), id=name) for name in softmax_lib.__all__]


def test_all_is_complete_and_sorted():
    assert softmax_lib.__all__ == sorted(softmax_lib.__all__)
    exported = {
        name
        for module in ("activations", "gradients", "losses")
        for name in importlib.import_module(f"softmax_lib.{module}").__all__
    }
    assert set(softmax_lib.__all__) == exported
    for module in pkgutil.iter_modules(softmax_lib.__path__):
        if module.name in CORE:
            names = getattr(importlib.import_module(f"softmax_lib.{module.name}"), "__all__", [])
            assert names == sorted(names), module.name


@pytest.mark.parametrize("name", softmax_lib.__all__)
def test_docstring_is_valid_numpydoc(name):
    validate = importlib.import_module("numpydoc.validate").validate
    problems = [
        error for error in validate(f"softmax_lib.{name}")["errors"] if error[0] not in UNUSED
    ]
    assert problems == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_docstring_has_every_section(function):
    doc = inspect.getdoc(function)
    for section in ("Parameters", "Returns", "Raises", "See Also", "Notes", "Examples"):
        assert f"\n{section}\n---" in doc, section
    assert ">>> " in doc
    assert not doc.splitlines()[1], "one line first"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_argument_is_annotated(function):
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name
    assert signature.return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_are_short(function):
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    body = ast.parse(source).body[0].body[1:]  # without the docstring
    assert body[-1].end_lineno - body[0].lineno + 1 <= 22


def run_python(code):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_needs_numpy_alone():
    code = f"""
        import sys, softmax_lib
        print([name for name in {ABOVE_THE_CORE!r} if name in sys.modules])
        print("softmax_lib.naive" in sys.modules)
    """
    assert run_python(textwrap.dedent(code)).splitlines() == ["[]", "False"]


def test_import_takes_under_20_ms_on_top_of_numpy():
    # the best of several, in processor time: what else the machine does is not the import's fault
    code = """
        import time, numpy, numpy.typing, numpy.lib.array_utils
        start = time.process_time()
        import softmax_lib
        print(time.process_time() - start)
    """
    assert min(float(run_python(textwrap.dedent(code))) for _ in range(5)) < 0.020


def test_the_core_imports_nothing_above_itself():
    for name in CORE:
        tree = ast.parse((ROOT / "softmax_lib" / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                roots = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                roots = {node.module.partition(".")[0]}
            else:
                continue
            assert roots <= {"numpy", *sys.stdlib_module_names}, (name, roots)


def test_naive_is_imported_by_nobody_in_the_package():
    for path in (ROOT / "softmax_lib").glob("*.py"):
        if path.name == "interactive.py":  # the book's figures show how the textbook fails
            continue
        text = path.read_text(encoding="utf-8")
        assert "import naive" not in text, path.name
        assert "from .naive" not in text, path.name


@pytest.mark.skipif(find_spec("setuptools") is None, reason="setuptools is not installed")
def test_the_wheel_is_pure_python_and_under_60_kb(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "softmax_lib", source / "softmax_lib", ignore=ignore)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('..'))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    wheel = tmp_path / result.stdout.splitlines()[-1]
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 60_000
    names = zipfile.ZipFile(wheel).namelist()
    assert "softmax_lib/py.typed" in names
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib"))]
