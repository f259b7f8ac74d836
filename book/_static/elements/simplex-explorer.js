// A point in the triangle of three probabilities, and the logits that lead to it.

import { Explorer, define, fixed, html, number, numbers, probability, softmax, svg, table } from "./shared.js";

// Probabilities are kept in whole thousandths, none of them 0: every point has finite logits.
const UNITS = 1000;
const CORNERS = [[30, 230], [290, 230], [160, 230 - 130 * Math.sqrt(3)]];
const ARROWS = {
  ArrowRight: [-10, 10, 0], ArrowLeft: [10, -10, 0], ArrowUp: [-5, -5, 10], ArrowDown: [5, 5, -10],
};

function inside(parts) {
  const [a, b] = parts.map((part) => Math.min(UNITS - 2, Math.max(1, Math.round(part))));
  const first = Math.min(a, UNITS - 2);
  const second = Math.min(b, UNITS - 1 - first);
  return [first, second, UNITS - first - second];
}

class SimplexExplorer extends Explorer {
  static label = "Simplex explorer: a point in the triangle and its logits";

  build() {
    const start = numbers(this.getAttribute("probs") ?? "0.2,0.3,0.5");
    this.parts = inside(start.map((p) => UNITS * p));
    this.picture = this.drawing();
    this.sliders = [0, 1, 2].map((k) =>
      this.slider({
        label: html("span", {}, "Probability ", html("i", {}, "p"), html("sub", {}, String(k + 1))),
        min: 0.001, max: 0.998, step: 0.001, value: this.parts[k] / UNITS, text: (x) => fixed(x, 3),
        moved: (p) => this.scaleOthers(k, p),
      }),
    );
    this.constant = this.slider({
      label: "Free constant c", min: -10, max: 10, step: 0.5, value: 0, text: (x) => fixed(x, 1),
    });
    this.table = table("Logits that lead here: z = ln p + c", ["Class", "p", "z", "softmax(z)"]);
    this.append(
      html("div", { class: "explorer-columns" },
        this.picture,
        html("div", {}, ...this.sliders.map((slider) => slider.row), this.constant.row)),
      this.table,
    );
  }

  drawing() {
    this.handle = svg("circle", { r: 10, class: "point-b handle", tabindex: 0, role: "slider", "aria-label": "Point in the triangle; arrow keys move it", "aria-valuemin": 0, "aria-valuemax": 1 });
    const picture = svg(
      "svg", { viewBox: "0 -14 320 274", class: "explorer-triangle" },
      svg("polygon", { points: CORNERS.join(" "), class: "area" }),
      ...CORNERS.map(([x, y], k) =>
        svg("text", { x, y: k === 2 ? y - 2 : y + 20, "text-anchor": "middle" }, `class ${k + 1}`)),
      this.handle,
    );
    this.handle.addEventListener("keydown", (event) => {
      const move = ARROWS[event.key];
      if (!move) return;
      event.preventDefault();
      const times = event.shiftKey ? 5 : 1;
      this.moveTo(this.parts.map((part, k) => part + times * move[k]));
    });
    const drag = (event) => {
      if (event.buttons !== 1) return;
      event.preventDefault();
      this.moveTo(this.partsAt(picture, event));
    };
    picture.addEventListener("pointerdown", (event) => {
      picture.setPointerCapture(event.pointerId);
      drag(event);
      this.handle.focus({ preventScroll: true });
    });
    picture.addEventListener("pointermove", drag);
    return picture;
  }

  // From the pointer's place to barycentric coordinates.
  partsAt(picture, event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const third = (230 - point.y) / (130 * Math.sqrt(3));
    const second = (point.x - 30) / 260 - third / 2;
    const clipped = [1 - second - third, second, third].map((p) => Math.max(p, 0.001));
    const whole = clipped.reduce((a, b) => a + b, 0);
    return clipped.map((p) => (UNITS * p) / whole);
  }

  // The other two keep their ratio, as far as thousandths allow.
  scaleOthers(k, p) {
    const [a, b] = [0, 1, 2].filter((other) => other !== k);
    const rest = UNITS - Math.round(UNITS * p);
    const parts = [...this.parts];
    parts[k] = UNITS - rest;
    parts[a] = Math.min(rest - 1, Math.max(1, Math.round((rest * this.parts[a]) / (this.parts[a] + this.parts[b]))));
    parts[b] = rest - parts[a];
    this.parts = parts;
  }

  moveTo(parts) {
    this.parts = inside(parts);
    this.update();
  }

  update() {
    const probs = this.parts.map((part) => part / UNITS);
    const c = this.constant.valueAsNumber;
    const logits = probs.map((p) => Math.log(p) + c);
    const back = softmax(logits);
    const [x, y] = [0, 1].map((axis) => probs.reduce((at, p, k) => at + p * CORNERS[k][axis], 0));
    this.handle.setAttribute("cx", x);
    this.handle.setAttribute("cy", y);
    const spoken = probs.map((p, k) => `class ${k + 1} ${fixed(p, 3)}`).join(", ");
    this.handle.setAttribute("aria-valuenow", probs[0]);
    this.handle.setAttribute("aria-valuetext", spoken);
    this.sliders.forEach((slider, k) => slider.set(probs[k]));
    this.table.fill(probs.map((p, k) => [String(k + 1), fixed(p, 3), number(logits[k]), probability(back[k])]));
    this.announce(`${spoken}. Logits ${logits.map((z) => number(z)).join(", ")}.`);
  }
}

define("simplex-explorer", SimplexExplorer);
