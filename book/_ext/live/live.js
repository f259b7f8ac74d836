// Turns a chapter's cells into editable, runnable ones when the reader asks for it.
// Until then this file draws one box of buttons, and fetches nothing.
"use strict";

(() => {
  const { pyodide, base, wheel, lite, sizes } = document.currentScript.dataset;
  const address = (path) => new URL(path, new URL(base, document.baseURI)).href;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // ------------------------------------------------------------------ what the page needs

  const IMPORTS = [
    ["numpy", /./],
    ["matplotlib", /^\s*(?:from|import)\s+matplotlib\b/m],
    ["scipy", /^\s*(?:from|import)\s+(?:scipy|sklearn|softmax_lib\.(?:datasets|regression))\b/m],
    ["scikit-learn", /^\s*(?:from|import)\s+(?:sklearn|softmax_lib\.(?:datasets|regression))\b/m],
  ];
  const neededPackages = (code) =>
    IMPORTS.filter(([, pattern]) => pattern.test(code)).map(([name]) => name);

  // ------------------------------------------------------------------ one cell

  class Cell {
    constructor(element, number, page) {
      this.element = element;
      this.number = number;
      this.page = page;
      this.input = element.querySelector(".cell_input");
      this.pre = this.input.querySelector("pre");
      this.source = this.pre.textContent.replace(/\n$/, "");
      this.output = element.querySelector(".cell_output");
      this.hadOutput = this.output !== null;
      this.original = this.hadOutput ? this.output.innerHTML : "";
      this.state = "new"; // new, queued, running, done, failed
    }

    makeEditable() {
      this.editor = make("textarea", {
        className: "live-editor", value: this.source, spellcheck: false, wrap: "off",
      });
      this.editor.setAttribute("aria-label", `Code of cell ${this.number}`);
      this.editor.setAttribute("autocapitalize", "off");
      this.editor.setAttribute("autocomplete", "off");
      this.editor.addEventListener("input", () => { this.fit(); this.state = "new"; });
      this.editor.addEventListener("keydown", (event) => this.onKey(event));
      this.runButton = make("button", { type: "button", textContent: "Run" });
      this.runButton.addEventListener("click", () => this.page.runUpTo(this));
      this.resetButton = make("button", { type: "button", textContent: "Reset" });
      this.resetButton.addEventListener("click", () => this.reset());
      for (const button of [this.runButton, this.resetButton]) {
        button.setAttribute("aria-label", `${button.textContent} cell ${this.number}`);
      }
      this.status = make("span", { className: "live-status" });
      this.status.setAttribute("role", "status");
      this.bar = make("div", { className: "live-bar" },
        this.runButton, this.resetButton, this.status);
      this.pre.closest(".highlight").hidden = true;
      this.input.append(this.editor, this.bar);
      this.fit();
    }

    fit() {
      this.editor.rows = this.editor.value.split("\n").length;
    }

    onKey(event) {
      if (event.key === "Enter" && (event.ctrlKey || event.shiftKey || event.metaKey)) {
        event.preventDefault();
        this.page.runUpTo(this);
      } else if (event.key === "Enter") {
        const before = this.editor.value.slice(0, this.editor.selectionStart);
        const line = before.slice(before.lastIndexOf("\n") + 1);
        const indent = line.match(/^ */)[0] + (/:\s*$/.test(line) ? "    " : "");
        if (indent) {
          event.preventDefault();
          this.editor.setRangeText(`\n${indent}`, this.editor.selectionStart,
            this.editor.selectionEnd, "end");
          this.editor.dispatchEvent(new Event("input"));
        }
      }
    }

    reset() {
      this.editor.value = this.source;
      this.fit();
      this.state = "new";
      this.say("");
      if (this.output) this.output.innerHTML = this.original;
    }

    say(text) {
      this.status.textContent = text;
    }

    begin() {
      this.state = "running";
      this.say("Running…");
      if (!this.output) {
        this.output = make("div", { className: "cell_output docutils container" });
        (this.element.querySelector("details > .cell_input")?.parentElement ?? this.element)
          .append(this.output);
      }
      this.output.replaceChildren();
      this.last = null;
    }

    show(message) {
      const { kind } = message;
      if (kind === "stream") this.stream(message);
      if (kind === "error") this.output.append(make("pre", { className: "live-error", textContent: message.text }));
      if (kind === "figure") {
        const picture = make("img", { src: `data:image/png;base64,${message.png}` });
        picture.alt = this.alternative();
        picture.dataset.text = message.text;
        this.output.append(picture);
      }
      if (kind === "result" && message.html) {
        const holder = make("div", { className: "output text_html" });
        holder.innerHTML = message.html;
        holder.dataset.text = message.text;
        this.output.append(holder);
      } else if (kind === "result") {
        this.output.append(make("pre", { className: "live-result", textContent: message.text }));
      }
      if (kind !== "stream") this.last = null;
    }

    stream({ name, text }) {
      if (this.last?.name !== name) {
        const pre = make("pre", { className: `live-${name}` });
        this.output.append(pre);
        this.last = { name, pre };
      }
      this.last.pre.append(text);
    }

    // A redrawn figure shows what the chapter's own figure shows, until its code is changed.
    alternative() {
      const own = /alt="([^"]*)"/.exec(this.original);
      const text = own ? make("textarea", { innerHTML: own[1] }).value : "A figure drawn by this cell";
      return this.editor.value === this.source ? text : `${text} (drawn by your changed code)`;
    }

    end(ok) {
      this.state = ok ? "done" : "failed";
      this.say(ok ? "Done" : "An error ended this cell");
    }
  }

  // ------------------------------------------------------------------ the page

  class Page {
    constructor(cells) {
      this.cells = cells.map((element, index) => new Cell(element, index + 1, this));
      this.queue = [];
      this.packages = neededPackages(this.cells.map((cell) => cell.source).join("\n"));
      const table = JSON.parse(sizes);
      this.total = this.packages.reduce((sum, name) => sum + (table[name] ?? 0), table.core);
      this.drawBox();
    }

    drawBox() {
      this.startButton = make("button", { type: "button", textContent: "Run Python in this page" });
      this.startButton.addEventListener("click", () => this.start());
      this.allButton = make("button", { type: "button", textContent: "Run all", hidden: true });
      this.allButton.addEventListener("click", () => this.runAll());
      this.stopButton = make("button", { type: "button", textContent: "Stop", hidden: true, disabled: true });
      this.stopButton.addEventListener("click", () => this.stop());
      this.restartButton = make("button", { type: "button", textContent: "Restart", hidden: true });
      this.restartButton.addEventListener("click", () => this.restart("Python is fresh again."));
      this.progress = make("progress", { max: this.total, value: 0, hidden: true });
      this.progress.setAttribute("aria-label", "Loading Python");
      this.status = make("p", { className: "live-status" });
      this.status.setAttribute("role", "status");
      const notebook = make("a", { href: address(lite), textContent: "Open in JupyterLite" });
      this.idle =
        `Loads about ${Math.round(this.total / 1e6)} MB from ${new URL(pyodide, document.baseURI).host} ` +
        "when you press the button; your code stays in your browser.";
      this.status.textContent = this.idle;
      const box = make("div", { className: "live-box" },
        make("div", { className: "live-bar" }, this.startButton, this.allButton, this.stopButton,
          this.restartButton, notebook),
        this.progress, this.status);
      document.querySelector(".live-slot").replaceWith(box);
    }

    say(text) {
      this.status.textContent = text;
    }

    start() {
      if (location.protocol === "file:") {
        this.say("A page opened as a file may not run Python. Serve the site: make serve.");
        return;
      }
      if (!this.cells[0].editor) this.cells.forEach((cell) => cell.makeEditable());
      this.startButton.disabled = true;
      this.progress.hidden = false;
      this.load();
    }

    load() {
      this.ready = false;
      this.worker = new Worker(address("live/worker.js"));
      this.worker.onmessage = ({ data }) => this.receive(data);
      this.worker.onerror = (event) => this.fail(event.message || "the worker could not start");
      this.worker.postMessage({
        kind: "start", packages: this.packages, pyodide: new URL(pyodide, document.baseURI).href,
        wheel: address(wheel), runner: address("live/runner.py"), style: address("live/matplotlibrc"),
      });
      this.say("Loading Python…");
    }

    receive(message) {
      const cell = this.cells[message.cell];
      if (message.kind === "progress") {
        this.progress.value = Math.min(message.loaded, this.total);
        this.say(`Loading Python: ${megabytes(message.loaded)} of about ${megabytes(this.total)} MB`);
      } else if (message.kind === "ready") {
        this.ready = true;
        this.progress.hidden = true;
        this.startButton.hidden = true;
        for (const button of [this.allButton, this.stopButton, this.restartButton]) button.hidden = false;
        this.say("Python is ready. Edit a cell; Ctrl+Enter or Shift+Enter runs it, after the cells before it.");
        if (document.activeElement === document.body || document.activeElement === this.startButton) {
          this.allButton.focus();
        }
        this.next();
      } else if (message.kind === "failed") {
        this.fail(message.text);
      } else if (message.kind === "done") {
        cell.end(message.ok);
        this.running = null;
        if (!message.ok) this.clearQueue();
        this.next();
      } else {
        cell.show(message);
      }
    }

    fail(reason) {
      this.worker?.terminate();
      this.ready = false;
      this.running = null;
      this.clearQueue();
      this.progress.hidden = true;
      this.startButton.hidden = false;
      this.startButton.disabled = false;
      this.startButton.textContent = "Try again";
      for (const button of [this.allButton, this.stopButton, this.restartButton]) button.hidden = true;
      this.say(`Python could not be loaded: ${reason}. Are you online, and is the source reachable?`);
    }

    // Earlier cells that have not run yet, or were changed, come first.
    runUpTo(cell) {
      cell.state = "new";
      const before = this.cells.filter((other) => other.number <= cell.number);
      this.enqueue(before.filter((other) => other.state === "new" || other.state === "failed"));
    }

    runAll() {
      this.enqueue(this.cells);
    }

    enqueue(cells) {
      for (const cell of cells) {
        if (this.queue.includes(cell) || this.running === cell) continue;
        cell.state = "queued";
        cell.say("Waiting…");
        this.queue.push(cell);
      }
      if (this.ready) this.next();
    }

    clearQueue() {
      for (const cell of this.queue) {
        cell.state = "new";
        cell.say("Not run");
      }
      this.queue = [];
    }

    next() {
      this.stopButton.disabled = this.queue.length === 0;
      if (this.running || !this.ready) return;
      const cell = this.queue.shift();
      if (!cell) {
        document.documentElement.dataset.live = "idle";
        return;
      }
      document.documentElement.dataset.live = "running";
      this.running = cell;
      this.stopButton.disabled = false;
      cell.begin();
      this.worker.postMessage({
        kind: "run", cell: cell.number - 1, name: String(cell.number), source: cell.editor.value,
      });
    }

    stop() {
      if (this.running) this.running.end(false);
      this.restart("Stopped. Python was restarted; the cells before run again when you run one.");
    }

    restart(text) {
      this.worker.terminate();
      this.running = null;
      this.clearQueue();
      for (const cell of this.cells) {
        if (cell.state === "done") cell.state = "new";
      }
      this.load();
      this.say(text);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const cells = [...document.querySelectorAll("article div.cell")].filter((cell) =>
      cell.querySelector(".cell_input pre"));
    if (cells.length > 0) document.documentElement.dataset.live = "off";
    if (cells.length > 0) new Page(cells);
  });
})();
