"""`semcom figures` measures every data set of every task, and writes rows, pictures, card and table."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_data import small_examples
from small_runs import SYSTEM, start_small

from experiments.commands.figures import figures_command
from experiments.evaluation.results import read_figures
from experiments.report.measured import NO_NOISE_DB, table_of
from experiments.training.checkpoints import export
from experiments.training.recipes import Recipe, TaskRecipe

_MARKS = "<!-- written by semcom figures -->\n<!-- end -->\n"


@pytest.mark.usefixtures("small_data")
def test_figures_are_measured_once_and_written_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.commands.figures.load_examples", small_examples)
    names = {"sentiment": ("words",), "image_reconstruction": ("colours",)}
    monkeypatch.setattr("experiments.commands.figures.sets_of", names.__getitem__)
    tasks = {task: TaskRecipe(steps=1, batch=8) for task in ("sentiment", "image_reconstruction")}
    weights, results, readme = tmp_path / "weights", tmp_path / "results", tmp_path / "README.md"
    export(start_small(Recipe(tasks)), weights / SYSTEM)
    readme.write_text(_MARKS)
    for _ in range(2):
        figures_command(SYSTEM, weights, results, readme, limit=4)
    rows = read_figures([results / f"{SYSTEM}.json"])
    places = {(row["task"], row["metric"], row["channel"], row["snr_db"]) for row in rows}
    assert len(places) == len(rows)
    assert ("sentiment", "accuracy", "awgn", NO_NOISE_DB) in places
    assert ("image_reconstruction", "psnr_db", "rayleigh", -6.0) in places
    for written in (readme, weights / SYSTEM / "README.md"):
        assert "\n".join(table_of(rows)) in written.read_text()
    for name in (f"{SYSTEM}.png", f"{SYSTEM}.svg", f"{SYSTEM}-overview.png"):
        assert (results / name).stat().st_size > 1000
