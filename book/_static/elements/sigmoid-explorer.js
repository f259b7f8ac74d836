// Two logits under softmax, and one sigmoid of their difference: the same number.

import { Explorer, Plot, bar, define, fixed, html, numbers, probability, sigmoid, softmax } from "./shared.js";

class SigmoidExplorer extends Explorer {
  static label = "Sigmoid explorer: softmax of two logits against one sigmoid";

  build() {
    const start = numbers(this.getAttribute("logits") ?? "1,0");
    this.sliders = start.map((z, k) =>
      this.slider({
        label: html("span", {}, "Logit ", html("i", {}, "z"), html("sub", {}, String(k + 1))),
        min: -10, max: 10, step: 0.1, value: z,
      }),
    );
    this.bars = start.map(() => bar());
    this.texts = start.map((_, k) => html("span", { class: "explorer-result", "data-value": `p-${k}` }));
    this.plot = new Plot({
      x: [-20, 20], y: [0, 1], xLabel: "difference z₁ − z₂", yLabel: "sigmoid",
      label: "The sigmoid curve from difference −20 to 20, with a dot at the present difference",
    });
    this.facts = html("dl", { class: "explorer-facts" });
    this.append(
      html(
        "div", { class: "explorer-classes" },
        ...this.sliders.map((slider, k) =>
          html("div", { class: "explorer-class" }, slider.row, this.bars[k], this.texts[k]),
        ),
      ),
      this.plot.node,
      this.facts,
    );
    this.curve = Array.from({ length: 161 }, (_, k) => -20 + k / 4).map((d) => [d, sigmoid(d)]);
  }

  update() {
    const logits = this.sliders.map((slider) => slider.valueAsNumber);
    // Tenths are not exact in binary: 0.3 - 0.1 would show as 0.19999999999999998.
    const gap = Math.round(10 * (logits[0] - logits[1])) / 10;
    const probs = softmax(logits);
    probs.forEach((p, k) => {
      this.bars[k].show(p);
      this.texts[k].textContent = probability(p);
    });
    this.plot.draw(
      this.plot.line(this.curve, { class: "series-a" }),
      this.plot.dot(gap, sigmoid(gap), { class: "point-b" }),
    );
    const facts = [
      ["softmax", "First probability of softmax over the two logits", probability(probs[0])],
      ["gap", "Difference z₁ − z₂", fixed(gap, 1)],
      ["sigmoid", "Sigmoid of the difference", probability(sigmoid(gap))],
    ];
    this.facts.replaceChildren(
      ...facts.map(([key, name, value]) =>
        html("div", {}, html("dt", {}, name), html("dd", { "data-value": key }, value)),
      ),
    );
    this.announce(`Softmax ${facts[0][2]}, sigmoid of ${facts[1][2]} is ${facts[2][2]}.`);
  }
}

define("sigmoid-explorer", SigmoidExplorer);
