"""Pictures of the comparison: score against SNR, like figures 10 and 11 of the paper, and channel uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from experiments.evaluation.comparison import Row, line_of, lines_of
from experiments.report import plots

COST_SNR_DB = 12.0
"""The SNR at which scores stand against channel uses [dB]."""
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
    paths = [stem.with_name(stem.name + suffix) for suffix in _SUFFIXES]
    with plots.panel_grid(-(-len(tasks) // num_columns), num_columns) as (figure, panels):
        for task, axes in zip(tasks, panels, strict=False):
            here = [row for row in rows if row["task"] == task]
            draw_panel(axes, here)
            first = here[0]
            axes.set_title(f"{task} on {first['dataset']}, n = {first['num_instances']}")
            axes.set_ylabel(plots.METRIC_TITLES.get(first["metric"], first["metric"]))
            axes.legend(fontsize=7)
        plots.save(figure, plots.provenance(rows).replace("; CSI", ";\nCSI"), *paths)
    return paths


def _draw_task_scores(axes: Axes, rows: list[Row]) -> None:
    for number, (_, name) in enumerate(lines_of(rows)):
        line = [row for row in rows if line_of(row) == name]
        if line:
            plots.draw_line(axes, line, number, f"{name}, {uses_of(line)} channel uses")
    plots.draw_guesser(axes, rows)
    axes.set_xlabel(f"Es/N0 [dB], {rows[0]['channel']}")


def _draw_task_costs(axes: Axes, rows: list[Row]) -> None:
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    for number, (_, name) in enumerate(lines_of(rows)):
        for row in (row for row in rows if line_of(row) == name):
            errors = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
            style = plots.style_of(number)
            face = style["color"] if row["channel"] == channels[0] else "none"
            axes.errorbar(
                row["channel_uses"], row["value"], yerr=errors, markerfacecolor=face, linestyle="none",
                capsize=2, label=f"{name}, {row['channel']}", **style,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel(f"channel uses an instance, at {COST_SNR_DB:g} dB")


def uses_of(rows: Iterable[Row]) -> str:
    """Channel uses of an instance over the SNRs of a line: one number, or the least and the most."""
    uses = sorted(row["channel_uses"] for row in rows)
    least, most = quantity(uses[0]), quantity(uses[-1])
    return least if least == most else f"{least} to {most}"


def quantity(value: float) -> str:
    """Bytes or channel uses: whole numbers from a thousand on, else four digits."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
