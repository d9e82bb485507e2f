"""Answers, links and reports as tables that people read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]

_HOPS = ("encode", "uplink", "channel", "downlink", "decode", "total")
_STATISTICS = ("mean", "p50", "p90", "p99")
_MAX_TEXT_CHARS = 60


def _show_label(answer: Row) -> str:
    return f"{answer['label']} {answer['probabilities'][answer['label']]:.2f}"


def _show_labels(answer: Row) -> str:
    shown = (f"{label} {answer['probabilities'][label]:.2f}" for label in answer["labels"])
    return ", ".join(shown) or "none"


_SHOW_ANSWER: dict[str, Callable[[Row], str]] = {
    "label": _show_label,
    "labels": _show_labels,
    "text": lambda answer: shorten(answer["text"]),
    "image_png_base64": lambda answer: f"PNG picture, {len(answer['image_png_base64']) * 3 // 4:,} bytes",
}


def show_answer(answer: Row) -> str:
    """An answer of any kind as a few words, with its probability where it has one."""
    return next(show(answer) for kind, show in _SHOW_ANSWER.items() if kind in answer)


def shorten(text: str) -> str:
    """The text's beginning, at most 60 characters."""
    return text if len(text) <= _MAX_TEXT_CHARS else text[: _MAX_TEXT_CHARS - 1] + "…"


def _number(value: Any, decimals: int = 2) -> str:
    """Integers as they are, other figures rounded; absent ones as a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.{decimals}f}"


def instance_table(result: Row) -> Table:
    """What one instance was answered, over which channel, at which cost."""
    table = Table("", "", title=f"{result['task']} over {result['channel']}", show_header=False, min_width=50)
    table.add_row("answer", Text(show_answer(result["answer"]), style="bold green"))
    for name, score in result["scores"].items():
        table.add_row(name, _number(score))
    table.add_section()
    table.add_row("system", f"{result['system']} (fingerprint {result['fingerprint']})")
    fading = "" if result["channel"] == "awgn" else f", {result['fading']} fading, CSI {result['csi']}"
    table.add_row("channel", f"{result['channel']}{fading}, link {result['link']}")
    for stage in ("requested", "realised", "post_equalisation"):
        table.add_row(f"{stage.replace('_', '-')} SNR", f"{result[f'{stage}_snr_db']:.2f} dB")
    table.add_row("frame", f"number {result['frame_number']}, seed {result['seed']}")
    table.add_section()
    for name, value in result["overhead"].items():
        table.add_row(name.replace("_", " "), _number(value, 4))
    table.add_section()
    for hop in _HOPS:
        table.add_row(f"{hop} ms", f"{result['latency_ms'][hop]:.2f}")
    return table


def task_table(tasks: Iterable[Row]) -> Table:
    """The tasks with what each takes, and the systems that hold weights for it."""
    table = Table("task", "takes", "answers with", "metric", "trained in", "question", title="Tasks")
    for task in tasks:
        trained = ", ".join(task["trained_in"])
        table.add_row(
            task["name"],
            " + ".join(task["modalities"]),
            task["answer"],
            task["metric"],
            Text(trained or "not yet", style="green" if trained else "dim"),
            task["description"],
        )
    return table


def link_table(links: Iterable[Row]) -> Table:
    """Links, a column each, with their settings, a row each."""
    links = list(links)
    table = Table("setting", *(link["name"] for link in links), title="Links")
    for name in links[0] if links else ():
        if name != "name":
            table.add_row(name, *(_cell(link[name]) for link in links))
    return table


def change_table(changes: Iterable[Row]) -> Table:
    """What was done to a link, oldest first."""
    table = Table("time", "origin", "action", "settings", title="Changes")
    for change in changes:
        settings = ", ".join(f"{name}={_cell(value)}" for name, value in change["settings"].items())
        table.add_row(change["time"], change["origin"], change["action"], Text(settings))
    return table


def overhead_table(rows: Iterable[Row]) -> Table:
    """Means over the instances of each task and system, a column each."""
    rows = list(rows)
    table = Table("mean per instance", title="Overhead")
    for row in rows:
        table.add_column(f"{row['task']}\n{row['system']}", justify="right", overflow="fold")
    for name in rows[0] if rows else ():
        if name not in ("task", "system"):
            table.add_row(
                name.replace("num_", "").replace("_", " "), *(_number(row[name], 4) for row in rows)
            )
    return table


def latency_table(rows: Iterable[Row]) -> Table:
    """Mean and percentiles of every hop's duration, a column a hop [ms]."""
    table = Table("task", "system", "instances", "ms", title="Latency per hop [ms]")
    for hop in _HOPS:
        table.add_column(hop, justify="right")
    hops_of: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        hops_of.setdefault((row["task"], row["system"]), {})[row["hop"]] = row
    for (task, system), hops in hops_of.items():
        table.add_section()
        head = [task, system, str(max(row["num_instances"] for row in hops.values()))]
        for statistic in _STATISTICS:
            figures = (hops.get(hop, {}).get(f"{statistic}_ms") for hop in _HOPS)
            table.add_row(*head, statistic, *(_number(figure) for figure in figures))
            head = ["", "", ""]
    return table


REPORT_TABLES: dict[str, Callable[[Iterable[Row]], Table]] = {
    "overhead": overhead_table,
    "latency": latency_table,
}


def _show_schedule(schedule: Row) -> str:
    """A schedule as its first and its last point."""
    points = list(zip(schedule.get("at", ()), schedule.get("snr_db", ()), strict=True))
    if not points:
        return "none"
    (first, start_db), (last, end_db) = points[0], points[-1]
    return f"{start_db:g} dB at {first:g} … {end_db:g} dB at {last:g} ({len(points)} points)"


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return _show_schedule(value)
    if value is None or value == "":
        return "–"
    return _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
