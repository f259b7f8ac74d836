"""Every page in a real browser: light, dark, and on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_pages import toc_pages

PAGES = toc_pages()
MODES = {
    "light": {"width": 1280, "scheme": "light"},
    "dark": {"width": 1280, "scheme": "dark"},
    "phone": {"width": 360, "scheme": "light"},
}
# All of axe once; in the other modes what can differ there.
AXE_RULES = {
    "light": None,
    "dark": ["color-contrast", "link-in-text-block"],
    "phone": ["scrollable-region-focusable", "target-size", "meta-viewport"],
}
# What the theme does and no page of ours can change: rule, and what its target contains.
THEMES_OWN: dict[str, str] = {}
MOST_LAYOUT_SHIFT = 0.1

SETTLE = """async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  await new Promise((done) => setTimeout(done, 100));
}"""
LAYOUT_SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 50);
})"""
OPEN_ALL = """() => {
  for (const details of document.querySelectorAll("details")) {
    details.hidden = false;
    details.open = true;
  }
}"""
PICTURES = """async () => {
  const pictures = [...document.querySelectorAll("article img")];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.all(pictures.map((picture) => picture.decode()));
  return pictures.map((p) => ({
    src: p.src,
    natural: [p.naturalWidth, p.naturalHeight],
    declared: [Number(p.getAttribute("width")), Number(p.getAttribute("height"))],
    filter: getComputedStyle(p).filter,
  }));
}"""
# Four in five of a chapter's nodes are parts of formulas and coloured words of code, on which axe
# would spend most of its time; the first cells stay coloured, so their contrast is checked.
THIN_OUT = """() => {
  for (const formula of document.querySelectorAll("mjx-container")) formula.replaceChildren();
  for (const code of [...document.querySelectorAll(".highlight pre")].slice(6)) {
    code.textContent = code.textContent;
  }
}"""
WIDER_THAN_THE_PAGE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter((node) => node.getBoundingClientRect().right > width + 1)
    .slice(0, 5)
    .map((node) => `${node.tagName}.${node.className}`);
}"""


def violations(page, mode: str) -> list[str]:
    page.evaluate(THIN_OUT)
    rules = AXE_RULES[mode]
    # Left to itself axe fetches imported styles, from addresses relative to the wrong file.
    options = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{violation['id']}: {target} {node['html'][:150]}"
        for violation in found
        for node in violation["nodes"]
        for target in [" ".join(map(str, node["target"]))]
        if THEMES_OWN.get(violation["id"], "\0") not in target
    ]


@pytest.mark.browser
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PAGES)
def test_page(open_page, path, mode):
    page = open_page(f"{path}.html", **MODES[mode])
    page.evaluate(SETTLE)
    assert page.evaluate(LAYOUT_SHIFT) <= MOST_LAYOUT_SHIFT

    page.evaluate(OPEN_ALL)
    assert page.evaluate(WIDER_THAN_THE_PAGE) == []
    typeset, failed, raw = page.evaluate(
        """() => [
          document.querySelectorAll("mjx-container").length,
          document.querySelectorAll("mjx-merror, mjx-container [data-mjx-error]").length,
          document.querySelectorAll(".math:not(:has(mjx-container))").length,
        ]"""
    )
    assert (failed, raw) == (0, 0), f"{typeset} formulas typeset"
    for picture in page.evaluate(PICTURES):
        assert picture["natural"] == picture["declared"], picture["src"]
        assert picture["filter"] == "none"
    assert violations(page, mode) == []
    assert page.complaints == []


@pytest.mark.browser
def test_the_page_follows_the_readers_colours_before_any_script_of_the_theme(open_page):
    page = open_page(f"{PAGES[0]}.html", scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


@pytest.mark.browser
def test_first_tab_leads_to_the_skip_link_and_on_to_the_text(open_page):
    page = open_page(f"{PAGES[0]}.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")


@pytest.mark.browser
@pytest.mark.parametrize(
    "words", ["softargmax", "normalized exponential", "Boltzmann", "LSE", "hardmax", "logistic"]
)
def test_search_finds_the_other_names(open_page, words):
    page = open_page(f"search.html?q={words.replace(' ', '+')}")
    page.wait_for_selector("#search-results .search a")
    page.wait_for_selector("#search-results a[href*='glossary.html']")
    assert page.complaints == []


@pytest.mark.browser
def test_print_shows_every_answer_and_no_navigation(open_page):
    page = open_page(f"{PAGES[1]}.html", scheme="dark")
    page.evaluate(SETTLE)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    closed = "details => details.filter((d) => !d.open || !d.checkVisibility()).length"
    assert page.eval_on_selector_all("article details", closed) == 0
    for part in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article"):
        assert not page.locator(part).first.is_visible(), part
    assert page.locator("article h1").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.eval_on_selector_all("article details", "d => d.filter((x) => x.open).length") == 0
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.browser
def test_long_formulas_and_code_scroll_with_the_keyboard(open_page):
    page = open_page(f"{PAGES[1]}.html", width=360)
    page.evaluate(SETTLE)
    page.evaluate(OPEN_ALL)
    page.wait_for_timeout(500)
    unreachable = """nodes => nodes
      .filter((n) => n.scrollWidth > n.clientWidth + 1 && n.tabIndex < 0)
      .map((n) => n.outerHTML.slice(0, 80))"""
    assert page.eval_on_selector_all("article pre, article mjx-container", unreachable) == []
