// Python for one page: loads Pyodide, runs cells, posts their outputs. Nothing else is fetched.
"use strict";

let python = null;
let send = null;

// Count every byte that arrives, so that the page can show how far the loading is.
const plainFetch = self.fetch.bind(self);
let loaded = 0;
self.fetch = async (...request) => {
  const response = await plainFetch(...request);
  if (!response.ok || !response.body) return response;
  const counter = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      postMessage({ kind: "progress", loaded });
      controller.enqueue(chunk);
    },
  });
  const { status, headers } = response;
  return new Response(response.body.pipeThrough(counter), { status, headers });
};

async function start({ pyodide, packages, wheel, runner, style }) {
  importScripts(`${pyodide}pyodide.js`);
  python = await loadPyodide({ indexURL: pyodide, packages });
  const missing = packages.filter((name) => !(name in python.loadedPackages));
  if (missing.length > 0) throw new Error(`could not be loaded: ${missing.join(", ")}`);
  const [archive, source, rc] = await Promise.all([
    ours(wheel, "arrayBuffer"), ours(runner, "text"), ours(style, "text"),
  ]);
  python.unpackArchive(archive, "wheel");
  python.FS.writeFile("matplotlibrc", rc);
  python.FS.writeFile("runner.py", source);
  python.runPython("import sys; sys.path.insert(0, '.'); import runner");
  if (packages.includes("matplotlib")) {
    python.runPython("runner.complete_backend(runner.figures)");
  }
  send = python.runPython(
    "import js, json\n" +
    "def send(kind, **parts): js.report(json.dumps({'kind': kind, **parts}))\n" +
    "send",
  );
}

async function ours(address, form) {
  const response = await plainFetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response[form]();
}

let running = null;
self.report = (text) => postMessage({ ...JSON.parse(text), cell: running });

self.onmessage = async ({ data }) => {
  if (data.kind === "start") {
    try {
      await start(data);
      postMessage({ kind: "ready" });
    } catch (error) {
      postMessage({ kind: "failed", text: String(error.message || error) });
    }
    return;
  }
  running = data.cell;
  const run = python.globals.get("runner").run;
  const ok = run(data.source, data.name, send);
  run.destroy();
  postMessage({ kind: "done", cell: data.cell, ok });
};
