"""Measure what a page of the built site costs its reader on a slow phone.

Serves the site on 127.0.0.1 under a deploy prefix, gzipped as a static host does it, and opens
every page of ``_toc.yml`` in the system's Chromium, with its processor and network throttled and
its cache off. Prints one table, and writes it with the versions and the machine to
results/site.json and results/site.md. Run as ``python benchmarks/site.py`` after ``make book``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import IO, Any

import yaml
from report import describe, markdown_table, optional_import, write_results

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--disable-gpu", "--disable-background-networking", "--disable-component-update")

SCRIPT_AND_STYLE_BAR = 350_000  # bytes, compressed
CLS_BAR = 0.1
BARS = """\
Bars, on every page: script and style before any interaction at most 350 kB compressed, which is \
the book's own limit (Slow 4G carries that much in 1.7 s); CLS under 0.1, loading and scrolling, \
which is what the Core Web Vitals call good (<https://web.dev/articles/cls>). \
LCP has no bar here, because it depends on the machine; the Core Web Vitals call 2.5 s good."""
METHOD = """\
kB are 1000 bytes on the wire, headers included, gzip level 6, HTTP/1.1. \
LCP is the largest contentful paint, CLS the cumulative layout shift (the worst session window). \
All but the last two columns are read when the page is loaded, typeset and quiet; \
the last two after scrolling to its end, which fetches the lazy images."""

COMPRESSED = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".txt", ".xml", ".inv"}
QUIET = 1.0  # seconds without a request, after which a page counts as loaded
PATIENCE = 120.0  # seconds for a page to load
OBSERVERS = """
window.vitals = { lcp: 0, element: "", shifts: [] };
const named = (node) => {
  if (!node) return "removed";
  const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
  if (!element) return "removed";
  const text = (element.getAttribute("alt") || element.textContent).trim().replace(/\\s+/g, " ");
  const names = [element.localName, ...element.classList].slice(0, 3).join(".");
  return `${names} "${text.length > 40 ? text.slice(0, 40) + "…" : text}"`;
};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.vitals.lcp = entry.startTime;
    window.vitals.element = named(entry.element);
  }
}).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const moved = entry.sources.map((source) => named(source.node));
    window.vitals.shifts.push({ time: entry.startTime, value: entry.value, moved });
  }
}).observe({ type: "layout-shift", buffered: true });
"""
TYPESET = "() => Promise.all([document.fonts.ready, window.MathJax?.startup?.promise])"

LIGHTHOUSE = "after Lighthouse's Slow 4G"


@dataclass(frozen=True)
class Network:
    """A network as the browser emulates it: latency of a request, and kbit/s of 1024 bits."""

    latency_ms: float
    down_kbps: float
    up_kbps: float

    def __str__(self) -> str:
        if self.down_kbps < 0:
            return " (not throttled)"
        return (
            f": {self.latency_ms:g} ms for each request, {self.down_kbps / 1024:.3g} Mbit/s down, "
            f"{self.up_kbps:.4g} kbit/s up ({LIGHTHOUSE})"
        )


# Lighthouse's figures for its mobile test (core/config/constants.js, "mobileSlow4G"). Chromium
# delays requests and not packets, so Lighthouse itself, where it throttles in the browser,
# multiplies the latency by 3.75 and the speeds by 0.9, to make up for handshakes.
NETWORKS = {
    "slow-4g": Network(150, 1.6 * 1024, 750),
    "slow-4g-adjusted": Network(150 * 3.75, 1.6 * 1024 * 0.9, 750 * 0.9),
    "none": Network(0, -1, -1),
}


@dataclass(frozen=True)
class Conditions:
    network: Network
    cpu: float
    width: int
    height: int


@dataclass(frozen=True)
class Visit:
    """What one opening of a page cost; `files` maps a path to its kind and its bytes."""

    lcp_ms: float
    lcp_element: str
    cls: float
    cls_scrolled: float
    moved: list[str]
    files: dict[str, tuple[str, int]]
    files_scrolled: dict[str, tuple[str, int]]


@cache
def gzipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)


class Handler(SimpleHTTPRequestHandler):
    """Serve the folder below `prefix`; compress what a static host compresses."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        super().__init__(*args, **kwargs)

    def log_message(self, *_args: object) -> None:
        pass

    def translate_path(self, path: str) -> str:
        if not path.startswith(self.prefix):
            return str(Path(self.directory) / "no-such-file")
        return super().translate_path("/" + path.removeprefix(self.prefix))

    def send_head(self) -> IO[bytes] | None:  # type: ignore[override]
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            return super().send_head()
        body = gzipped(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)


@contextmanager
def serving(site: Path, prefix: str) -> Iterator[str]:
    """Serve `site` and give the address of its root, with a slash at its end."""
    handler = partial(Handler, directory=str(site), prefix=prefix)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()


class Traffic:
    """The requests of a page, as the browser's network reports them."""

    def __init__(self, devtools: Any, root: str) -> None:
        self.root = root
        self.open: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.files: dict[str, tuple[str, int]] = {}
        self.failed: list[str] = []
        self.last = time.monotonic()
        devtools.on("Network.requestWillBeSent", self.started)
        devtools.on("Network.responseReceived", self.answered)
        devtools.on("Network.loadingFinished", self.finished)
        devtools.on("Network.loadingFailed", self.broke)

    def started(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.startswith("http"):
            self.open[event["requestId"]] = url.removeprefix(self.root).partition("?")[0]
            self.last = time.monotonic()

    def answered(self, event: dict[str, Any]) -> None:
        if event["requestId"] not in self.open:
            return
        self.kinds[event["requestId"]] = kind_of(event["response"]["mimeType"])
        if event["response"]["status"] >= 400:
            self.failed.append(event["response"]["url"])

    def finished(self, event: dict[str, Any]) -> None:
        path = self.open.pop(event["requestId"], None)
        if path is not None:
            kind = self.kinds.get(event["requestId"], "other")
            _, before = self.files.get(path, (kind, 0))
            self.files[path] = (kind, before + round(event["encodedDataLength"]))
            self.last = time.monotonic()

    def broke(self, event: dict[str, Any]) -> None:
        path = self.open.pop(event["requestId"], None)
        if path is not None:
            self.failed.append(path)
            self.last = time.monotonic()

    @property
    def quiet(self) -> bool:
        return not self.open and time.monotonic() - self.last > QUIET


def kind_of(mime: str) -> str:
    if "javascript" in mime:
        return "script"
    if mime == "text/css":
        return "style"
    return {"text/html": "page"}.get(mime, mime.partition("/")[0])


def cumulative_layout_shift(shifts: list[dict[str, Any]]) -> float:
    """Return the largest sum of a session window: gaps under 1 s, at most 5 s in all."""
    worst = total = start = previous = 0.0
    for shift in shifts:
        if not total or shift["time"] - previous >= 1000 or shift["time"] - start >= 5000:
            total, start = 0.0, shift["time"]
        total += shift["value"]
        previous = shift["time"]
        worst = max(worst, total)
    return worst


def settle(page: Any, traffic: Traffic) -> None:
    """Wait until the page is typeset and asks for nothing any more."""
    page.evaluate(TYPESET)
    deadline = time.monotonic() + PATIENCE
    while not traffic.quiet:
        if time.monotonic() > deadline:
            message = f"{page.url} is still loading after {PATIENCE:.0f} s: {list(traffic.open)}"
            raise RuntimeError(message)
        page.wait_for_timeout(100)


def scroll_to_end(page: Any, step: int) -> None:
    position = 0
    while position < page.evaluate("document.documentElement.scrollHeight"):
        position += step
        page.evaluate("top => window.scrollTo({ top, behavior: 'instant' })", position)
        page.wait_for_timeout(100)


def visit(browser: Any, root: str, path: str, conditions: Conditions) -> Visit:
    """Open a page in a browser that has never seen the site, and read it to the end."""
    context = browser.new_context(
        viewport={"width": conditions.width, "height": conditions.height},
        device_scale_factor=1.75 if conditions.width < 768 else 1,
        is_mobile=conditions.width < 768,
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.add_init_script(OBSERVERS)
    devtools = context.new_cdp_session(page)
    throttle(devtools, conditions)
    traffic = Traffic(devtools, root)
    page.goto(root + path, wait_until="load")
    settle(page, traffic)
    loaded, files = page.evaluate("window.vitals"), dict(traffic.files)
    scroll_to_end(page, conditions.height)
    settle(page, traffic)
    shifts = page.evaluate("window.vitals.shifts")
    context.close()
    if traffic.failed or not loaded["lcp"]:
        message = f"{path} cannot be measured: " + (
            f"not found: {', '.join(traffic.failed)}" if traffic.failed else "it painted nothing"
        )
        raise RuntimeError(message)
    worst: dict[str, Any] = max(shifts, key=lambda one: one["value"], default={"moved": []})
    return Visit(
        lcp_ms=loaded["lcp"],
        lcp_element=loaded["element"],
        cls=cumulative_layout_shift(loaded["shifts"]),
        cls_scrolled=cumulative_layout_shift(shifts),
        moved=worst["moved"],
        files=files,
        files_scrolled=dict(traffic.files),
    )


def throttle(devtools: Any, conditions: Conditions) -> None:
    network = conditions.network
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": conditions.cpu})
    devtools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": network.latency_ms,
            "downloadThroughput": network.down_kbps * 1024 / 8 if network.down_kbps > 0 else -1,
            "uploadThroughput": network.up_kbps * 1024 / 8 if network.up_kbps > 0 else -1,
        },
    )


def size(files: dict[str, tuple[str, int]], kind: str | None = None) -> int:
    return sum(bytes_ for found, bytes_ in files.values() if kind in (None, found))


def summarise(path: str, visits: list[Visit]) -> dict[str, Any]:
    """Return the medians of a page's visits, and the files of the visit with the median LCP."""
    typical = sorted(visits, key=lambda one: one.lcp_ms)[len(visits) // 2]
    shakiest = max(visits, key=lambda one: one.cls_scrolled)
    return {
        "page": path,
        "lcp_ms": round(median(one.lcp_ms for one in visits)),
        "lcp_ms_of_runs": [round(one.lcp_ms) for one in visits],
        "lcp_element": typical.lcp_element,
        "cls": round(median(one.cls for one in visits), 4),
        "cls_scrolled": round(median(one.cls_scrolled for one in visits), 4),
        "cls_scrolled_of_runs": [round(one.cls_scrolled, 4) for one in visits],
        "moved_most": shakiest.moved,
        "script_bytes": size(typical.files, "script"),
        "style_bytes": size(typical.files, "style"),
        "total_bytes": size(typical.files),
        "total_bytes_scrolled": size(typical.files_scrolled),
        "requests": len(typical.files),
        "files": {
            name: {"kind": kind, "bytes": bytes_}
            for name, (kind, bytes_) in sorted(typical.files.items(), key=lambda item: -item[1][1])
        },
    }


def measure(
    browser: Any, root: str, pages: list[str], conditions: Conditions, runs: int
) -> list[dict[str, Any]]:
    """Visit every page `runs` times, round by round, so that no page meets one bad moment only."""
    visits: dict[str, list[Visit]] = {page: [] for page in pages}
    for number in range(1, runs + 1):
        for page in pages:
            print(f"run {number} of {runs}: {page}", file=sys.stderr)
            visits[page].append(visit(browser, root, page, conditions))
    return [summarise(page, found) for page, found in visits.items()]


def kilobytes(bytes_: int) -> str:
    return f"{bytes_ / 1000:.0f}"


def pages_table(rows: list[dict[str, Any]]) -> str:
    header = ["page", "LCP ms", "CLS", "script kB", "style kB", "both kB", "all kB", "requests"]
    return markdown_table(
        [*header, "CLS scrolled", "all kB scrolled"],
        [
            [
                row["page"],
                str(row["lcp_ms"]),
                f"{row['cls']:.3f}",
                kilobytes(row["script_bytes"]),
                kilobytes(row["style_bytes"]),
                kilobytes(row["script_bytes"] + row["style_bytes"]),
                kilobytes(row["total_bytes"]),
                str(row["requests"]),
                f"{row['cls_scrolled']:.3f}",
                kilobytes(row["total_bytes_scrolled"]),
            ]
            for row in rows
        ],
    )


def files_table(rows: list[dict[str, Any]], count: int = 12) -> str:
    """Return the files that cost most, and how many pages fetch each before any interaction."""
    largest: dict[str, tuple[str, int]] = {}
    pages: dict[str, int] = {}
    for row in rows:
        for name, file in row["files"].items():
            largest[name] = (file["kind"], max(file["bytes"], largest.get(name, ("", 0))[1]))
            pages[name] = pages.get(name, 0) + 1
    ordered = sorted(largest.items(), key=lambda item: -item[1][1])[:count]
    return markdown_table(
        ["file", "kind", "kB", "pages that fetch it"],
        [
            [f"`{name}`", kind, kilobytes(bytes_), str(pages[name])]
            for name, (kind, bytes_) in ordered
        ],
    )


def code_bytes(row: dict[str, Any]) -> int:
    return int(row["script_bytes"] + row["style_bytes"])


def worst_shift(row: dict[str, Any]) -> float:
    return float(max(row["cls"], row["cls_scrolled"]))


def meets_bars(row: dict[str, Any]) -> bool:
    return code_bytes(row) <= SCRIPT_AND_STYLE_BAR and worst_shift(row) < CLS_BAR


def worst_pages(rows: list[dict[str, Any]]) -> str:
    """Return which page comes nearest to each bar, and which pages break one."""
    heaviest, shakiest = max(rows, key=code_bytes), max(rows, key=worst_shift)
    slowest = max(rows, key=lambda row: row["lcp_ms"])
    over = [row["page"] for row in rows if not meets_bars(row)]
    moved = ", ".join(shakiest["moved_most"]) or "nothing"
    return "\n".join(
        [
            f"- Most script and style: {heaviest['page']}, {kilobytes(code_bytes(heaviest))} kB.",
            f"- Most layout shift: {shakiest['page']}, {worst_shift(shakiest):.3f}: {moved}.",
            f"- Slowest: {slowest['page']}, {slowest['lcp_ms']} ms until {slowest['lcp_element']}.",
            f"- Pages that miss a bar: {', '.join(over) or 'none'}.",
        ]
    )


def find_chromium() -> str | None:
    """Return the system's Chromium or Chrome; the environment variable CHROMIUM names another."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ((named,) if named else BROWSERS))
    return next(filter(None, found), None)


def named_files(toc: Any) -> Iterator[str]:
    """Yield every file that the table of contents names, however deep, in its order."""
    if isinstance(toc, list):
        for entry in toc:
            yield from named_files(entry)
    elif isinstance(toc, dict):
        yield from (toc[key] for key in ("root", "file") if key in toc)
        yield from named_files([toc.get(key) for key in ("parts", "chapters", "sections")])


def pages_of_toc(site: Path) -> list[str]:
    """Return the pages that ``_toc.yml`` names, or stop with a sentence if one is not built."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [f"{file}.html" for file in named_files(toc)]
    missing = [page for page in pages if not (site / page).is_file()]
    if missing:
        sys.exit(f"There is no built {missing[0]} in {site}: run `make book` first.")
    return pages


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="built site")
    parser.add_argument("--prefix", default="/softmax-book/", help="path the site is served under")
    parser.add_argument("--runs", type=int, default=3, help="visits of each page (median of 3)")
    parser.add_argument("--cpu", type=float, default=4, help="how many times slower a processor")
    parser.add_argument("--network", choices=NETWORKS, default="slow-4g")
    parser.add_argument(
        "--viewport", default="412x823", help="width x height; under 768 wide it is a phone"
    )
    parser.add_argument("--pages", nargs="+", help="only these pages: book/index.html …")
    parser.add_argument("--no-write", action="store_true", help="print, and leave results/ alone")
    given = parser.parse_args()
    width, _, height = given.viewport.partition("x")
    if not (width.isdigit() and height.isdigit()):
        parser.error(f"--viewport must look like 412x823; got {given.viewport!r}")
    if given.runs < 1 or given.cpu < 1:
        parser.error("--runs and --cpu must be at least 1")
    if not (given.prefix.startswith("/") and given.prefix.endswith("/")):
        parser.error(f"--prefix must begin and end with a slash; got {given.prefix!r}")
    given.size = (int(width), int(height))
    return given


def describe_site(
    browser: Any, given: argparse.Namespace, conditions: Conditions
) -> dict[str, Any]:
    packages = ("playwright", "jupyter-book", "sphinx", "sphinx-book-theme")
    described = describe()
    described["versions"] = {
        "Chromium": browser.version,
        "python": described["versions"]["python"],
        **{package: version(package) for package in packages},
    }
    described["conditions"] = {
        "network": given.network,
        **vars(conditions.network),
        "cpu_slowdown": conditions.cpu,
        "viewport": given.viewport,
        "runs": given.runs,
    }
    described["bars"] = {"script_and_style_bytes": SCRIPT_AND_STYLE_BAR, "cls": CLS_BAR}
    return described


def main() -> None:
    given = arguments()
    pages = pages_of_toc(given.site)
    if unknown := set(given.pages or []) - set(pages):
        sys.exit(f"_toc.yml has no page {sorted(unknown)[0]}; it has {', '.join(pages)}.")
    try:
        playwright_api = optional_import("playwright.sync_api")
    except ImportError as error:
        sys.exit(f"Nothing is measured: {error}; requirements.txt brings it.")
    program = find_chromium()
    if program is None:
        sys.exit(
            "No Chromium or Chrome found: install one (Debian and Ubuntu: apt-get install "
            "chromium), or name its program in the environment variable CHROMIUM "
            f"(now {os.environ.get('CHROMIUM') or 'not set'})."
        )
    conditions = Conditions(NETWORKS[given.network], given.cpu, *given.size)
    with serving(given.site, given.prefix) as root, playwright_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=program, args=list(FLAGS), chromium_sandbox=False
            )
        except playwright_api.Error as error:
            sys.exit(f"{program} does not start: {str(error).splitlines()[0]}")
        try:
            rows = measure(browser, root, given.pages or pages, conditions, given.runs)
        except (RuntimeError, playwright_api.Error) as error:
            sys.exit(f"The measurement stopped: {str(error).splitlines()[0]}")
        described = describe_site(browser, given, conditions)
        browser.close()

    text = "\n\n".join(
        [
            f"Network {given.network}{conditions.network}. Processor {given.cpu:g} times slower. "
            f"Viewport {given.viewport}. Cache off. Median of {given.runs} visits.",
            pages_table(rows),
            METHOD,
            BARS,
            worst_pages(rows),
            "The largest files, fetched before any interaction:",
            files_table(rows),
        ]
    )
    print(text)
    if not given.no_write:
        write_results("site", {**described, "pages": rows}, text)
    if not all(meets_bars(row) for row in rows):
        sys.exit("A bar is missed: the last line before the files says where.")


if __name__ == "__main__":
    main()
