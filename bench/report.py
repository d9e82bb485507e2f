"""What was measured: one JSON file of all parts, its tables as Markdown, and its pictures."""

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
from experiments.report.measured import markdown_table
from shared.cores import count_cores
from shared.provenance import cpu_name, current_commit

Figures = Mapping[str, Any]
_SERVERS = {"services": "three services", "litserve": "LitServe"}


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


def store(path: Path, name: str, origin: Figures, figures: Figures) -> list[Path]:
    """Put a part in the place of an earlier one of its name, and write tables and pictures of all parts.

    Args:
        path: The JSON file; made where absent. Tables and pictures lie beside it.
        name: Of the part.
        origin: Where and when it was measured.
        figures: What was measured.

    Returns:
        The files.
    """
    parts = json.loads(path.read_text()) if path.exists() else {}
    parts[name] = {"provenance": dict(origin), "figures": dict(figures)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, parts)
    tables = path.with_suffix(".md")
    tables.write_text("\n".join(_tables(parts)) + "\n", encoding="utf-8")
    picture = path.with_name(f"{path.stem}-{name}.png")
    if name in _PAINTERS:
        _PAINTERS[name](figures, _origin(origin), picture)
    return [path, tables, *([picture] if name in _PAINTERS else [])]


def _tables(parts: Figures) -> list[str]:
    lines = [
        "# Reliability, measured",
        "",
        "Written by `make soak`; docs/reliability.md tells what it means.",
    ]
    for name, part in parts.items():
        goals = [
            (goal, measured, "met" if is_met else "**not met**")
            for goal, measured, is_met in part["figures"]["goals"]
        ]
        lines += ["", f"## {name.capitalize()}", "", _origin(part["provenance"]), ""]
        lines += markdown_table("goal | measured | verdict", goals)
        for title, rows in part["figures"].items():
            if title not in ("goals", "memory", "latency") and isinstance(rows, list):
                lines += ["", *_table(rows)]
    return lines


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as they are, a column a figure; counts by status stand in one cell, lists are left out."""
    flat = [{**row, **({"statuses": _words(row["statuses"])} if "statuses" in row else {})} for row in rows]
    frame = pd.json_normalize(flat)
    frame = frame.loc[:, ~frame.map(lambda cell: isinstance(cell, list)).any()]
    heads = " | ".join(str(name).replace("_", " ") for name in frame)
    cells = frame.astype(object).where(frame.notna(), "").map(_shown)
    return markdown_table(heads, cells.to_numpy().tolist())


def _shown(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _words(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{'no answer' if name == '0' else name}: {count}" for name, count in statuses.items())


def _origin(where: Figures) -> str:
    return (
        f"Measured on {where['date']}, commit {where['commit']}, {where['cpu']}, {where['num_cores']} cores, "
        f"{where['form']} form; load average of the minute before: {where['load_average_before']:g}."
    )


def _draw_throughput(figures: Figures, origin: str, path: Path) -> None:
    """Requests a second against clients, a panel a task."""
    alone = pd.DataFrame(figures["in_process"]).groupby(["task", "batch"]).instances_per_s.max()
    tasks = alone.index.unique("task")
    with plots.panel_grid(1, len(tasks)) as (figure, panels):
        for axes, task in zip(panels, tasks, strict=True):
            for number, (key, label) in enumerate(_SERVERS.items()):
                cells = pd.DataFrame(figures[key]).query("task == @task")
                axes.plot(cells.num_clients, cells.requests_per_s, label=label, **plots.style_of(number))
            for (batch, rate), line in zip(alone[task].items(), (":", "--"), strict=True):
                axes.axhline(rate, color="grey", linestyle=line, label=f"one process, batch {batch}")
            axes.set(title=task, xscale="log", xlabel="clients", ylabel="requests a second")
            axes.set_ylim(bottom=0)
        panels[0].legend(fontsize=7)
        plots.save(figure, origin, path)


def _draw_long_run(figures: Figures, origin: str, path: Path) -> None:
    """Memory of each process, and latency, against requests answered."""
    memory = pd.DataFrame(figures["memory"]).set_index("num_answered")
    latency = pd.DataFrame(figures["latency"]).set_index("num_answered")
    with plots.panel_grid(1, 2) as (figure, (left, right)):
        memory.plot(ax=left, title="memory", xlabel="requests answered", ylabel="resident [MiB]")
        latency.plot(ax=right, title="latency", xlabel="requests answered", ylabel="[ms]", logy=True)
        left.set_ylim(bottom=0)
        plots.save(figure, origin, path)


_PAINTERS = {"throughput": _draw_throughput, "soak": _draw_long_run}
