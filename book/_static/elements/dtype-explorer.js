// The textbook softmax and the shifted one, step by step, as a machine with that dtype computes them.

import { Explorer, define, fixed, html, number, numbers, probability, table } from "./shared.js";

// Significand bits, with the hidden one, and the smallest exponent of a normal number. The engine
// rounds to the long formats by itself: only the verdict asks about them.
const FORMATS = {
  float16: { bits: 11, smallest: -14, largest: 65504 },
  bfloat16: { bits: 8, smallest: -126, largest: 2 ** 127 * (2 - 2 ** -7) },
  float32: { smallest: -126 },
  float64: { smallest: -1022 },
};

function exponentOf(x) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(x));
  return ((view.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

function roundHalfToEven(x) {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

// Round a double to a format with fewer bits, gradual underflow and overflow included.
function roundTo({ bits, smallest, largest }, x) {
  if (x === 0 || !Number.isFinite(x)) return x;
  const quantum = 2 ** (Math.max(exponentOf(x), smallest) - bits + 1);
  const rounded = roundHalfToEven(x / quantum) * quantum;
  return Math.abs(rounded) > largest ? Math.sign(x) * Infinity : rounded;
}

// NumPy computes float16 in float32 and rounds the result; bfloat16 is treated alike here.
const ROUND = {
  float16: (x) => roundTo(FORMATS.float16, Math.fround(x)),
  bfloat16: (x) => roundTo(FORMATS.bfloat16, Math.fround(x)),
  float32: Math.fround,
  float64: (x) => x,
};

function total(values, dtype) {
  // The short formats accumulate in float32, as NumPy's sum does, and round once.
  const step = dtype === "float64" ? (x) => x : Math.fround;
  const rest = values.slice(1).reduce((sum, value) => step(sum + value), 0);
  return ROUND[dtype](step(values[0] + rest));
}

export function steps(logits, dtype) {
  const round = ROUND[dtype];
  const z = logits.map(round);
  const divide = (exps) => {
    const sum = total(exps, dtype);
    return { exps, sum, probs: exps.map((e) => round(e / sum)) };
  };
  const exp = (values) => values.map((x) => round(Math.exp(x)));
  const max = Math.max(...z);
  const shifted = z.map((x) => round(x - max));
  return { z, shifted, naive: divide(exp(z)), safe: divide(exp(shifted)) };
}

class DtypeExplorer extends Explorer {
  static label = "Dtype explorer: the textbook softmax against the shifted one";

  build() {
    this.logits = numbers(this.getAttribute("logits"));
    const dtype = this.getAttribute("dtype") ?? "float32";
    this.dtype = this.choice({
      label: "Number format",
      options: ["float16", "bfloat16", "float32", "float64"].map((name) => [name, name]),
      value: dtype,
    });
    this.shift = this.slider({
      label: "Add c to every logit", min: -1000, max: 1000, step: 1,
      value: Number(this.getAttribute("shift") ?? 0), text: (x) => fixed(x, 0),
    });
    this.naive = table("Textbook: exponentiate, add, divide", ["Class", "z", "exp(z)", "p"]);
    this.safe = table("Shifted: subtract the maximum m first", ["Class", "z − m", "exp(z − m)", "p"]);
    this.verdict = html("p", { class: "explorer-verdict", "data-value": "verdict" });
    this.append(
      html("div", { class: "explorer-controls" }, this.dtype.row, this.shift.row),
      html("div", { class: "explorer-columns" }, this.naive, this.safe),
      this.verdict,
    );
  }

  update() {
    const c = this.shift.valueAsNumber;
    const { z, shifted, naive, safe } = steps(this.logits.map((x) => x + c), this.dtype.value);
    const rows = (inputs, { exps, sum, probs }) => [
      ...inputs.map((x, k) => [String(k + 1), number(x), number(exps[k]), probability(probs[k])]),
      ["sum", "", number(sum), ""],
    ];
    this.naive.fill(rows(z, naive));
    this.safe.fill(rows(shifted, safe));
    this.verdict.textContent = this.judgeTextbook(naive) + this.judgeLogits(shifted);
    this.announce(`${this.dtype.value}, c ${fixed(c, 0)}. ${this.verdict.textContent}`);
  }

  judgeTextbook({ exps, sum }) {
    if (exps.includes(Infinity)) {
      return "The textbook formula overflows: an exponential is inf, and inf/inf is nan.";
    }
    if (sum === Infinity) {
      return "Every exponential is finite, but their sum is inf: the textbook formula gives 0 for every class.";
    }
    if (sum === 0) {
      return "The textbook formula underflows: every exponential is 0, and 0/0 is nan.";
    }
    if (Math.max(...exps) < 2 ** FORMATS[this.dtype.value].smallest) {
      const which = exps.includes(0) ? "subnormal or 0" : "subnormal";
      return `The textbook formula is finite but has lost digits: every exponential is ${which}.`;
    }
    return "The textbook formula survives here.";
  }

  // Both formulas start from z + c as the format holds it. What counts is what the table shows:
  // in the last bit even float64 rounds most decimal fractions.
  judgeLogits(shifted) {
    const before = steps(this.logits, this.dtype.value).shifted;
    if (shifted.every((gap, k) => number(gap) === number(before[k]))) return "";
    return " Adding c has rounded the logits themselves: no formula brings their differences back.";
  }
}

define("dtype-explorer", DtypeExplorer);
