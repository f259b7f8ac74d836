// log(softmax) and log_softmax of two logits, 0 and minus a gap, as the gap grows.

import { Explorer, Plot, define, fixed, html, number, table } from "./shared.js";

const DTYPES = {
  float32: { round: Math.fround, widest: 120 },
  float64: { round: (x) => x, widest: 800 },
};

// Winner and loser: the textbook composition, in that dtype, operation by operation.
function naive(gap, { round }) {
  const exps = [1, round(Math.exp(-gap))];
  const sum = round(exps[0] + exps[1]);
  return exps.map((e) => round(Math.log(round(e / sum))));
}

function stable(gap, { round }) {
  const tail = Math.log1p(Math.exp(-gap));
  return [round(-tail), round(-gap - tail)];
}

class LogSoftmaxExplorer extends Explorer {
  static label = "Log-softmax explorer: the logarithm of softmax against log-softmax";

  build() {
    this.dtype = this.choice({
      label: "Number format",
      options: Object.keys(DTYPES).map((name) => [name, name]),
      value: this.getAttribute("dtype") ?? "float64",
    });
    this.gap = this.slider({
      label: "Gap between the two logits", min: 0, max: 800, step: 1,
      value: Number(this.getAttribute("gap") ?? 40), text: (x) => fixed(x, 0),
    });
    this.plot = new Plot({
      x: [0, 800], y: [-800, 0], xLabel: "gap", yLabel: "log-probability of the class behind",
      label: "Log-softmax falls in a straight line; the logarithm of softmax follows it and then ends",
    });
    this.legend = html(
      "p", { class: "explorer-legend" },
      html("span", { class: "key-a" }, "log_softmax"), " ",
      html("span", { class: "key-b" }, "log(softmax), until it is −inf"),
    );
    this.table = table("Logits 0 and minus the gap", ["Class", "log(softmax)", "log_softmax"]);
    this.verdict = html("p", { class: "explorer-verdict", "data-value": "verdict" });
    this.append(
      html("div", { class: "explorer-controls" }, this.dtype.row, this.gap.row),
      this.plot.node, this.legend, this.table, this.verdict,
    );
  }

  update() {
    const dtype = DTYPES[this.dtype.value];
    if (this.shownDtype !== dtype) this.showDtype(dtype);
    const gap = this.gap.valueAsNumber;
    const [composed, fused] = [naive(gap, dtype), stable(gap, dtype)];
    this.table.fill([
      ["ahead", number(composed[0]), number(fused[0])],
      ["behind", number(composed[1]), number(fused[1])],
    ]);
    const end = this.alive.at(-1);
    this.plot.draw(
      this.plot.line([[0, -Math.LN2], [dtype.widest, stable(dtype.widest, dtype)[1]]], { class: "series-a" }),
      this.plot.line(this.alive, { class: "series-b dashed" }),
      this.plot.dot(end[0], end[1], { class: "end-b", r: 4 }),
      this.plot.dot(gap, fused[1], { class: "point-a" }),
    );
    this.verdict.textContent = this.judge(composed, fused);
    this.announce(`Gap ${fixed(gap, 0)}. ${this.verdict.textContent}`);
  }

  showDtype(dtype) {
    this.shownDtype = dtype;
    this.gap.max = dtype.widest;
    this.gap.set(Math.min(this.gap.valueAsNumber, dtype.widest));
    this.plot.scale([0, dtype.widest], [-dtype.widest, 0]);
    const gaps = Array.from({ length: dtype.widest + 1 }, (_, k) => k);
    this.alive = gaps.map((gap) => [gap, naive(gap, dtype)[1]]).filter(([, y]) => Number.isFinite(y));
  }

  judge(composed, fused) {
    if (composed[1] === -Infinity) {
      return fused[0] === 0
        ? "log(softmax) has lost the class behind: −inf. For the class ahead 0 is right here: the answer is too small for the format."
        : "log(softmax) is lost at both ends: −inf for the class behind, 0 for the class ahead.";
    }
    const [ahead, behind] = composed.map((x, k) => number(x) !== number(fused[k]));
    const stair = behind ? " For the class behind it stands on a stair." : "";
    if (composed[0] === 0 && fused[0] !== 0) {
      return `log(softmax) has lost the class ahead: it says 0, a certainty that softmax never reaches.${stair}`;
    }
    if (ahead) {
      return `For the class ahead, log(softmax) has lost digits: compare the first row.${stair}`;
    }
    if (behind) {
      return "For the class behind, log(softmax) stands on a stair: compare the second row.";
    }
    return "Both agree to the digits shown.";
  }
}

define("log-softmax-explorer", LogSoftmaxExplorer);
