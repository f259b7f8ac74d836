// Trays of digits read by two models: one sigmoid per label, and one softmax over all labels.

import { Explorer, bar, define, fixed, html, probability, sigmoid, softmax, sum } from "./shared.js";

const MODELS = ["sigmoid", "softmax"];

function named(labels) {
  return labels.length ? labels.join(", ") : "nothing";
}

class BowlExplorer extends Explorer {
  static label = "Tray explorer: one sigmoid per label against one softmax";

  build() {
    this.bowls = JSON.parse(this.getAttribute("bowls"));
    this.labels = this.getAttribute("labels").split(",");
    this.bowl = this.choice({
      label: "Tray",
      options: this.bowls.map(({ present }, k) => [k, `${k + 1}: holds ${this.names(present)}`]),
      value: 0,
    });
    this.threshold = this.slider({
      label: "Name a label above probability", min: 0.01, max: 0.99, step: 0.01,
      value: Number(this.getAttribute("threshold") ?? 0.5), text: (x) => fixed(x, 2),
    });
    this.tray = html("canvas", { class: "explorer-tray", role: "img" });
    this.rows = this.labels.map((label) => {
      const bars = [bar(), bar()];
      const texts = MODELS.map((kind) => html("span", { class: "explorer-result", "data-value": `${kind}-${label}` }));
      const node = html("tr", {}, html("th", { scope: "row" }, label),
        ...bars.map((one, k) => html("td", {}, html("div", { class: `explorer-measure measure-${MODELS[k]}` }, one, texts[k]))));
      return { node, bars, texts };
    });
    const headings = ["Label", "Own sigmoid", "One softmax"];
    const table = html("table", { class: "explorer-table explorer-labels" },
      html("caption", {}, "Probability of each label; a tick marks those that are named"),
      html("thead", {}, html("tr", {}, ...headings.map((text) => html("th", { scope: "col" }, text)))),
      html("tbody", {}, ...this.rows.map((row) => row.node)));
    this.facts = html("dl", { class: "explorer-facts" });
    this.append(
      html("div", { class: "explorer-controls" }, this.bowl.row, this.threshold.row),
      html("div", { class: "explorer-columns explorer-bowl" }, this.tray, table),
      this.facts,
    );
  }

  names(present) {
    return named(present.map((k) => this.labels[k]));
  }

  draw({ pixels, present }) {
    this.tray.hidden = !pixels;
    if (!pixels) return;
    const [height, width] = [pixels.length, pixels[0].length];
    Object.assign(this.tray, { width, height });
    this.tray.setAttribute("aria-label", `A tray that holds ${this.names(present)}`);
    const context = this.tray.getContext("2d");
    const most = Math.max(1, ...pixels.flat());
    pixels.forEach((row, y) => row.forEach((ink, x) => {
      const grey = Math.round(255 * (1 - ink / most));
      context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      context.fillRect(x, y, 1, 1);
    }));
  }

  update() {
    const bowl = this.bowls[Number(this.bowl.value)];
    const threshold = this.threshold.valueAsNumber;
    const answers = [bowl.sigmoid.map(sigmoid), softmax(bowl.softmax)];
    this.draw(bowl);
    this.rows.forEach(({ node, bars, texts }, label) => {
      node.dataset.present = bowl.present.includes(label);
      answers.forEach((probs, k) => {
        bars[k].show(probs[label]);
        texts[k].textContent = `${probs[label] > threshold ? "✓ " : ""}${probability(probs[label])}`;
      });
    });
    const chosen = answers.map((probs) =>
      named(this.labels.filter((_, label) => probs[label] > threshold)));
    const facts = [
      ["truth", "On the tray", this.names(bowl.present)],
      ["by-sigmoid", "Named by the sigmoids", chosen[0]],
      ["by-softmax", "Named by softmax", chosen[1]],
      ["sum-sigmoid", "Sum of the sigmoids", fixed(sum(answers[0]), 3)],
      ["sum-softmax", "Sum of softmax", fixed(sum(answers[1]), 3)],
    ];
    this.facts.replaceChildren(
      ...facts.map(([key, name, value]) =>
        html("div", {}, html("dt", {}, name), html("dd", { "data-value": key }, value))));
    this.announce(`On the tray: ${facts[0][2]}. Sigmoids name ${chosen[0]}; softmax names ${chosen[1]}.`);
  }
}

define("bowl-explorer", BowlExplorer);
