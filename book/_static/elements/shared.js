// What the book's interactive figures share: numbers, their text, controls and drawing.
// The numbers follow softmax_lib to every digit that is shown; tests/site/test_elements.py compares.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SVG = "http://www.w3.org/2000/svg";
// A screen reader hears the result after the reader has stopped moving, not at every step.
const ANNOUNCE_AFTER_MS = 700;
let lastId = 0;

// ---------------------------------------------------------------------------------- numbers

export function softmax(logits) {
  const max = Math.max(...logits);
  const exps = logits.map((z) => Math.exp(z - max));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((e) => e / sum);
}

export function sigmoid(z) {
  const e = Math.exp(-Math.abs(z));
  return (z >= 0 ? 1 : e) / (1 + e);
}

export function entropy(probs) {
  return probs.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

export function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}

// ------------------------------------------------------------------------------- text of numbers

function special(x) {
  if (Number.isNaN(x)) return "nan";
  if (Number.isFinite(x)) return null;
  return x > 0 ? "inf" : "−inf";
}

function typographic(text) {
  // A rounded value that is 0 has no sign; every other minus is a real minus sign.
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

// Exact ties go to the even digit, as in Python; toFixed and toExponential send them away from 0.
// They are common here: the short formats hold few bits. `method` is one of the two.
function rounded(x, method, digits) {
  const [nearest, exponent = ""] = x[method](digits).split("e");
  const [whole, decimals] = x[method](Math.min(digits + 60, 100)).split("e")[0].split(".");
  const tie = /^50*$/.test(decimals.slice(digits));
  const odd = Number(nearest.at(-1)) % 2 === 1;
  const down = digits ? `${whole}.${decimals.slice(0, digits)}` : whole;
  return [tie && odd ? down : nearest, exponent];
}

export function fixed(x, digits) {
  return special(x) ?? typographic(rounded(x, "toFixed", digits)[0]);
}

export function scientific(x, significant) {
  const [mantissa, exponent] = rounded(x, "toExponential", significant - 1);
  const raised = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("");
  return `${typographic(mantissa)}×10${exponent < 0 ? "⁻" : ""}${raised}`;
}

// `significant` digits, written out where that stays short.
export function number(x, significant = 4) {
  if (special(x)) return special(x);
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1e-4 || size >= 1e6) return scientific(x, significant);
  return fixed(x, Math.max(0, significant - 1 - Math.floor(Math.log10(size))));
}

// Four decimals; what would read 0.0000 without being 0 is written in powers of ten.
export function probability(p) {
  if (special(p)) return special(p);
  if (p === 0) return "0";
  return p < 5e-5 ? scientific(p, 3) : fixed(p, 4);
}

export function numbers(text) {
  return text.split(",").map(Number);
}

// -------------------------------------------------------------------------------------- drawing

export function html(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A bar from 0 to 1; the number beside it says the same.
export function bar() {
  const fill = html("span");
  const node = html("div", { class: "explorer-bar", "aria-hidden": "true" }, fill);
  node.show = (share) => {
    fill.style.inlineSize = `${100 * (Number.isFinite(share) ? share : 0)}%`;
  };
  return node;
}

// A table whose body `fill` rewrites: one array of texts a row, the first one its heading.
export function table(caption, headings) {
  const body = html("tbody");
  const head = html("tr", {}, ...headings.map((text) => html("th", { scope: "col" }, text)));
  const node = html(
    "table",
    { class: "explorer-table" },
    html("caption", {}, caption),
    html("thead", {}, head),
    body,
  );
  node.fill = (rows) => {
    body.replaceChildren(
      ...rows.map(([heading, ...cells]) =>
        html(
          "tr",
          {},
          html("th", { scope: "row" }, heading),
          ...cells.map((text) => html("td", {}, text)),
        ),
      ),
    );
  };
  return node;
}

// A curve in a frame, with labelled axes. `x` and `y` are [from, to].
export class Plot {
  constructor({ x, y, xLabel, yLabel, label }) {
    this.node = svg("svg", {
      viewBox: "0 0 420 248",
      role: "img",
      "aria-label": label,
      class: "explorer-plot",
    });
    this.frame = svg("g");
    this.content = svg("g");
    this.node.append(this.frame, this.content);
    this.labels = { xLabel, yLabel };
    this.scale(x, y);
  }

  scale(x, y) {
    Object.assign(this, { x, y });
    const text = (value, at, extra) =>
      svg("text", { x: at[0], y: at[1], ...extra }, fixed(value, Number.isInteger(value) ? 0 : 1));
    const middle = (range) => (range[0] + range[1]) / 2;
    const ticks = (range) => [range[0], middle(range), range[1]];
    this.frame.replaceChildren(
      ...ticks(x).flatMap((value) => [
        svg("line", { x1: this.px(value), x2: this.px(value), y1: 28, y2: 208, class: "grid" }),
        text(value, [this.px(value), 224], { "text-anchor": "middle" }),
      ]),
      ...ticks(y).flatMap((value) => [
        svg("line", { x1: 50, x2: 410, y1: this.py(value), y2: this.py(value), class: "grid" }),
        text(value, [44, this.py(value) + 4], { "text-anchor": "end" }),
      ]),
      svg("text", { x: 230, y: 243, "text-anchor": "middle" }, this.labels.xLabel),
      svg("text", { x: 4, y: 14 }, this.labels.yLabel),
    );
  }

  px(value) {
    return 50 + (360 * (value - this.x[0])) / (this.x[1] - this.x[0]);
  }

  py(value) {
    return 208 - (180 * (value - this.y[0])) / (this.y[1] - this.y[0]);
  }

  line(values, attributes) {
    const points = values.map(([x, y]) => `${this.px(x).toFixed(1)},${this.py(y).toFixed(1)}`);
    return svg("polyline", { points: points.join(" "), ...attributes });
  }

  dot(x, y, attributes) {
    return svg("circle", { cx: this.px(x), cy: this.py(y), r: 6, ...attributes });
  }

  draw(...nodes) {
    this.content.replaceChildren(...nodes);
  }
}

// ------------------------------------------------------------------------------------- elements

// An element that takes the place of the table it holds, which readers without scripts keep.
export class Explorer extends HTMLElement {
  connectedCallback() {
    if (this.live) return;
    this.live = html("p", { class: "explorer-live", "aria-live": "polite" });
    this.replaceChildren();
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.constructor.label);
    this.build();
    this.append(this.live);
    this.update();
    this.dataset.ready = "";
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  // Set the text that a screen reader will hear once the controls rest.
  announce(text) {
    clearTimeout(this.timer);
    if (this.dataset.ready === undefined) return;
    this.timer = setTimeout(() => {
      this.live.textContent = text;
    }, ANNOUNCE_AFTER_MS);
  }

  // A labelled native slider with its value beside it; `row` holds the three. `moved` hears the
  // new value before the figure is drawn again.
  slider({ label, min, max, step, value, text = (x) => fixed(x, 1), moved = () => {} }) {
    const id = `explorer-${(lastId += 1)}`;
    const input = html("input", { type: "range", id, min, max, step, value });
    const shown = html("span", { class: "explorer-value", "aria-hidden": "true" });
    const show = () => {
      shown.textContent = text(input.valueAsNumber);
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => {
      show();
      moved(input.valueAsNumber);
      this.update();
    });
    input.set = (x) => {
      input.value = x;
      show();
    };
    show();
    input.row = html("div", { class: "explorer-slider" }, html("label", { for: id }, label), input, shown);
    return input;
  }

  choice({ label, options, value }) {
    const id = `explorer-${(lastId += 1)}`;
    const select = html("select", { id }, ...options.map(([key, text]) => html("option", { value: key }, text)));
    select.value = value;
    select.addEventListener("change", () => this.update());
    select.row = html("div", { class: "explorer-choice" }, html("label", { for: id }, label), select);
    return select;
  }

  button(text, action) {
    const node = html("button", { type: "button" }, text);
    node.addEventListener("click", action);
    return node;
  }
}

// Elements are defined when the page is complete: one that starts before its children are parsed
// would leave the table standing beside its controls.
export function define(name, element) {
  const start = () => customElements.get(name) ?? customElements.define(name, element);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
