"""Pictures of the document: throughput against clients, and memory and latency over a long run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.reliability.prepared import BATCHES
from experiments.reliability.verdicts import in_process_row
from experiments.report.plots import COLOURS

_STYLE: Any = {"axes.grid": True, "grid.alpha": 0.3, "axes.titlesize": 9, "font.size": 8}
_DPI = 150


def draw_throughput(figures: Mapping[str, Any], path: Path) -> Path:
    """Requests a second against clients, a panel a task.

    Args:
        figures: Of the part `throughput`.
        path: Of the picture.
    """
    tasks = [goal["task"] for goal in figures["goals"]]
    with mpl.rc_context(_STYLE):
        figure = Figure((3.2 * len(tasks), 2.8), layout="constrained")
        panels = figure.subplots(1, len(tasks), squeeze=False).flat
        for axes, task in zip(panels, tasks, strict=True):
            for colour, (label, key) in zip(
                COLOURS, (("three services", "services"), ("LitServe", "litserve")), strict=False
            ):
                cells = [cell for cell in figures[key] if cell["task"] == task]
                clients = [cell["num_clients"] for cell in cells]
                rates = [cell["requests_per_s"] for cell in cells]
                axes.plot(clients, rates, marker="o", color=colour, label=label)
            for batch, line in zip(BATCHES, (":", "--"), strict=True):
                rate = in_process_row(figures, task, batch)["instances_per_s"]
                axes.axhline(rate, color="grey", linestyle=line, label=f"one process, batch {batch}")
            axes.set(title=task, xscale="log", xlabel="clients", ylabel="requests a second")
            axes.set_ylim(bottom=0)
        panels_first = figure.axes[0]
        panels_first.legend(fontsize=7)
        figure.savefig(path, dpi=_DPI)
    return path


def draw_soak(figures: Mapping[str, Any], path: Path) -> Path:
    """Memory of each process, and latency, against requests answered.

    Args:
        figures: Of the part `soak`.
        path: Of the picture.
    """
    memories, pieces = figures["memory"], figures["latency"]
    with mpl.rc_context(_STYLE):
        figure = Figure((7.0, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        counts = [memory["num_answered"] for memory in memories]
        for colour, name in zip(COLOURS, memories[0]["mib"], strict=False):
            left.plot(counts, [memory["mib"][name] for memory in memories], color=colour, label=name)
        left.set(title="memory", xlabel="requests answered", ylabel="resident [MiB]")
        left.set_ylim(bottom=0)
        left.legend(fontsize=7)
        answered = [piece["num_answered"] for piece in pieces]
        for colour, key in zip(COLOURS, ("p50_ms", "p99_ms"), strict=False):
            right.plot(
                answered, [piece[key] for piece in pieces], color=colour, label=key.removesuffix("_ms")
            )
        right.set(title="latency", xlabel="requests answered", ylabel="[ms]", yscale="log")
        right.legend(fontsize=7)
        figure.savefig(path, dpi=_DPI)
    return path
