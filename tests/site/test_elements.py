"""The interactive figures show what softmax_lib computes, to every digit, and work by keyboard."""

from __future__ import annotations

import math

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from softmax_lib import log_softmax, naive, sigmoid, softmax
from softmax_lib.interactive import (
    _fixed,
    _naive_and_shifted,
    _number,
    _probability,
    _round_to_bfloat16,
    bowl_explorer,
    dtype_explorer,
    log_softmax_explorer,
    sigmoid_explorer,
    simplex_explorer,
    softmax_explorer,
)

pytestmark = pytest.mark.browser

STYLES = (
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "custom.css",
    "elements/elements.css",
)
SET = """(input, value) => {
  input.value = value;
  const event = input.tagName === "SELECT" ? "change" : "input";
  input.dispatchEvent(new Event(event, { bubbles: true }));
}"""
BOWLS = np.random.default_rng(8).normal(0, 4, (2, 3, 10))
TARGETS = np.random.default_rng(9).integers(0, 2, (3, 10))
PIXELS = np.random.default_rng(10).integers(0, 17, (3, 16, 16))
FIGURES = {
    "softmax": lambda: softmax_explorer([2, 4, 2, 1]),
    "dtype": lambda: dtype_explorer([2, 1, 0], dtype="float16", shift=10),
    "sigmoid": lambda: sigmoid_explorer([2, 0.5]),
    "log-softmax": lambda: log_softmax_explorer(40),
    "simplex": lambda: simplex_explorer([0.2, 0.3, 0.5]),
    "bowl": lambda: bowl_explorer(*BOWLS, TARGETS, pixels=PIXELS),
}


@pytest.fixture
def show(server, open_page):
    """Return a function that puts a figure on a page of its own and opens it."""

    def show_(figure, **mode):
        links = "".join(f'<link rel="stylesheet" href="_static/{name}">' for name in STYLES)
        theme = mode.get("scheme", "light")
        server.pages["figure.html"] = (
            f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>A figure</title>{links}'
            f'<script defer src="_static/elements/all.js"></script></head>'
            f'<body><main class="bd-article"><h1>A figure</h1>{figure._repr_html_()}</main></body>'
        )
        page = open_page("figure.html", **mode)
        page.wait_for_selector(f"{figure.tag}[data-ready]")
        return page

    return show_


# Put a row of values on a slider, and return the verdict on each: one call for hundreds of values.
VERDICTS = """(input, values) => values.map((value) => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return document.querySelector("[data-value='verdict']").textContent;
})"""


def verdicts(page, label: str, values: list[int]) -> list[str]:
    return page.get_by_label(label, exact=True).evaluate(VERDICTS, values)


def put(page, label: str, value: object) -> None:
    page.get_by_label(label, exact=True).evaluate(SET, str(value))


def shown(page, name: str) -> str:
    return page.locator(f"[data-value='{name}']").inner_text()


def rows(page, which: int = 0) -> list[list[str]]:
    table = page.locator("tbody").nth(which)
    return table.evaluate("t => [...t.rows].map((r) => [...r.cells].map((c) => c.innerText))")


# ------------------------------------------------------------------------ the same for all of them


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_no_axe_violation(show, name, scheme):
    page = show(FIGURES[name](), scheme=scheme)
    # Left to itself axe fetches imported styles, from addresses relative to the wrong file.
    options = {"resultTypes": ["violations"], "preload": False}
    found = Axe().run(page, options=options).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []
    assert page.complaints == []


@pytest.mark.parametrize("name", FIGURES)
def test_fits_a_phone(show, name):
    page = show(FIGURES[name](), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = "nodes => nodes.filter((n) => n.getBoundingClientRect().height < 24).length"
    assert page.eval_on_selector_all("input, select, button", small) == 0


@pytest.mark.parametrize("name", FIGURES)
def test_every_control_has_a_name_and_tab_reaches_it(show, name):
    page = show(FIGURES[name]())
    controls = page.locator("input, select, button:enabled, [tabindex='0']")
    reached = set()
    for _ in range(controls.count()):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML"))
        names = "(n) => n.ariaLabel || n.labels?.[0]?.textContent || n.textContent"
        assert page.evaluate(f"({names})(document.activeElement)").strip()
    assert len(reached) == controls.count()


@pytest.mark.parametrize("name", FIGURES)
def test_a_screen_reader_hears_the_result_once_the_controls_rest(show, name):
    page = show(FIGURES[name]())
    live = page.locator("[aria-live=polite]")
    assert live.inner_text() == ""
    slider = page.locator("input[type=range]").first
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    assert live.inner_text() == ""
    page.wait_for_function("document.querySelector('[aria-live=polite]').textContent !== ''")


def test_without_scripts_the_table_is_there(server, open_page):
    figure = FIGURES["softmax"]()._repr_html_()
    server.pages["plain.html"] = f"<!doctype html><title>Plain</title>{figure}"
    page = open_page("plain.html", java_script_enabled=False)
    assert "0.7573" in page.locator("table").inner_text()


def test_motion_is_reduced_on_request(show):
    page = show(FIGURES["softmax"](), reduced_motion="reduce")
    bar = page.locator(".explorer-bar > span").first
    assert bar.evaluate("n => getComputedStyle(n).transitionDuration") == "0s"


def test_a_figure_that_a_live_cell_adds_starts_too(show):
    page = show(FIGURES["softmax"]())
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)",
                  softmax_explorer([0, 1])._repr_html_())  # fmt: skip
    assert page.locator("softmax-explorer[data-ready]").count() == 2


# ------------------------------------------------------------------------------ softmax-explorer


@pytest.mark.parametrize("seed", range(6))
def test_softmax_explorer_equals_the_library(show, seed):
    rng = np.random.default_rng(seed)
    z = np.round(rng.uniform(-10, 10, rng.integers(2, 9)), 1)
    page = show(softmax_explorer(z))
    z = np.round(rng.uniform(-10, 10, z.size), 1)
    t = round(float(rng.uniform(0.1, 10 if seed % 2 else 1)), 1)
    for k, value in enumerate(z, start=1):
        put(page, f"Logit z{k}", value)
    put(page, "Temperature T", t)
    put(page, "Add c to every logit", int(rng.integers(-50, 51)))
    i, j = rng.choice(z.size, 2, replace=False)
    put(page, "i", i)
    put(page, "j", j)
    p = softmax(z / t)
    assert [shown(page, f"p-{k}") for k in range(z.size)] == [_probability(x) for x in p]
    assert shown(page, "sum") == _fixed(p.sum(), 4)
    assert shown(page, "ratio") == _number(p[i] / p[j])
    assert shown(page, "power") == _number(math.exp((z[i] - z[j]) / t))
    entropy = -np.sum(p * log_softmax(z / t), where=p > 0)
    assert shown(page, "entropy") == _fixed(entropy, 4)
    assert shown(page, "most") == _fixed(math.log(z.size), 4)
    widths = page.eval_on_selector_all(
        ".explorer-bar > span", "bars => bars.map((b) => parseFloat(b.style.inlineSize))"
    )
    assert widths == pytest.approx(100 * p, abs=1e-3)


def test_softmax_explorer_by_keyboard(show):
    page = show(softmax_explorer([2, 4, 2, 1]))
    page.get_by_label("Logit z1", exact=True).focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert shown(page, "p-0") == _probability(softmax([2.5, 4, 2, 1])[0])
    page.get_by_role("button", name="Add a class").press("Enter")
    assert shown(page, "p-4") == _probability(softmax([2.5, 4, 2, 1, 0])[4])
    page.get_by_role("button", name="Remove the last class").press("Space")
    assert page.locator("[data-value='p-4']").count() == 0
    page.get_by_role("button", name="Start again").press("Enter")
    assert shown(page, "p-0") == _probability(softmax([2, 4, 2, 1])[0])


def test_softmax_explorer_keeps_between_two_and_eight_classes(show):
    page = show(softmax_explorer([0, 1]))
    assert page.get_by_role("button", name="Remove the last class").is_disabled()
    for _ in range(6):
        page.get_by_role("button", name="Add a class").click()
    assert page.get_by_role("button", name="Add a class").is_disabled()


# -------------------------------------------------------------------------------- dtype-explorer


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtype_explorer_equals_numpy(show, dtype):
    rng = np.random.default_rng(3)
    logits = np.round(rng.uniform(-5, 5, 4), 4)
    page = show(dtype_explorer(logits, dtype=dtype))
    edges = [-1000, -745, -104, -17, -8, 0, 7, 12, 88, 93, 709, 1000]
    for c in [*edges, *map(int, rng.integers(-120, 120, 8))]:
        put(page, "Add c to every logit", c)
        naive_p, shifted_p = _naive_and_shifted(logits + c, dtype)
        for which, probs in enumerate([naive_p, shifted_p]):
            cells = [row[3] for row in rows(page, which)[:-1]]
            assert cells == [_probability(float(p)) for p in probs], (c, which)


def test_dtype_explorer_rounds_its_inputs_exactly(show):
    """Every operation goes through the rounding, so the logits show whether it is right."""
    x = np.random.default_rng(5).uniform(-20, 20, 60)
    page = show(dtype_explorer(np.round(x, 4), dtype="bfloat16"))
    expected = [_number(float(v)) for v in _round_to_bfloat16(np.round(x, 4))]
    assert [row[1] for row in rows(page)[:-1]] == expected
    put(page, "Number format", "float16")
    expected = [_number(float(v)) for v in np.round(x, 4).astype(np.float16)]
    assert [row[1] for row in rows(page)[:-1]] == expected


def test_dtype_explorer_by_keyboard(show):
    page = show(dtype_explorer([2, 1, 0], dtype="float16", shift=9))
    page.get_by_label("Add c to every logit").focus()
    page.keyboard.press("ArrowRight")
    assert rows(page)[0][2:] == ["inf", "nan"]
    assert "overflows" in shown(page, "verdict")
    page.get_by_label("Number format").focus()
    page.keyboard.press("End")
    assert page.get_by_label("Number format").input_value() == "float64"
    assert "survives" in shown(page, "verdict")


@pytest.mark.parametrize(
    ("logits", "shift", "word"),
    [([0, -1], 1000, "overflows"), ([0.5, 0.5], 709, "sum is inf"), ([0, -1], -1000, "underflows")],
)
def test_dtype_explorer_says_how_the_textbook_fails(show, logits, shift, word):
    page = show(dtype_explorer(logits, dtype="float64", shift=shift))
    assert word in shown(page, "verdict")


ROUNDED = " Adding c has rounded the logits themselves: no formula brings their differences back."
OVER = "The textbook formula overflows: an exponential is inf, and inf/inf is nan."
UNDER = "The textbook formula underflows: every exponential is 0, and 0/0 is nan."
SURVIVES = "The textbook formula survives here."
LOST = "The textbook formula is finite but has lost digits: every exponential is subnormal"


@pytest.mark.parametrize(
    ("dtype", "shift", "verdict"),
    [
        ("float32", -105, f"{LOST} or 0."),  # it shows 1.0000 for 0.6652
        ("float32", -90, f"{LOST}."),
        ("float16", -19, f"{LOST} or 0."),
        ("float64", -746, f"{LOST} or 0."),
        ("float64", -700, SURVIVES),
        ("bfloat16", -300, UNDER + ROUNDED),
        ("bfloat16", 70, SURVIVES),
        ("bfloat16", 1000, OVER + ROUNDED),
    ],
)
def test_dtype_explorer_at_the_ends_of_a_format(show, dtype, shift, verdict):
    page = show(dtype_explorer([2, 1, 0], dtype=dtype, shift=shift))
    assert shown(page, "verdict") == verdict


def test_dtype_explorer_does_not_call_the_last_bit_a_rounding_of_the_logits(show):
    """0.1 + 700 is rounded even in float64, by an amount that no digit of the table shows."""
    page = show(dtype_explorer([0.3, 0.1], dtype="float64", shift=700))
    assert shown(page, "verdict") == SURVIVES


@pytest.mark.parametrize(
    ("dtype", "eps", "shifts"),
    [
        ("float16", 2**-10, range(-30, 30)),
        ("bfloat16", 2**-7, [*range(-150, 320), 500, 708, 1000]),
        ("float32", 2**-23, range(-120, 100)),
        ("float64", 2**-52, [*range(-760, -690), *range(690, 720)]),
    ],
)
def test_dtype_explorers_verdict_is_true(show, dtype, eps, shifts):
    logits = np.array([2.0, 1.0, 0.0])
    page = show(dtype_explorer(logits, dtype=dtype))
    found = verdicts(page, "Add c to every logit", list(shifts))
    for c, verdict in zip(shifts, found, strict=True):
        textbook, shifted = (p.astype(float) for p in _naive_and_shifted(logits + c, dtype))
        if "survives" in verdict:
            np.testing.assert_allclose(textbook, shifted, rtol=8 * eps, err_msg=f"c = {c}")
        elif "lost digits" not in verdict:
            assert np.any(np.isnan(textbook)) or np.all(textbook == 0), c
        intact = np.allclose(shifted, softmax(logits), rtol=8 * eps)
        assert intact == (ROUNDED not in verdict), c


# ----------------------------------------------------------------------------- the other figures


@pytest.mark.parametrize("seed", range(4))
def test_sigmoid_explorer_equals_the_library(show, seed):
    page = show(sigmoid_explorer())
    z = np.round(np.random.default_rng(seed).uniform(-10, 10, 2), 1)
    put(page, "Logit z1", z[0])
    put(page, "Logit z2", z[1])
    assert shown(page, "softmax") == _probability(softmax(z)[0])
    assert shown(page, "p-1") == _probability(softmax(z)[1])
    assert shown(page, "sigmoid") == _probability(sigmoid(round(z[0] - z[1], 1)))
    assert shown(page, "sigmoid") == shown(page, "softmax")


def test_sigmoid_explorer_by_keyboard(show):
    page = show(sigmoid_explorer([0, 0]))
    page.get_by_label("Logit z2", exact=True).press("End")
    assert shown(page, "sigmoid") == _probability(sigmoid(-10.0))


@pytest.mark.parametrize(("dtype", "widest"), [("float32", 120), ("float64", 800)])
def test_log_softmax_explorer_equals_the_library(show, dtype, widest):
    page = show(log_softmax_explorer(dtype=dtype))
    rng = np.random.default_rng(2)
    for gap in [0, 1, 17, 37, widest, *map(int, rng.integers(0, widest, 10))]:
        put(page, "Gap between the two logits", gap)
        z = np.array([0, -gap], dtype=dtype)
        with np.errstate(all="ignore"):
            composed, fused = naive.log_softmax(z), log_softmax(z)
        for row, a, b in zip(rows(page), composed, fused, strict=True):
            assert row[1:] == [_number(float(a)), _number(float(b))], gap


@pytest.mark.parametrize(
    ("dtype", "gap", "words"),
    [
        ("float64", 1, "Both agree to the digits shown."),
        ("float32", 15, "For the class ahead, log(softmax) has lost digits"),
        ("float64", 36, "For the class ahead, log(softmax) has lost digits"),
        ("float64", 745, "never reaches. For the class behind it stands on a stair."),
        ("float64", 746, "For the class ahead 0 is right here"),
        ("float32", 104, "For the class ahead 0 is right here"),
    ],
)
def test_log_softmax_explorer_says_what_is_lost(show, dtype, gap, words):
    assert words in shown(show(log_softmax_explorer(gap, dtype)), "verdict")


@pytest.mark.parametrize(("dtype", "widest"), [("float32", 120), ("float64", 800)])
def test_log_softmax_explorers_verdict_is_true_at_every_gap(show, dtype, widest):
    page = show(log_softmax_explorer(0, dtype))
    found = verdicts(page, "Gap between the two logits", list(range(widest + 1)))
    for gap, verdict in enumerate(found):
        z = np.array([0, -gap], dtype=dtype)
        with np.errstate(all="ignore"):
            composed, fused = naive.log_softmax(z), log_softmax(z)
        ahead, behind = (
            _number(float(a)) != _number(float(b)) for a, b in zip(composed, fused, strict=True)
        )
        gone = bool(np.isneginf(composed[1]))
        assert ("Both agree" in verdict) == (not ahead and not behind), gap
        assert ("−inf" in verdict) == gone, gap
        assert ("0 is right" in verdict) == (gone and fused[0] == 0), gap
        assert ("stair" in verdict) == (behind and not gone), gap
        assert ("a certainty" in verdict) == (composed[0] == 0 != fused[0] and not gone), gap
        assert ("has lost digits" in verdict) == (ahead and composed[0] != 0), gap


def test_log_softmax_explorer_by_keyboard(show):
    page = show(log_softmax_explorer(36))
    page.get_by_label("Gap between the two logits").press("ArrowRight")
    assert rows(page)[0][1] == "0"
    assert "lost the class ahead" in shown(page, "verdict")
    page.get_by_label("Gap between the two logits").press("End")
    assert rows(page)[1][1:] == ["−inf", "−800.0"]
    page.get_by_label("Number format").press("Home")
    assert rows(page)[1][1:] == ["−inf", "−120.0"]


@pytest.mark.parametrize("seed", range(4))
def test_simplex_explorer_equals_the_library(show, seed):
    page = show(simplex_explorer())
    rng = np.random.default_rng(seed)
    put(page, "Probability p1", round(float(rng.uniform(0.01, 0.9)), 3))
    put(page, "Probability p3", round(float(rng.uniform(0.01, 0.9)), 3))
    c = round(float(rng.uniform(-10, 10)) * 2) / 2
    put(page, "Free constant c", c)
    p = np.array([float(row[1]) for row in rows(page)])
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p.min() >= 0.001
    z = np.log(p) + c
    assert [row[2] for row in rows(page)] == [_number(x) for x in z]
    assert [row[3] for row in rows(page)] == [_probability(x) for x in softmax(z)]


def test_simplex_explorer_by_arrow_keys_and_by_dragging(show):
    page = show(simplex_explorer([0.2, 0.3, 0.5]))
    point = page.get_by_role("slider", name="Point in the triangle")
    point.press("ArrowRight")
    assert [row[1] for row in rows(page)] == ["0.190", "0.310", "0.500"]
    point.press("Shift+ArrowUp")
    assert [row[1] for row in rows(page)] == ["0.165", "0.285", "0.550"]
    for _ in range(20):
        point.press("Shift+ArrowLeft")
    assert rows(page)[1][1] == "0.001"
    box = page.locator(".explorer-triangle").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.6 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.89 * box["height"], steps=4)
    page.mouse.up()
    assert float(rows(page)[0][1]) > 0.9


def test_simplex_sliders_keep_the_ratio_of_the_others(show):
    page = show(simplex_explorer([0.2, 0.2, 0.6]))
    put(page, "Probability p1", 0.6)
    assert [row[1] for row in rows(page)] == ["0.600", "0.100", "0.300"]


def test_bowl_explorer_equals_the_library(show):
    page = show(FIGURES["bowl"]())
    for bowl, (own, joint) in enumerate(zip(*np.round(BOWLS, 1), strict=True)):
        put(page, "Tray", bowl)
        put(page, "Name a label above probability", 0.3)
        answers = {"sigmoid": sigmoid(own), "softmax": softmax(joint)}
        for kind, probs in answers.items():
            texts = [f"{'✓ ' if p > 0.3 else ''}{_probability(p)}" for p in probs]
            assert [shown(page, f"{kind}-{k}") for k in range(10)] == texts
            named = ", ".join(str(k) for k in np.flatnonzero(probs > 0.3)) or "nothing"
            assert shown(page, f"by-{kind}") == named
            assert shown(page, f"sum-{kind}") == _fixed(probs.sum(), 3)
        holds = ", ".join(map(str, np.flatnonzero(TARGETS[bowl]))) or "nothing"
        assert shown(page, "truth") == holds


def test_bowl_explorer_by_keyboard(show):
    page = show(FIGURES["bowl"]())
    page.get_by_label("Tray", exact=True).press("ArrowDown")
    assert page.get_by_label("Tray", exact=True).input_value() == "1"
    page.get_by_label("Name a label above probability").press("End")
    assert page.get_by_label("Name a label above probability").input_value() == "0.99"
    ink = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data[0]"
    expected = round(255 * (1 - PIXELS[1, 0, 0] / PIXELS[1].max()))
    assert page.locator("canvas").evaluate(ink) == pytest.approx(expected, abs=1)


def test_bowl_explorer_names_no_label_at_the_threshold_itself(show):
    page = show(bowl_explorer([[0, 0.1, -9]], [[50, 50, -50]], [[1, 1, 0]]))
    assert shown(page, "by-sigmoid") == "1"
    assert shown(page, "by-softmax") == "nothing"
    assert shown(page, "softmax-0") == _probability(0.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bowl_explorer_has_the_colours_of_the_chapters_figures(show, scheme):
    page = show(FIGURES["bowl"](), scheme=scheme)
    colour = "n => getComputedStyle(n).backgroundColor.match(/\\d+/g).map(Number)"
    red, _, blue = page.locator(".measure-sigmoid .explorer-bar > span").first.evaluate(colour)
    assert red > 2 * blue, "the sigmoids are orange"
    red, _, blue = page.locator(".measure-softmax .explorer-bar > span").first.evaluate(colour)
    assert blue > 2 * red, "the softmax is blue"


def test_bowl_explorer_says_tray_as_its_chapter_does(show):
    page = show(FIGURES["bowl"]())
    words = "[...document.querySelectorAll('bowl-explorer, bowl-explorer [aria-label]')]"
    said = page.evaluate(f"{words}.map((n) => n.ariaLabel + ' ' + n.innerText).join(' ')")
    assert "Tray" in said
    assert "bowl" not in said.lower()
    assert "bowl" not in repr(FIGURES["bowl"]()).lower()
