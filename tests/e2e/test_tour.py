"""The cells of docs/tour.ipynb run in order; SEMCOM_UPDATE_EXPECTED=1 writes their outputs into it."""

import base64
import contextlib
import io
import json
import os
import re
from pathlib import Path

import matplotlib
import pytest

from shared.weights import find_weights

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "tour.ipynb"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
TIME = re.compile(r"\d+\.\d+ ms")
matplotlib.use("Agg")


def run_cell(cell, names):
    """Run a code cell; what it printed, and its figures as PNG in base64."""
    from matplotlib import pyplot

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile("".join(cell["source"]), "tour.ipynb", "exec"), names)  # the cells are ours
    figures = []
    for number in pyplot.get_fignums():
        buffer = io.BytesIO()
        pyplot.figure(number).savefig(buffer, format="png", dpi=90, bbox_inches="tight")
        figures.append(base64.b64encode(buffer.getvalue()).decode("ascii"))
    pyplot.close("all")
    return printed.getvalue(), figures


def assert_as_stored(printed, cell):
    """A cell printed what the notebook shows: the words, and the numbers to their rounding; times apart."""
    stored = "".join(line for output in cell["outputs"] for line in output.get("text", []))
    now, before = TIME.sub("T ms", printed), TIME.sub("T ms", stored)
    assert NUMBER.sub("N", now) == NUMBER.sub("N", before)
    assert [float(number) for number in NUMBER.findall(now)] == pytest.approx(
        [float(number) for number in NUMBER.findall(before)], abs=0.051
    )


def outputs_of(printed, figures):
    """The same as a notebook stores it."""
    streams = [{"name": "stdout", "output_type": "stream", "text": printed.splitlines(keepends=True)}]
    shown = [
        {"data": {"image/png": figure}, "metadata": {}, "output_type": "display_data"} for figure in figures
    ]
    return (streams if printed else []) + shown


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_the_tour_runs_from_the_first_cell_to_the_last():
    if not find_weights(ROOT / "weights"):
        pytest.skip("no weights are shipped")
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 10
    names = {}
    try:
        results = [run_cell(cell, names) for cell in cells]
    finally:
        if "stack" in names:
            names["stack"].stop()
    assert "positive" in results[3][0]
    assert "16 channel uses" in results[4][0]
    assert [len(figures) for _, figures in results] == [0, 0, 0, 0, 0, 0, 1, 1, 0, 0]
    assert names["means_db"][-1] > names["means_db"][0] + 3
    if os.environ.get("SEMCOM_UPDATE_EXPECTED"):
        for number, (cell, result) in enumerate(zip(cells, results, strict=True), start=1):
            cell["outputs"], cell["execution_count"] = outputs_of(*result), number
        NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for cell, (printed, _) in zip(cells, results, strict=True):
        assert_as_stored(printed, cell)
