"""Metric against SNR, a row a task and a column a channel, as the paper's figures 10 and 11 draw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.measured import Row, stated
from shared.errors import InvalidField

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
    tasks_a_row = 1 if len(panels) <= _MAX_STACKED else 2
    with panel_grid(-(-len(panels) // tasks_a_row), tasks_a_row * len(channels)) as (figure, axes):
        for number, panel in enumerate(panels):
            axes_of_task = axes[number * len(channels) :]
            for channel, own in zip(channels, axes_of_task, strict=False):
                if own is not axes_of_task[0]:
                    own.sharey(axes_of_task[0])
                _draw_panel(own, panel, channel, chosen)
        save(figure, provenance(chosen), path)
    return path


@contextmanager
def panel_grid(num_rows: int, num_columns: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with a grid of panels, row by row; those that are left empty are removed by `save`."""
    width, height = _PANEL_INCHES
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3, "axes.titlesize": 9, "font.size": 8}):
        figure = Figure((width * num_columns, height * num_rows + 0.4), layout="constrained")
        yield figure, list(figure.subplots(num_rows, num_columns, squeeze=False).flat)


def save(figure: Figure, origin: str, *paths: Path) -> None:
    """Write a figure with a line that states its origin; panels in which nothing was drawn are left out."""
    for axes in figure.axes:
        if not axes.has_data():
            axes.remove()
    figure.supxlabel(origin, fontsize=6.5)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)


def style_of(number: int) -> dict[str, Any]:
    """Colour and marker of a line, by its number."""
    shape = MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]
    return {"color": COLOURS[number % len(COLOURS)], "marker": shape, "markersize": 4}


def draw_line(axes: Axes, rows: Sequence[Row], number: int, label: str, *, has_interval: bool = True) -> None:
    """Draw values against SNR, with their 95 % intervals shaded where all rows have them.

    Args:
        axes: To draw in.
        rows: Of one line, at least one, in any order.
        number: Of the line in its panel; it chooses colour and marker.
        label: For the legend.
        has_interval: Whether intervals are drawn.
    """
    line = sorted(rows, key=lambda row: row["snr_db"])
    snrs_db, style = [row["snr_db"] for row in line], style_of(number)
    axes.plot(snrs_db, [row["value"] for row in line], label=label, **style)
    if has_interval and all(None not in (row.get("low"), row.get("high")) for row in line):
        lows, highs = [row["low"] for row in line], [row["high"] for row in line]
        axes.fill_between(snrs_db, lows, highs, color=style["color"], alpha=0.15, linewidth=0)


def draw_guesser(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw what guessing without the input reaches, if a row states it."""
    guessers = [row["guesser"] for row in rows if row.get("guesser") is not None]
    if guessers:
        axes.axhline(guessers[0], color="grey", linestyle="--", linewidth=1, label="guesser")


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
        draw_line(axes, [row for row in here if _line_of(row) == own], number, _label(own, lines))
    draw_guesser(axes, here)
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
    return (
        f"SNR = Es/N0 per complex symbol at unit mean power; CSI {stated(rows, 'csi')}; "
        f"link seed {stated(rows, 'seed')}; commit {stated(rows, 'commit')}"
    )
