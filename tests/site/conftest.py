"""Serve the built site as it will be deployed, under a prefix, and open it in a real Chromium."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]

PREFIX = "/softmax-book/"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
HOW_TO_GET_A_BROWSER = (
    "no Chromium or Chrome found: install one (Debian and Ubuntu: apt-get install chromium), "
    "or name its program in the environment variable CHROMIUM"
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


def find_chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    found = (shutil.which(name) for name in BROWSERS)
    installed = (path for path in BROWSER_PATHS if Path(path).exists())
    return next(filter(None, (*found, *installed)), None)


class SiteServer:
    """The site on 127.0.0.1 under `PREFIX`; `pages` holds further ones, path to HTML."""

    def __init__(self, site: Path) -> None:
        self.pages: dict[str, str] = {}
        pages = self.pages

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_args: object) -> None:
                pass

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                name = unquote(path.removeprefix(PREFIX))
                if path.startswith(PREFIX) and name in pages:
                    self.answer(HTTPStatus.OK, pages[name].encode())
                elif path.startswith(PREFIX):
                    super().do_GET()
                else:
                    self.send_error(HTTPStatus.NOT_FOUND)

            def answer(self, status: HTTPStatus, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def translate_path(self, path: str) -> str:
                return super().translate_path("/" + path.removeprefix(PREFIX))

        handler = partial(Handler, directory=str(site))
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self.http.server_port}"

    def url(self, path: str) -> str:
        return f"{self.origin}{PREFIX}{path}"


@contextmanager
def serving(site: Path) -> Iterator[SiteServer]:
    server = SiteServer(site)
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@pytest.fixture(scope="session")
def site() -> Path:
    """Return the folder of the built site."""
    folder = ROOT / "_build" / "html"
    if not (folder / "book" / "index.html").is_file():
        pytest.fail(f"there is no built site in {folder}: run `make book` first")
    return folder


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[SiteServer]:
    with serving(site) as running:
        yield running


@pytest.fixture(scope="session")
def site_url(server: SiteServer) -> str:
    """Return the address of the site's root, with a slash at its end."""
    return server.url("")


@pytest.fixture(scope="session")
def browser():
    """Return the system's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    program = find_chromium()
    if program is None:
        pytest.skip(HOW_TO_GET_A_BROWSER)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, server: SiteServer) -> Iterator[Callable]:
    """Return a function that opens a page and watches it.

    The page gets the list `complaints`, of errors on its console, failed requests and requests
    to anyone but the site. Requests to others are refused.
    """
    contexts = []

    def open_(path: str, *, width: int = 1280, scheme: str = "light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.complaints = []

        def guard(route):
            url = route.request.url
            if url.startswith((server.origin + "/", "data:", "blob:")):
                route.fallback()
            else:
                page.complaints.append(f"request to a third party: {url}")
                route.abort()

        context.route("**/*", guard)
        page.on(
            "console",
            lambda message: (
                message.type == "error" and page.complaints.append(f"console: {message.text}")
            ),
        )
        page.on("pageerror", lambda error: page.complaints.append(f"exception: {error}"))
        page.on(
            "response",
            lambda answer: (
                answer.status >= 400 and page.complaints.append(f"{answer.status}: {answer.url}")
            ),
        )
        page.goto(server.url(path), wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()
