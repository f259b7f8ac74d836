"""A published site knows its address and its repository; a local one must not invent them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import site_address
from bs4 import BeautifulSoup
from site_pages import ROOT
from sphinx.errors import ExtensionError


def test_without_an_environment_nothing_is_known():
    assert site_address.site_url({}) is None
    assert site_address.repository({}) is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"SITE_URL": "https://example.org/book"}, "https://example.org/book/"),
        ({"SITE_URL": "http://localhost:8000/"}, "http://localhost:8000/"),
        ({"GITHUB_REPOSITORY": "Owner/softmax"}, "https://owner.github.io/softmax/"),
        ({"GITHUB_REPOSITORY": "owner/owner.github.io"}, "https://owner.github.io/"),
        (
            {"GITHUB_REPOSITORY": "owner/softmax", "SITE_URL": "https://example.org"},
            "https://example.org/",
        ),
    ],
)
def test_site_url(environ, url):
    assert site_address.site_url(environ) == url


@pytest.mark.parametrize("name", ["softmax", "a/b/c", "https://github.com/a/b"])
def test_a_repository_without_owner_is_refused(name):
    with pytest.raises(ExtensionError, match="owner/name"):
        site_address.repository({"GITHUB_REPOSITORY": name})


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "https:///book"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ExtensionError, match="SITE_URL"):
        site_address.site_url({"SITE_URL": url})


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Build two pages as for publication."""
    folder = tmp_path_factory.mktemp("published")
    for name in ("_static", "_ext"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    shutil.copy2(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: book/notation\n"
    )
    (folder / "book/index.md").write_text("# A book\n\nText.\n")
    (folder / "book/notation.md").write_text("# Read the symbols\n\nText.\n")
    (folder / "book/references.bib").write_text("")
    # The live cells need the whole repository; they have tests of their own.
    config = (folder / "_config.yml").read_text(encoding="utf-8")
    lines = [line for line in config.splitlines() if "live_python" not in line]
    (folder / "_config.yml").write_text("\n".join(lines), encoding="utf-8")
    environ = {**os.environ, "GITHUB_REPOSITORY": "owner/softmax", "GITHUB_REF_NAME": "main"}
    environ.pop("SITE_URL", None)
    # `jupyter-book` need not be on the path, and the package has no `__main__`.
    start = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", start, "build", str(folder)],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "_build" / "html"


def test_published_page_has_open_graph_and_canonical_address(published):
    soup = BeautifulSoup((published / "book/notation.html").read_text("utf-8"), "html.parser")
    properties = {tag["property"]: tag["content"] for tag in soup.select("meta[property]")}
    url = "https://owner.github.io/softmax/book/notation.html"
    assert properties["og:url"] == url
    assert properties["og:title"] == "Read the symbols"
    assert properties["og:site_name"] == "The Softmax Book"
    description = soup.select_one('meta[name="description"]')["content"]
    assert properties["og:description"] == description
    assert soup.select_one('link[rel="canonical"]')["href"] == url


def test_published_page_leads_to_its_repository(published):
    soup = BeautifulSoup((published / "book/notation.html").read_text("utf-8"), "html.parser")
    links = {link["href"].split("?")[0] for link in soup.select("a[href]")}
    assert "https://github.com/owner/softmax" in links
    assert "https://github.com/owner/softmax/edit/main/book/notation.md" in links
    assert "https://github.com/owner/softmax/issues/new" in links


def test_published_site_has_a_map(published):
    text = (published / "sitemap.xml").read_text("utf-8")
    assert "<loc>https://owner.github.io/softmax/book/notation.html</loc>" in text
    assert "sitemap.xml" in (published / "robots.txt").read_text("utf-8")


def test_page_for_a_wrong_address_works_at_any_depth_below_the_prefix(published):
    soup = BeautifulSoup((published / "404.html").read_text("utf-8"), "html.parser")
    for tag, name in (("link[rel=stylesheet]", "href"), ("script[src]", "src")):
        for found in soup.select(tag):
            assert found[name].startswith("/softmax/"), found[name]
    assert soup.select_one(".bd-sidebar-primary a[href='/softmax/book/notation.html']")
