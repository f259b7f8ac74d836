"""What a published site needs and a local one cannot have: its address and its repository.

Two environment variables, both set where the site is published and nowhere else:

``SITE_URL``
    The address that the site will have, ``https://name.example/book/``. From it come OpenGraph,
    the canonical links, the sitemap and the links of the page for a wrong address (404).
``GITHUB_REPOSITORY``
    ``owner/name``, as GitHub Actions sets it. From it come the links to the repository, to a new
    issue and to each page's source; and the address of GitHub Pages where ``SITE_URL`` is not set.
"""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

DESCRIPTIONS = Path(__file__).parent / "descriptions.yml"
REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")


def repository(environ: dict[str, str]) -> str | None:
    """Return ``owner/name``, or None when no repository is known."""
    name = environ.get("GITHUB_REPOSITORY", "").strip()
    if not name:
        return None
    if not REPOSITORY.fullmatch(name):
        message = f"GITHUB_REPOSITORY must be owner/name, got {name!r}"
        raise ExtensionError(message)
    return name


def site_url(environ: dict[str, str]) -> str | None:
    """Return the address of the site, with a slash at its end, or None when none is known."""
    url = environ.get("SITE_URL", "").strip()
    if not url:
        name = repository(environ)
        if name is None:
            return None
        owner, project = name.lower().split("/")
        host = f"{owner}.github.io"
        return f"https://{host}/" if project == host else f"https://{host}/{project}/"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        message = f"SITE_URL must be an http or https address, got {url!r}"
        raise ExtensionError(message)
    return url.rstrip("/") + "/"


def descriptions() -> dict[str, str]:
    return yaml.safe_load(DESCRIPTIONS.read_text("utf-8"))


def configure(app: Sphinx, config: Any) -> None:
    options = dict(config.html_theme_options)
    if name := repository(dict(os.environ)):
        options |= {
            "repository_url": f"https://github.com/{name}",
            "repository_branch": os.environ.get("GITHUB_REF_NAME") or "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "use_edit_page_button": True,
        }
    config.html_theme_options = options
    url = site_url(dict(os.environ))
    config.notfound_urls_prefix = urlsplit(url).path if url else "/"
    if url:
        config.html_baseurl = url
        config.ogp_site_url = url
        config.ogp_site_name = config.html_title
        # A card per page would be drawn with a font that the book does not use.
        config.ogp_social_cards = {"enable": False}


def describe(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Write the page's description, which search engines and link previews show."""
    text = app.config.book_descriptions.get(page)
    if text is None:
        return
    context["metatags"] += f'\n<meta name="description" content="{escape(text)}" />\n'
    context["meta"] = {**(context.get("meta") or {}), "og:description": text}


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    url = site_url(dict(os.environ))
    if exception is not None or app.builder.format != "html" or url is None:
        return
    pages = sorted(app.env.found_docs)
    lines = (f"  <url><loc>{escape(urljoin(url, f'{page}.html'))}</loc></url>" for page in pages)
    sitemap = "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            *lines,
            "</urlset>",
        ]
    )
    (Path(app.outdir) / "sitemap.xml").write_text(sitemap + "\n", "utf-8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(url, 'sitemap.xml')}\n"
    (Path(app.outdir) / "robots.txt").write_text(robots, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("book_descriptions", descriptions(), "html")
    if site_url(dict(os.environ)):
        app.setup_extension("sphinxext.opengraph")
    # Before the theme, which derives its buttons from these options.
    app.connect("config-inited", configure, priority=100)
    app.connect("html-page-context", describe, priority=400)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
