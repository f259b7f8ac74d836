"""Every quiz of every page, answered right and wrong, with the keyboard alone."""

from __future__ import annotations

import copy

import pytest
from site_pages import ROOT, read, toc_pages


def has_quiz(page: str) -> bool:
    """Look into the source: the tests are collected whether or not the site is built."""
    notebook = ROOT / f"{page}.ipynb"
    return notebook.is_file() and 'class=\\"quiz\\"' in notebook.read_text(encoding="utf-8")


QUIZ_PAGES = [page for page in toc_pages() if has_quiz(page)]
WHAT_IS_SHOWN = """quiz => ({
  text: quiz.querySelector(".quiz-feedback").textContent.trim(),
  right: Boolean(quiz.querySelector(".quiz-feedback .quiz-right")),
  wrong: Boolean(quiz.querySelector(".quiz-feedback .quiz-wrong")),
})"""
# A formula's text is not the same before and after MathJax: words alone are compared.
WITHOUT_FORMULAS = """node => {
  const copy = node.cloneNode(true);
  copy.querySelectorAll(".math, mjx-container").forEach((formula) => formula.remove());
  return copy.textContent.trim().replace(/\\s+/g, " ");
}"""

STORED = "[JSON.stringify({ ...localStorage, ...sessionStorage }), document.cookie]"

pytestmark = pytest.mark.browser


def words(node) -> str:
    for formula in node.select(".math"):
        formula.extract()
    return " ".join(node.text.split())


def answers(page: str) -> list[dict[str, str]]:
    """Return, for each quiz of the page, the feedback to each letter as the HTML has it."""
    found = []
    for quiz in read(page).select("div.quiz"):
        items = copy.copy(quiz).select("details li")
        found.append({item.strong.text.strip()[0]: words(item) for item in items})
    return found


@pytest.mark.parametrize("path", QUIZ_PAGES)
def test_every_answer_of_every_quiz(open_page, path):
    page = open_page(f"{path}.html")
    page.evaluate("async () => { await window.MathJax?.startup?.promise; }")
    quizzes = page.locator("div.quiz")
    expected = answers(path)
    assert quizzes.count() == len(expected)
    for index, feedback in enumerate(expected):
        quiz = quizzes.nth(index)
        radios = quiz.get_by_role("radio")
        assert radios.evaluate_all("all => all.map((r) => r.value)") == list(feedback)
        assert not quiz.locator("details").is_visible()
        radios.first.focus()
        page.keyboard.press("Space")
        for letter, text in feedback.items():
            assert page.evaluate("document.activeElement.value") == letter
            page.keyboard.press("Enter")
            state = quiz.evaluate(WHAT_IS_SHOWN)
            right = text.startswith(f"{letter}. Right.")
            assert (state["right"], state["wrong"]) == (right, not right)
            assert quiz.locator(".quiz-feedback > div").evaluate(WITHOUT_FORMULAS) == text
            page.keyboard.press("ArrowDown")
            assert quiz.evaluate(WHAT_IS_SHOWN)["text"] == ""
        assert quiz.locator("details").is_visible()
    assert page.locator("mjx-merror").count() == 0
    assert page.complaints == []


@pytest.mark.parametrize("path", QUIZ_PAGES[:1])
def test_a_quiz_asks_for_an_answer_first_and_tells_screen_readers(open_page, path):
    page = open_page(f"{path}.html")
    quiz = page.locator("div.quiz").first
    quiz.get_by_role("button", name="Check").press("Enter")
    assert "Choose an answer first" in quiz.locator("[aria-live=polite]").inner_text()
    assert quiz.get_by_role("group").count() == 1
    assert quiz.locator("legend").inner_text().strip()


@pytest.mark.parametrize("path", QUIZ_PAGES[:1])
def test_quizzes_store_and_send_nothing(open_page, path):
    page = open_page(f"{path}.html")
    page.evaluate("async () => { await window.MathJax?.startup?.promise; }")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    before = page.evaluate(STORED)
    quiz = page.locator("div.quiz").first
    quiz.get_by_role("radio").first.check()
    quiz.get_by_role("button", name="Check").click()
    assert page.evaluate(STORED) == before
    # The browser asks for the page's icon at a moment of its own.
    assert [url for url in requests if not url.endswith("favicon.svg")] == []
    assert "?" not in page.url


@pytest.mark.parametrize("path", QUIZ_PAGES[:1])
def test_two_quizzes_of_a_page_do_not_disturb_each_other(open_page, path):
    page = open_page(f"{path}.html")
    first, second = page.locator("div.quiz").nth(0), page.locator("div.quiz").nth(1)
    first.get_by_role("radio").first.check()
    second.get_by_role("radio").last.check()
    assert first.get_by_role("radio").first.is_checked()


@pytest.mark.parametrize("path", QUIZ_PAGES[:1])
def test_without_scripts_the_quiz_can_be_read(open_page, path):
    page = open_page(f"{path}.html", java_script_enabled=False)
    quiz = page.locator("div.quiz").first
    assert quiz.get_by_role("listitem").first.is_visible()
    assert quiz.locator("summary").is_visible()
