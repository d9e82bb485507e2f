"""One picture of a system: how well each task is answered against SNR, and what an instance costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.measured import NO_NOISE_DB, Row, first_metrics
from experiments.report.plots import COLOURS, METRIC_TITLES, draw_line, provenance, save

_SIZE_INCHES = (10.0, 4.2)


def draw_overview(rows: Sequence[Row], path: Path) -> Path:
    """Draw answers against SNR over AWGN, and the payload of an instance.

    Only metrics between 0 and 1 share the axis of answers; PSNR is left out there.

    Args:
        rows: As `semcom figures` stores them, of one system.
        path: Of the picture to write.
    """
    figure = Figure(_SIZE_INCHES, layout="constrained")
    answers, cost = figure.subplots(1, 2, width_ratios=(3, 2))
    metrics = first_metrics(rows)
    shares = [own for own in metrics.items() if own[1] != "psnr_db"]
    for number, ((task, dataset), metric) in enumerate(shares):
        line = [
            row
            for row in rows
            if (row["task"], row["dataset"], row["metric"], row["channel"]) == (task, dataset, metric, "awgn")
            and row["snr_db"] != NO_NOISE_DB
        ]
        label = f"{task.replace('_', ' ')} on {dataset}: {METRIC_TITLES.get(metric, metric)}"
        draw_line(answers, line, number, label, has_interval=False)
    answers.set_ylim(0, 1.02)
    answers.set_xlabel("Es/N0 [dB], AWGN")
    answers.set_title("score of the answers", fontsize=9)
    answers.grid(alpha=0.3)
    answers.legend(fontsize=6.5, loc="lower right")
    _draw_cost(cost, rows, list(metrics))
    save(figure, provenance(rows), path)
    return path


def _draw_cost(axes: Axes, rows: Sequence[Row], names: list[tuple[str, str]]) -> None:
    """Mean payload of an instance, a bar a task and data set, on a logarithmic axis."""
    first = {(row["task"], row["dataset"]): row for row in reversed(rows)}
    payloads = [first[name]["payload_bytes"] for name in names]
    labels = [f"{task.replace('_', ' ')}\n{dataset}" for task, dataset in names]
    places = range(len(names))
    axes.barh(places, payloads, color=COLOURS[0])
    axes.set_yticks(places, labels, fontsize=6.5)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(right=12 * max(payloads))
    for place, (payload, name) in enumerate(zip(payloads, names, strict=True)):
        uses = f"{first[name]['channel_uses']:.4g} channel uses"
        axes.text(payload * 1.1, place, uses, va="center", fontsize=6.5)
    axes.set_xlabel("payload of an instance as float32 [bytes]")
    axes.set_title("what an instance costs", fontsize=9)
