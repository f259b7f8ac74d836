"""Run a chapter's cells inside Pyodide, as a notebook would: one namespace, outputs in order.

The worker calls ``run(source, cell, send)``; every output goes through ``send(kind, **parts)``.
"""

import ast
import base64
import io
import linecache
import os
import sys
import traceback
import types
from contextlib import redirect_stderr, redirect_stdout

namespace = {"__name__": "__main__"}


class Stream(io.TextIOBase):
    """A text stream that hands on what is written, at once."""

    def __init__(self, name, send):
        self.name, self.send = name, send

    def writable(self):
        return True

    def write(self, text):
        if text:
            self.send("stream", name=self.name, text=text)
        return len(text)


def run(source, cell, send):
    """Run one cell and send its outputs; return whether it ended without an exception."""
    file = f"<cell {cell}>"
    # Tracebacks quote the reader's own lines from here.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    figures.send = send
    try:
        with redirect_stdout(Stream("stdout", send)), redirect_stderr(Stream("stderr", send)):
            value = evaluate(source, file)
            if value is not None:
                send_result(value, send)
            figures.show()
    except BaseException as error:  # SystemExit and KeyboardInterrupt too end only the cell
        send("error", text=described(error, file))
        return False
    return True


def evaluate(source, file):
    """Execute a cell and return the value of its last line, if that is an expression."""
    tree = ast.parse(source, file)
    shows = bool(tree.body) and isinstance(tree.body[-1], ast.Expr)
    last = ast.Expression(tree.body.pop().value) if shows else None
    exec(compile(tree, file, "exec"), namespace)
    if last is None:
        return None
    value = eval(compile(last, file, "eval"), namespace)
    return None if source.rstrip().endswith(";") else value


def send_result(value, send):
    html = value._repr_html_() if hasattr(value, "_repr_html_") else None
    send("result", text=repr(value), html=html)


def described(error, file):
    """Format a traceback that begins in the reader's cell, not in this file."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != file:
        frame = frame.tb_next
    lines = traceback.format_exception(type(error), error, frame, chain=frame is not None)
    return "".join(lines)


def figure_backend():
    """Make the module through which matplotlib hands its figures to the page."""
    backend = types.ModuleType("page_figures")

    def show(*args, **kwargs):
        if "matplotlib.pyplot" not in sys.modules:
            return
        pyplot = sys.modules["matplotlib.pyplot"]
        for number in pyplot.get_fignums():
            figure, picture = pyplot.figure(number), io.BytesIO()
            figure.savefig(picture, format="png")
            backend.send(
                "figure", png=base64.b64encode(picture.getvalue()).decode(), text=repr(figure)
            )
            pyplot.close(figure)

    backend.show = show
    return backend


def complete_backend(backend):
    """Add what matplotlib asks of a backend, once matplotlib is there."""
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    backend.FigureCanvas, backend.FigureManager = FigureCanvasAgg, FigureManagerBase


figures = figure_backend()
sys.modules["page_figures"] = figures
os.environ["MPLBACKEND"] = "module://page_figures"
