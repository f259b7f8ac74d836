"""What the built pages say, read as text: no browser is needed."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections import Counter
from urllib.parse import unquote, urlsplit

import pytest
import site_address
import yaml
from site_pages import (
    ROOT,
    SITE,
    loads,
    local_file,
    read,
    scripts_and_styles,
    toc_pages,
)

from softmax_lib.interactive import softmax_explorer

PAGES = toc_pages()
OTHER_PAGES = ["search", "genindex", "404"]
MOST_SCRIPT_AND_STYLE = 350_000
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
STYLE_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")

pytestmark = pytest.mark.usefixtures("site")


def test_every_page_of_the_toc_is_built():
    missing = [page for page in [*PAGES, *OTHER_PAGES] if not (SITE / f"{page}.html").is_file()]
    assert not missing


def test_the_root_leads_to_the_landing_page():
    assert "book/index.html" in (SITE / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES])
def test_one_h1_and_ordered_headings(page):
    levels = [int(tag.name[1]) for tag in read(page).find_all(HEADINGS)]
    assert levels.count(1) == 1, f"{levels.count(1)} H1"
    assert levels[0] == 1
    jumps = [(a, b) for a, b in itertools.pairwise(levels) if b > a + 1]
    assert not jumps, f"headings jump: {jumps}"


@pytest.mark.parametrize("page", PAGES)
def test_no_traceback_and_no_unresolved_markup(page):
    article = read(page).select_one("article")
    assert "Traceback (most recent call last)" not in article.text
    bad = article.select(".traceback, .system-message, .problematic, .output.stderr")
    assert not bad, bad[0].text[:200]


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_alt_text_and_a_size(page):
    for image in read(page).select("article img"):
        alt = image.get("alt", "")
        assert len(alt) >= 20, f"alt text too short to help: {alt!r}"
        assert not re.search(r"[0-9a-f]{20}|\.(png|svg)\b", alt), f"a file name: {alt!r}"
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0
        assert image["loading"] == "lazy"


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_leads_to_itself_at_full_size(page):
    for image in read(page).select("article figure img"):
        link = image.parent
        assert link.name == "a"
        assert link["href"] == image["src"]
        assert link.text == "Open the figure at full size:"  # the picture's own text follows


@pytest.mark.parametrize("page", PAGES)
def test_no_mark_after_a_formula_can_begin_a_line(page):
    stray = [
        f"{formula.text}{formula.next_sibling[:10]}"
        for formula in read(page).select("article span.math")
        if isinstance(formula.next_sibling, str)
        and re.match(r"[.,;:!?)\]’”'\"]", formula.next_sibling)
        and "with-mark" not in formula.parent.get("class", [])
    ]
    assert not stray
    for kept in read(page).select(".with-mark"):
        assert kept.text.startswith("\\(")
        assert not re.search(r"\s", kept.text.rpartition("\\)")[2]), "only marks are kept"


@pytest.mark.parametrize("page", PAGES)
def test_ids_occur_once(page):
    counts = Counter(tag["id"] for tag in read(page).find_all(id=True))
    assert not [name for name, count in counts.items() if count > 1]


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_internal_links_and_anchors_resolve(page):
    broken = []
    for link in read(page).select("a[href]"):
        target = urlsplit(link["href"])
        # JupyterLite is built after the book, and has tests of its own.
        if target.scheme or target.netloc or target.path.startswith("../lite/"):
            continue
        file = local_file(page, unquote(link["href"]))
        if file.is_dir():
            file /= "index.html"
        if not file.is_file():
            broken.append(link["href"])
        elif target.fragment and file.suffix == ".html":
            other = read(str(file.relative_to(SITE).with_suffix("")))
            anchor = unquote(target.fragment)
            if other.find(id=anchor) is None and other.find(attrs={"name": anchor}) is None:
                broken.append(link["href"])
    assert not broken


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES])
def test_what_a_page_loads_is_the_sites_own(page):
    others = [address for address in loads(page) if urlsplit(address).netloc]
    assert not others
    if page != "404":  # its addresses begin at the server's root, where the site will be deployed
        missing = [address for address in loads(page) if not local_file(page, address).is_file()]
        assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_styles_load_nothing_from_others(page):
    for file in scripts_and_styles(page):
        if file.suffix == ".css":
            addresses = STYLE_URL.findall(file.read_text(encoding="utf-8"))
            others = [a or b for a, b in addresses if re.match(r"(https?:)?//", a or b)]
            assert not others, file.name


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES[:2]])
def test_script_and_style_stay_within_the_budget(page):
    sizes = {
        file.name: len(gzip.compress(file.read_bytes(), 9)) for file in scripts_and_styles(page)
    }
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert sum(sizes.values()) <= MOST_SCRIPT_AND_STYLE, largest


@pytest.mark.parametrize("page", PAGES)
def test_description_is_plain_and_of_useful_length(page):
    tags = read(page).select('meta[name="description"]')
    assert len(tags) == 1
    text = tags[0]["content"]
    assert 50 <= len(text) <= 200, len(text)
    assert not re.search(r"[\\$`{}]", text), f"raw markup: {text!r}"


def test_descriptions_are_of_pages_that_exist():
    assert set(site_address.descriptions()) == set(PAGES)


def test_descriptions_differ():
    texts = site_address.descriptions().values()
    assert len(set(texts)) == len(texts)


def elements() -> list[str]:
    return sorted(path.stem for path in (ROOT / "book/_static/elements").glob("*-*.js"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_the_scripts_of_what_it_holds_and_no_others(page):
    loaded = {file.stem for file in scripts_and_styles(page)}
    soup = read(page)
    # One script, all.js, defines every element.
    assert ("all" in loaded) == any(soup.select(name) for name in elements())
    assert ("quiz" in loaded) == bool(soup.select("div.quiz"))


@pytest.mark.parametrize("page", PAGES)
def test_interactive_figures_hold_a_table_for_readers_without_scripts(page):
    for name in elements():
        for element in read(page).select(name):
            assert element.select_one("table caption"), name
            assert element.select("tbody td"), name


def test_landing_page_shows_what_the_library_computes():
    text = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    assert softmax_explorer([2, 4, 2, 1])._repr_html_() in text


def test_landing_page_leads_to_every_chapter():
    links = {link["href"].split("#")[0] for link in read(PAGES[0]).select("article a[href]")}
    for page in PAGES[1:]:
        assert f"{page.removeprefix('book/')}.html" in links, page


def test_landing_page_gives_each_chapter_its_title_and_its_own_numbers():
    rows = read(PAGES[0]).select("article table:not(softmax-explorer table) tbody tr")
    chapters = [page for page in PAGES if (ROOT / f"{page}.ipynb").is_file()]
    assert len(rows) == len(chapters)
    for row, page in zip(rows, chapters, strict=True):
        link, told = row.select_one("a"), row.select("td")[1].text
        title = read(page).select_one("h1").find(string=True, recursive=False)
        assert link["href"] == f"{page.removeprefix('book/')}.html"
        assert link.text == title
        text = read(page).select_one("article").text
        for number in re.findall(r"\d+(?:\.\d+)?", told):
            assert re.search(rf"\b{re.escape(number)}\b", text), f"{page} has no {number}"


def test_nothing_of_thebe_or_of_font_awesomes_script_is_left():
    for page in PAGES:
        text = (SITE / f"{page}.html").read_text(encoding="utf-8")
        for name in ("thebe", "fontawesome.js", "unpkg", "mybinder"):
            assert name not in text.lower(), f"{page} mentions {name}"


def test_pages_name_no_repository_unless_one_is_known():
    if site_address.repository(dict(site_address.os.environ)) is None:
        for page in PAGES:
            assert not read(page).select(".dropdown-source-buttons, .btn-issues-button")


def test_search_index_holds_the_synonyms():
    text = (SITE / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    terms = {*index["terms"], *index["titleterms"]}
    # As Sphinx's stemmer leaves them.
    for word in ("softargmax", "exponenti", "boltzmann", "lse", "hardmax", "gibb"):
        assert word in terms, word


def test_redirects_lead_from_no_present_page_to_present_ones():
    lines = (ROOT / "book/_ext/redirects.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    for old, new in pairs:
        assert not (ROOT / old).exists()
        assert (ROOT / new).exists()
        assert (SITE / old).with_suffix(".html").is_file()


def test_redirects_are_configured():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    assert "sphinxext.rediraffe" in config["extra_extensions"]
    assert (ROOT / config["config"]["rediraffe_redirects"]).is_file()
