"""Every page in a real browser: light, dark, and on a phone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
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
  // Before a gradient axe measures no contrast; the shades at the edges have a test of their own.
  const style = document.createElement("style");
  style.textContent = ".bd-article * { background-image: none !important; }";
  document.head.append(style);
}"""
# Marks that stand to the left of the end of the formula that they follow: on the next line.
STRAY_MARKS = """() => [...document.querySelectorAll(".with-mark")].filter((kept) => {
  const mark = document.createRange();
  mark.selectNodeContents(kept.lastChild);
  const [{ left, width }, formula] = [mark, kept.firstChild].map((n) => n.getBoundingClientRect());
  return width && left < formula.right - 2;
}).map((kept) => kept.textContent)"""
# Formulas in the text for which the build kept no room, or room that is off by more than a letter.
MISJUDGED = """() => [...document.querySelectorAll("article span.math")].filter((formula) => {
  const em = parseFloat(getComputedStyle(formula.firstChild).fontSize);
  const width = formula.querySelector("mjx-math").getBoundingClientRect().width / em;
  const kept = Number(formula.style.getPropertyValue("--ems"));
  return Math.abs(width - kept) > 0.4 + 0.1 * width;
}).map((formula) => formula.textContent)"""
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
    assert page.evaluate(STRAY_MARKS) == []
    typeset, failed, raw = page.evaluate(
        """() => [
          document.querySelectorAll("mjx-container").length,
          document.querySelectorAll("mjx-merror, mjx-container [data-mjx-error]").length,
          document.querySelectorAll(".math:not(:has(mjx-container))").length,
        ]"""
    )
    assert (failed, raw) == (0, 0), f"{typeset} formulas typeset"
    if mode == "light":
        misjudged = page.evaluate(MISJUDGED)
        assert len(misjudged) <= 0.05 * typeset, misjudged
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
    page.wait_for_function("location.hash === '#main-content'")


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
    shade = "nodes => nodes.filter((n) => getComputedStyle(n).backgroundImage !== 'none').length"
    assert page.eval_on_selector_all("article pre", shade) == 0
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
      .filter((n) => n.scrollWidth > n.clientWidth + 4 && n.tabIndex < 0)
      .map((n) => n.outerHTML.slice(0, 80))"""
    assert page.eval_on_selector_all("article pre, article mjx-container", unreachable) == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_a_formula_that_fits_is_no_stop_for_the_tab_key(open_page, width):
    """MathJax's hidden copy for screen readers is wider than the formula; its box scrolled."""
    page = open_page(f"{PAGES[1]}.html", width=width)
    page.evaluate(SETTLE)
    page.wait_for_timeout(500)
    fits = """nodes => nodes
      .filter((n) => n.tabIndex >= 0)
      .filter((n) => n.firstChild.getBoundingClientRect().width < n.clientWidth + 1)
      .map((n) => n.textContent)"""
    assert page.eval_on_selector_all("article mjx-container", fits) == []


@pytest.mark.browser
@pytest.mark.parametrize("path", ["book/glossary", PAGES[1]])
def test_where_mathjax_never_comes_the_tex_can_be_read(open_page, path):
    page = open_page(f"{path}.html", width=360, java_script_enabled=False)
    formula = page.locator("article span.math").first
    plain = "n => [getComputedStyle(n).opacity, n.scrollWidth <= n.clientWidth + 1]"
    assert formula.evaluate(plain) == ["1", True]
    assert page.evaluate(WIDER_THAN_THE_PAGE) == []

    page = open_page("404.html", width=360)
    page.route("**/mathjax.js", lambda route: route.abort())
    page.goto(page.url.replace("404", path))
    formula = page.locator("article span.math").first
    assert formula.evaluate(plain)[0] == "0.4"
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
    assert formula.evaluate(plain) == ["1", True]
    assert page.evaluate(WIDER_THAN_THE_PAGE) == []


@pytest.mark.browser
def test_names_in_a_table_stay_whole_and_the_table_scrolls(open_page):
    page = open_page("book/notation.html", width=360)
    page.evaluate(SETTLE)
    lines = "nodes => nodes.filter((n) => n.getClientRects().length > 1).map((n) => n.textContent)"
    assert page.eval_on_selector_all("article td code", lines) == []
    table = page.locator(".pst-scrollable-table-container")
    assert table.evaluate("n => n.scrollWidth > n.clientWidth")
    assert page.evaluate(WIDER_THAN_THE_PAGE) == []


FIRST_WIDE = """selector => [...document.querySelectorAll(selector)]
  .find((n) => n.checkVisibility() && n.scrollWidth > n.clientWidth + 40)"""
# The inner left and right edge of a box, and a place between them, all above its first words.
PLACES = """(n, share) => {
  n.scrollLeft = share * (n.scrollWidth - n.clientWidth);
  const [left, right] = [n.clientLeft + 1, n.clientLeft + n.clientWidth - 2];
  return { y: n.clientTop + 3, xs: [left, left + 20, right] };
}"""


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Return the contrast of two sRGB colours as WCAG defines it."""
    linear = [np.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92) for c in (one, other)]
    dark, light = sorted(float(c @ [0.2126, 0.7152, 0.0722]) for c in linear)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "selector"),
    [
        (PAGES[1], "article .highlight pre"),
        ("book/api", "article div.math > mjx-container"),
        ("book/notation", "article .pst-scrollable-table-container"),
    ],
)
def test_a_shade_marks_the_edge_where_something_is_cut_off(open_page, path, selector, scheme):
    page = open_page(f"{path}.html", width=360, scheme=scheme)
    page.evaluate(SETTLE)
    page.evaluate(OPEN_ALL)
    box = page.evaluate_handle(FIRST_WIDE, selector).as_element()
    assert box, "nothing is cut off"
    text = box.evaluate("n => getComputedStyle(n).color.match(/[0-9]+/g).slice(0, 3).map(Number)")
    for share, cut_off in [(0, (False, True)), (0.5, (True, True)), (1, (True, False))]:
        places = box.evaluate(PLACES, share)
        row = np.asarray(Image.open(io.BytesIO(box.screenshot())).convert("RGB"))[places["y"]] / 255
        left, ground, right = (row[x] for x in places["xs"])
        for edge, expected in zip((left, right), cut_off, strict=True):
            difference = np.abs(edge - ground).max()
            assert difference > 0.1 if expected else difference < 0.02, (share, edge, ground)
            assert contrast(np.array(text) / 255, edge) >= 4.5


@pytest.mark.browser
def test_a_figure_opens_at_full_size(open_page):
    page = open_page(f"{PAGES[1]}.html", width=360)
    link = page.get_by_role("link", name="Open the figure at full size").first
    alt = link.locator("img").get_attribute("alt")
    assert page.get_by_role("img", name=alt, exact=True).count() == 1
    page.keyboard.press("Tab")  # a ring is for those who use the keyboard
    link.focus()
    assert link.evaluate("n => getComputedStyle(n).outlineStyle") == "solid"
    picture, around = link.locator("img").bounding_box(), link.bounding_box()
    assert abs(picture["width"] - around["width"]) < 1, "the ring is around the picture"
    page.keyboard.press("Enter")
    page.wait_for_url("**/_images/*.png")
    shown = "[...document.images].map((n) => [n.naturalWidth, n.naturalHeight])[0]"
    assert min(page.evaluate(shown)) > 300
    assert page.complaints == []
