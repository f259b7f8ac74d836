// Logits and a temperature on sliders; probabilities as bars; what stays true, in numbers.

import { Explorer, bar, define, entropy, fixed, html, number, numbers, probability, softmax, sum } from "./shared.js";

const MIN_CLASSES = 2;
const MAX_CLASSES = 8;

class SoftmaxExplorer extends Explorer {
  static label = "Softmax explorer: logits, temperature and probabilities";

  build() {
    this.start = numbers(this.getAttribute("logits"));
    this.startTemperature = Number(this.getAttribute("temperature") ?? 1);
    this.rows = html("div", { class: "explorer-classes" });
    this.temperature = this.slider({
      label: "Temperature T", min: 0.1, max: 10, step: 0.1, value: this.startTemperature,
    });
    this.shift = this.slider({
      label: "Add c to every logit", min: -50, max: 50, step: 1, value: 0, text: (x) => fixed(x, 0),
    });
    this.pair = [0, 1].map((k) =>
      this.choice({ label: k ? "j" : "i", options: [], value: "" }),
    );
    this.add = this.button("Add a class", () => this.resize([...this.logits, 0]));
    this.remove = this.button("Remove the last class", () => this.resize(this.logits.slice(0, -1)));
    const reset = this.button("Start again", () => this.reset());
    this.facts = html("dl", { class: "explorer-facts" });
    this.append(
      this.rows,
      this.temperature.row,
      this.shift.row,
      html("div", { class: "explorer-buttons" }, this.add, this.remove, reset),
      html("div", { class: "explorer-pair" }, "Compare classes", ...this.pair.map((select) => select.row)),
      this.facts,
    );
    this.layOut(this.start);
  }

  get logits() {
    return this.sliders.map((slider) => slider.valueAsNumber);
  }

  reset() {
    this.temperature.set(this.startTemperature);
    this.shift.set(0);
    this.resize(this.start);
  }

  resize(logits) {
    this.layOut(logits);
    this.update();
  }

  layOut(logits) {
    this.sliders = logits.map((z, k) =>
      this.slider({ label: html("span", {}, "Logit ", html("i", {}, "z"), html("sub", {}, String(k + 1))), min: -10, max: 10, step: 0.1, value: z }),
    );
    this.bars = logits.map(() => bar());
    this.texts = logits.map((_, k) => html("span", { class: "explorer-result", "data-value": `p-${k}` }));
    this.rows.replaceChildren(
      ...this.sliders.map((slider, k) =>
        html("div", { class: "explorer-class" }, slider.row, this.bars[k], this.texts[k]),
      ),
    );
    this.pair.forEach((select, which) => {
      const kept = select.value;
      select.replaceChildren(...logits.map((_, k) => html("option", { value: k }, String(k + 1))));
      // At first the largest logit is compared with the first of the others.
      const top = logits.indexOf(Math.max(...logits));
      const first = which ? (top === 0 ? 1 : 0) : top;
      select.value = kept !== "" && kept < logits.length ? kept : first;
    });
    this.add.disabled = logits.length === MAX_CLASSES;
    this.remove.disabled = logits.length === MIN_CLASSES;
  }

  update() {
    const [T, c] = [this.temperature.valueAsNumber, this.shift.valueAsNumber];
    const logits = this.logits;
    const probs = softmax(logits.map((z) => (z + c) / T));
    probs.forEach((p, k) => {
      this.bars[k].show(p);
      this.texts[k].textContent = `${probability(p)}`;
    });
    const [i, j] = this.pair.map((select) => Number(select.value));
    const ratio = number(probs[i] / probs[j]);
    const exponent = (logits[i] - logits[j]) / T;
    const facts = [
      ["sum", "Sum of the probabilities", fixed(sum(probs), 4)],
      ["ratio", `Probability of class ${i + 1} over that of class ${j + 1}`, ratio],
      ["power", `e to the difference of their logits over T, e^${number(exponent, 3)}`, number(Math.exp(exponent))],
      ["entropy", "Entropy in nats", fixed(entropy(probs), 4)],
      ["most", `Most entropy that ${probs.length} classes can have, ln ${probs.length}`, fixed(Math.log(probs.length), 4)],
    ];
    this.facts.replaceChildren(
      ...facts.map(([key, name, value]) =>
        html("div", {}, html("dt", {}, name), html("dd", { "data-value": key }, value)),
      ),
    );
    this.announce(`Probabilities ${probs.map(probability).join(", ")}. Entropy ${facts[3][2]} nats.`);
  }
}

define("softmax-explorer", SoftmaxExplorer);
