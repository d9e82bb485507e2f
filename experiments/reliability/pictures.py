"""Pictures of the document: throughput against clients, and memory and latency over a long run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.reliability.prepared import BATCHES
from experiments.reliability.verdicts import in_process_row
from experiments.report import plots

_SERVERS = {"services": "three services", "litserve": "LitServe"}


def draw_throughput(figures: Mapping[str, Any], origin: str, path: Path) -> Path:
    """Requests a second against clients, a panel a task.

    Args:
        figures: Of the part `throughput`.
        origin: Where and when they were measured.
        path: Of the picture.
    """
    tasks = [goal["task"] for goal in figures["goals"]]
    with plots.panel_grid(1, len(tasks)) as (figure, panels):
        for axes, task in zip(panels, tasks, strict=True):
            for number, (key, label) in enumerate(_SERVERS.items()):
                cells = [cell for cell in figures[key] if cell["task"] == task]
                clients = [cell["num_clients"] for cell in cells]
                rates = [cell["requests_per_s"] for cell in cells]
                axes.plot(clients, rates, label=label, **plots.style_of(number))
            for batch, line in zip(BATCHES, (":", "--"), strict=True):
                rate = in_process_row(figures, task, batch)["instances_per_s"]
                axes.axhline(rate, color="grey", linestyle=line, label=f"one process, batch {batch}")
            axes.set(title=task, xscale="log", xlabel="clients", ylabel="requests a second")
            axes.set_ylim(bottom=0)
        panels[0].legend(fontsize=7)
        plots.save(figure, origin, path)
    return path


def draw_soak(figures: Mapping[str, Any], origin: str, path: Path) -> Path:
    """Memory of each process, and latency, against requests answered.

    Args:
        figures: Of the part `soak`.
        origin: Where and when they were measured.
        path: Of the picture.
    """
    memories, pieces = figures["memory"], figures["latency"]
    with plots.panel_grid(1, 2) as (figure, (left, right)):
        counts = [memory["num_answered"] for memory in memories]
        for colour, name in zip(plots.COLOURS, memories[0]["mib"], strict=False):
            left.plot(counts, [memory["mib"][name] for memory in memories], color=colour, label=name)
        left.set(title="memory", xlabel="requests answered", ylabel="resident [MiB]")
        left.set_ylim(bottom=0)
        answered = [piece["num_answered"] for piece in pieces]
        for number, key in enumerate(("p50_ms", "p99_ms")):
            style = plots.style_of(number)
            right.plot(answered, [piece[key] for piece in pieces], label=key.removesuffix("_ms"), **style)
        right.set(title="latency", xlabel="requests answered", ylabel="[ms]", yscale="log")
        for axes in (left, right):
            axes.legend(fontsize=7)
        plots.save(figure, origin, path)
    return path
