"""Every committed notebook is in the form that `make notebooks` writes."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import notebooks as form
import pytest
from chapters import BOOK, NOTEBOOKS, code_cells, markdown_cells, names, read, toc_files

WIDTH = 77  # characters of code that a page shows without a scroll bar, as in book/ruff.toml


def test_the_table_of_contents_and_the_folder_agree():
    listed = {Path(name).name for name in toc_files()}
    pages = {path.stem for path in [*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]}
    assert listed == pages


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_is_in_the_committed_form(path: Path):
    assert form.departures(read(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_uses_the_package(path: Path):
    assert any("from softmax_lib" in cell.source for cell in code_cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_has_one_title_and_it_comes_first(path: Path):
    fences = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    texts = [fences.sub("", cell.source) for cell in markdown_cells(path)]
    titles = [line for text in texts for line in text.splitlines() if line.startswith("# ")]
    assert len(titles) == 1
    assert texts[0].startswith(titles[0])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_has_every_part_of_the_template(path: Path):
    text = "\n\n".join(cell.source for cell in markdown_cells(path))
    headings = re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)
    for part in ("What the posts say", "Summary", "Check yourself", "Exercises", "Further reading"):
        assert part in headings
    for opening in ("**You will**", "**Before you start**", "**Time**"):
        assert opening in text
    exercises = [heading for heading in headings if heading.startswith("Exercise ")]
    assert 4 <= len(exercises) <= 6
    assert text.count("**Predict first.**") >= 2
    assert text.count('<div class="quiz">') == text.count("**Predict first.**") + 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_every_exercise_can_be_answered_checked_and_looked_up(path: Path):
    cells = code_cells(path)
    text = "\n\n".join(cell.source for cell in markdown_cells(path))
    exercises = len(re.findall(r"^### Exercise ", text, re.MULTILINE))
    for tag in ("exercise", "check", "solution"):
        tagged = [cell for cell in cells if tag in cell.metadata.get("tags", [])]
        assert len(tagged) == exercises, f"{len(tagged)} cells tagged {tag!r}"
        if tag == "exercise":
            assert all("= ..." in cell.source for cell in tagged)
        if tag == "check":
            assert all("Not answered yet" in cell.outputs[0].text for cell in tagged)
        if tag == "solution":
            assert all("assert" in cell.source for cell in tagged)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_every_figure_has_a_caption_and_alternative_text(path: Path):
    figures = [cell for cell in code_cells(path) if "<Figure size" in str(cell.outputs)]
    assert figures
    for cell in figures:
        described = cell.metadata["mystnb"]
        assert len(described["image"]["alt"]) >= 30, cell["id"]
        assert len(described["figure"]["caption"]) >= 30, cell["id"]
        assert described["figure"]["name"].startswith("fig-"), cell["id"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_markdown_has_one_sentence_on_a_line(path: Path):
    """A diff then shows the sentence that changed. Lists of abbreviations are let pass."""
    # A sentence's end inside a line: a full stop after a word of three letters or more, then
    # a capital. Quiz options and the items of lists may hold two short sentences.
    inside = re.compile(r"[a-z]{3}\. [A-Z][a-z]")
    for cell in markdown_cells(path):
        plain = re.sub(
            r"^```.*?^```|<div class=\"quiz\">.*?</div>", "", cell.source, flags=re.S | re.M
        )
        for line in plain.splitlines():
            if not line.lstrip().startswith(("- ", "* ", "|", "1.", "2.", "3.", "**")):
                assert not inside.search(line), f"{cell['id']}: {line}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_visible_code_and_outputs_fit_beside_the_table_of_contents(path: Path):
    for cell in code_cells(path):
        printed = [output.get("text", "") for output in cell.outputs]
        hidden = any(tag.startswith("hide") for tag in cell.metadata.get("tags", []))
        lines = "\n".join(printed if hidden else [cell.source, *printed]).splitlines()
        assert [line for line in lines if len(line) > WIDTH] == [], cell["id"]


def a_notebook(**changes) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("print(1)", execution_count=1)
    cell["id"] = "one"
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    cell.update(changes)
    return nbformat.v4.new_notebook(cells=[cell], metadata=nbformat.from_dict(form.METADATA))


def display(data: dict) -> list:
    return [nbformat.v4.new_output("display_data", data=data)]


def stream(text: str, name: str = "stdout") -> list:
    return [nbformat.v4.new_output("stream", name=name, text=text)]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"outputs": []}, "no output is stored"),
        ({"execution_count": None}, "execution count must be 1, got None"),
        ({"execution_count": 7}, "execution count must be 1, got 7"),
        ({"outputs": stream("careful\n", "stderr")}, "output on stderr"),
        ({"outputs": display({"image/png": "iVBORw0KGgo="})}, "a stored picture"),
        ({"outputs": stream("<object at 0x7f1a2b3c4d>\n")}, "a memory address"),
        ({"outputs": stream("/home/me/book\n")}, "a path of one machine"),
        ({"outputs": stream("took 12.5 ms\n")}, "a timing"),
        ({"outputs": stream("line\n" * 26)}, "an output of 26 lines"),
        ({"source": "%timeit print(1)"}, "a magic or a shell escape"),
        ({"source": "!ls"}, "a magic or a shell escape"),
        ({"source": "rng = np.random.default_rng()"}, "an unseeded random generator"),
        ({"source": "np.random.normal(3)"}, "an unseeded random generator"),
        ({"source": ""}, "an empty code cell"),
        ({"metadata": nbformat.from_dict({"scrolled": True})}, "unexpected metadata"),
        ({"metadata": nbformat.from_dict({"tags": ["fun"]})}, "unexpected tags"),
        ({"id": "5f2b_A"}, "its id must be lower-case words"),
    ],
)  # fmt: skip
def test_a_departure_is_named(changes: dict, complaint: str):
    found = form.departures(a_notebook(**changes))
    assert any(complaint in line for line in found), found


def test_the_form_itself_has_no_departure():
    assert form.departures(a_notebook()) == []


def test_execution_names_the_notebook_and_the_cell(tmp_path: Path):
    broken = a_notebook(source="1 / 0")
    with pytest.raises(form.NotebookError, match=r"x\.ipynb, cell 'one': ZeroDivisionError"):
        form.execute(broken, tmp_path / "x.ipynb")
