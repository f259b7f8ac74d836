"""Every quiz is marked up as the site's script and a reader of the notebook expect."""

from __future__ import annotations

import re

import pytest
from chapters import NOTEBOOKS, markdown_cells, names

QUIZ = re.compile(r'<div class="quiz">\n(.*?)\n</div>', re.DOTALL)
PARTS = re.compile(
    r"\n(?P<question>\*\*(?:Predict first|\d)\.\*\* .+?)\n\n"
    r"(?P<options>- .+?)\n\n"
    r"<details>\n<summary>Answer</summary>\n\n(?P<answers>- .+?)\n\n</details>",
    re.DOTALL,
)
OPTION = re.compile(r"- \*\*([A-Z])\.\*\* \S")
ANSWER = re.compile(r"- \*\*([A-Z])\. (Right|No)\.\*\* \S")


def quizzes(path):
    for cell in markdown_cells(path):
        for body in QUIZ.findall(cell.source):
            yield cell["id"], body


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_quizzes_are_well_formed(path):
    for cell, body in quizzes(path):
        parts = PARTS.fullmatch(body)
        assert parts, f"{cell}: not question, options and details with blank lines between"
        options = parts["options"].splitlines()
        answers = parts["answers"].splitlines()
        letters = [OPTION.match(line) for line in options]
        verdicts = [ANSWER.match(line) for line in answers]
        assert all(letters), f"{cell}: each option is one line, '- **A.** …'"
        assert all(verdicts), f"{cell}: each answer is one line, '- **A. Right.** …' or 'No.'"
        expected = [chr(ord("A") + k) for k in range(len(options))]
        assert [match[1] for match in letters] == expected, cell
        assert [match[1] for match in verdicts] == expected, cell
        assert [match[2] for match in verdicts].count("Right") == 1, f"{cell}: one right answer"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_every_opening_tag_belongs_to_a_quiz(path):
    source = "\n".join(cell.source for cell in markdown_cells(path))
    assert source.count('class="quiz"') == len(QUIZ.findall(source))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_chapter_asks_before_it_shows_and_at_its_end(path):
    questions = [body.strip() for _, body in quizzes(path)]
    assert sum(text.startswith("**Predict first.**") for text in questions) >= 2
    assert [text[2] for text in questions if text[2].isdigit()] == ["1", "2", "3"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_the_right_answer_is_not_always_the_same_letter(path):
    right = [re.search(r"\*\*([A-Z])\. Right\.", body)[1] for _, body in quizzes(path)]
    assert len(set(right)) > 1, f"always {right[0]}"
