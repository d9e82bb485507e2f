"""Metric against SNR, a row a task and a column a channel, as the paper's figures 10 and 11 draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared.errors import InvalidField

Row = Mapping[str, Any]

_PANEL_INCHES = (4.2, 2.7)
_MAX_STACKED = 4  # more tasks than these stand two in a row
_LINE = (
    *("system", "channel_uses", "fingerprint", "commit", "over_network"),
    *("split", "num_instances", "num_realisations", "seed"),
)
MARKERS = "osD^vPX*"
# Told apart by colour-blind readers too (Okabe and Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
METRIC_TITLES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "psnr_db": "PSNR [dB]",
    "bleu_4": "BLEU-4",
    "bleu_1": "BLEU-1",
    "micro_f1": "micro-F1, 13 genres",
    "macro_f1": "macro-F1, 13 genres",
    "micro_f1_all": "micro-F1, all genres",
    "macro_f1_all": "macro-F1, all genres",
    "word_accuracy": "word accuracy (1 - WER)",
}


def plot_figures(rows: Sequence[Row], path: Path, *, metrics: Sequence[str] = ()) -> Path:
    """Draw measured figures, the guesser dashed, 95 % intervals shaded.

    A line holds the figures of one system at one rate that were measured alike.

    Args:
        rows: As `semcom evaluate --output` writes them.
        path: Of the picture; its suffix chooses PNG, SVG or PDF.
        metrics: Draw these alone; all when empty.

    Raises:
        InvalidField: If no row is left to draw, or the suffix is unknown.
    """
    chosen = [row for row in rows if not metrics or row["metric"] in metrics]
    if not chosen:
        known = sorted({str(row["metric"]) for row in rows})
        raise InvalidField("metrics", ", ".join(metrics), ", ".join(known) or "figures to draw")
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise InvalidField("output", path.name, "a name that ends in .png, .svg or .pdf")
    panels = list(dict.fromkeys((row["task"], row["dataset"], row["metric"]) for row in chosen))
    channels = list(dict.fromkeys((row["channel"], row["fading"]) for row in chosen))
    width, height = _PANEL_INCHES
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3, "axes.titlesize": 9, "font.size": 8}):
        tasks_a_row = 1 if len(panels) <= _MAX_STACKED else 2
        num_rows, num_columns = -(-len(panels) // tasks_a_row), tasks_a_row * len(channels)
        figure = Figure((width * num_columns, height * num_rows + 0.4), layout="constrained")
        grid = figure.subplots(num_rows, num_columns, squeeze=False, sharex=True).reshape(-1, len(channels))
        for panel, axes_of_task in zip(panels, grid, strict=False):
            for channel, axes in zip(channels, axes_of_task, strict=True):
                if axes is not axes_of_task[0]:
                    axes.sharey(axes_of_task[0])
                _draw_panel(axes, panel, channel, chosen)
        for axes in grid[len(panels) :].flat:
            axes.remove()
        figure.supxlabel(provenance(chosen), fontsize=7)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
    return path


def _draw_panel(
    axes: Axes, panel: tuple[str, str, str], channel: tuple[str, str], rows: Sequence[Row]
) -> None:
    task, dataset, metric = panel
    model, fading = channel
    here = [
        row
        for row in rows
        if (row["task"], row["dataset"], row["metric"]) == panel
        and (row["channel"], row["fading"]) == channel
    ]
    lines = list(dict.fromkeys(map(_line_of, here)))
    for number, own in enumerate(lines):
        line = sorted((row for row in here if _line_of(row) == own), key=lambda row: row["snr_db"])
        snrs_db, values = [row["snr_db"] for row in line], [row["value"] for row in line]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            snrs_db, values, marker=MARKERS[number % len(MARKERS)], markersize=4, color=colour,
            label=_label(own, lines),
        )  # fmt: skip
        bounds = [(row.get("low"), row.get("high")) for row in line]
        if all(None not in bound for bound in bounds):
            lows, highs = zip(*bounds, strict=True)
            axes.fill_between(snrs_db, lows, highs, color=colour, alpha=0.15, linewidth=0)
    guessers = [row["guesser"] for row in here if row.get("guesser") is not None]
    if guessers:
        axes.axhline(guessers[0], color="grey", linestyle="--", linewidth=1, label="guesser")
    axes.set_title(f"{task} on {dataset}, {model}" + (f" ({fading})" if model != "awgn" else ""))
    axes.set_ylabel(METRIC_TITLES.get(metric, metric))
    axes.set_xlabel("Es/N0 [dB]")
    axes.legend(fontsize=7)


def _line_of(row: Row) -> tuple[Any, ...]:
    """What the points of one line share."""
    return tuple(row.get(name) for name in _LINE)


def _label(line: tuple[Any, ...], lines: Sequence[tuple[Any, ...]]) -> str:
    """System and rate, and whatever else tells this line from others in its panel."""
    system, channel_uses, *others = line
    told = [
        f"{name.replace('_', ' ')} {value}"
        for name, value, values in zip(_LINE[2:], others, list(zip(*lines, strict=True))[2:], strict=True)
        if len(set(values)) > 1
    ]
    return ", ".join([str(system), f"{channel_uses:.4g} channel uses", *told])


def provenance(rows: Sequence[Row]) -> str:
    """One line that states what all of these rows were measured with."""

    def stated(name: str) -> str:
        return ", ".join(sorted({str(row[name]) for row in rows}))

    return (
        "SNR = Es/N0 per complex symbol at unit mean power; "
        f"CSI {stated('csi')}; link seed {stated('seed')}; commit {stated('commit')}"
    )
