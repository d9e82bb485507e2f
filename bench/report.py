"""What was measured: one JSON file of all parts, and its pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.evaluation.results import write_json
from experiments.report import plots
from shared.provenance import cpu_name, current_commit
from shared.runtime.cores import count_cores

Figures = Mapping[str, Any]


def provenance(*, is_long: bool) -> dict[str, Any]:
    """Where and when figures are taken."""
    return {
        "commit": current_commit(),
        "cpu": cpu_name(),
        "num_cores": count_cores(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "form": "long" if is_long else "short",
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def store(path: Path, name: str, where: Figures, figures: Figures) -> None:
    """Put a part in the place of an earlier one of its name, and draw it.

    Args:
        path: The JSON file; made where absent. Pictures lie beside it.
        name: Of the part.
        where: And when it was measured.
        figures: What was measured.
    """
    parts = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {**parts, name: {"provenance": where, "figures": figures}})
    if name in _PAINTERS:
        origin = (
            f"Measured on {where['date']}, commit {where['commit']}, {where['cpu']}, "
            f"{where['num_cores']} cores, {where['form']} form"
        )
        _PAINTERS[name](figures, origin, path.with_name(f"{path.stem}-{name}.png"))


def _draw_throughput(figures: Figures, origin: str, path: Path) -> None:
    """Requests a second against clients, a panel a task."""
    alone = pd.DataFrame(figures["in_process"]).groupby(["task", "batch"], sort=False).instances_per_s.max()
    tasks = alone.index.unique("task")
    with plots.panel_grid(1, len(tasks)) as (figure, panels):
        for axes, task in zip(panels, tasks, strict=True):
            for number, name in enumerate(("services", "litserve")):
                cells = pd.DataFrame(figures[name]).query("task == @task")
                axes.plot(cells.num_clients, cells.requests_per_s, label=name, **plots.style_of(number))
            for (batch, rate), line in zip(alone[task].items(), (":", "--"), strict=True):
                axes.axhline(rate, color="grey", linestyle=line, label=f"one process, batch {batch}")
            axes.set(title=task, xscale="log", xlabel="clients", ylabel="requests a second")
            axes.set_ylim(bottom=0)
        panels[0].legend(fontsize=7)
        plots.save(figure, origin, path)


def _draw_long_run(figures: Figures, origin: str, path: Path) -> None:
    """Memory of each process, and latency, against requests answered."""
    memory, latency = (
        pd.DataFrame(figures[name]).set_index("num_answered") for name in ("memory", "latency")
    )
    with plots.panel_grid(1, 2) as (figure, (left, right)):
        memory.plot(
            ax=left, title="memory", xlabel="requests answered", ylabel="resident [MiB]", ylim=(0, None)
        )
        latency.plot(ax=right, title="latency", xlabel="requests answered", ylabel="[ms]", logy=True)
        plots.save(figure, origin, path)


_PAINTERS = {"throughput": _draw_throughput, "soak": _draw_long_run}
