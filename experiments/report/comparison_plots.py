"""Pictures of the comparison: score against SNR, like figures 10 and 11 of the paper, and channel uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.evaluation.comparison import Row, line_of, lines_of
from experiments.report.comparison import COST_SNR_DB, uses_of
from experiments.report.plots import COLOURS, MARKERS, METRIC_TITLES, provenance

_PANEL_INCHES = (4.2, 2.9)
_SUFFIXES = (".png", ".svg")


def draw_scores(rows: Sequence[Row], channel: str, stem: Path) -> list[Path]:
    """Draw each task's score against SNR over one channel, a line a system, 95 % intervals shaded.

    Args:
        rows: Of a comparison.
        channel: Its rows alone are drawn; at least one.
        stem: Path of the pictures without suffix.

    Returns:
        A PNG and an SVG file.
    """
    return _draw([row for row in rows if row["channel"] == channel], stem, _draw_task_scores)


def draw_costs(rows: Sequence[Row], stem: Path) -> list[Path]:
    """Draw each task's score at one SNR against channel uses, a point a system and channel.

    Args:
        rows: Of a comparison; at least one of COST_SNR_DB.
        stem: Path of the pictures without suffix.

    Returns:
        A PNG and an SVG file.
    """
    return _draw([row for row in rows if row["snr_db"] == COST_SNR_DB], stem, _draw_task_costs)


def _draw(rows: Sequence[Row], stem: Path, draw_panel: Callable[[Axes, list[Row]], None]) -> list[Path]:
    """One panel a task, two in a row."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    num_columns = min(2, len(tasks))
    num_rows = -(-len(tasks) // num_columns)
    width, height = _PANEL_INCHES
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3, "axes.titlesize": 9, "font.size": 8}):
        figure = Figure((width * num_columns, height * num_rows + 0.4), layout="constrained")
        panels = list(figure.subplots(num_rows, num_columns, squeeze=False).flat)
        for task, axes in zip(tasks, panels, strict=False):
            here = [row for row in rows if row["task"] == task]
            draw_panel(axes, here)
            first = here[0]
            axes.set_title(f"{task} on {first['dataset']}, n = {first['num_instances']}")
            axes.set_ylabel(METRIC_TITLES.get(first["metric"], first["metric"]))
            axes.legend(fontsize=7)
        for axes in panels[len(tasks) :]:
            axes.remove()
        figure.supxlabel(provenance(rows).replace("; CSI", ";\nCSI"), fontsize=6.5)
        paths = [stem.with_name(stem.name + suffix) for suffix in _SUFFIXES]
        for path in paths:
            figure.savefig(path, dpi=130)
    return paths


def _draw_task_scores(axes: Axes, rows: list[Row]) -> None:
    for number, (_, name) in enumerate(lines_of(rows)):
        line = sorted((row for row in rows if line_of(row) == name), key=lambda row: row["snr_db"])
        if not line:
            continue
        colour = COLOURS[number % len(COLOURS)]
        snrs_db = [row["snr_db"] for row in line]
        axes.plot(
            snrs_db, [row["value"] for row in line], marker=MARKERS[number % len(MARKERS)], markersize=4,
            color=colour, label=f"{name}, {uses_of(line)} channel uses",
        )  # fmt: skip
        lows, highs = [row["low"] for row in line], [row["high"] for row in line]
        axes.fill_between(snrs_db, lows, highs, color=colour, alpha=0.15, linewidth=0)
    guessers = [row["guesser"] for row in rows if row["guesser"] is not None]
    if guessers:
        axes.axhline(guessers[0], color="grey", linestyle="--", linewidth=1, label="guesser")
    axes.set_xlabel(f"Es/N0 [dB], {rows[0]['channel']}")


def _draw_task_costs(axes: Axes, rows: list[Row]) -> None:
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    for number, (_, name) in enumerate(lines_of(rows)):
        for row in (row for row in rows if line_of(row) == name):
            errors = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
            colour = COLOURS[number % len(COLOURS)]
            face = colour if row["channel"] == channels[0] else "none"
            axes.errorbar(
                row["channel_uses"], row["value"], yerr=errors, marker=MARKERS[number % len(MARKERS)],
                color=colour, markerfacecolor=face, linestyle="none", capsize=2,
                label=f"{name}, {row['channel']}",
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel(f"channel uses an instance, at {COST_SNR_DB:g} dB")
