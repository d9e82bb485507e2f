"""Answers, links and reports as tables that people read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from shared.answers import AnswerBody
from shared.ledger import HOPS
from shared.tasks import get_task

Row = Mapping[str, Any]

_STATISTICS = ("mean", "p50", "p90", "p99")
# What reports are grouped by; their other columns are figures.
_GROUPS = (
    *("task", "system", "link", "channel", "fading", "csi", "status"),
    *("snr_bin", "minute", "hour", "day"),
)
_INSTANCE_COLUMNS = (
    *("created", "task", "system", "link", "channel", "requested_snr_db", "realised_snr_db", "status"),
    *("payload_bytes", "wire_bytes", "total_ms"),
)


def read_answer(result: Row) -> AnswerBody:
    """The answer of a transmit result."""
    return get_task(result["task"]).answer(**result["answer"])


def _number(value: Any, decimals: int = 2) -> str:
    """Integers as they are, other figures rounded; absent ones as a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.{decimals}f}"


def instance_table(result: Row) -> Table:
    """What one instance was answered, over which channel, at which cost."""
    table = Table("", "", title=f"{result['task']} over {result['channel']}", show_header=False, min_width=50)
    table.add_row("answer", Text(read_answer(result).shown, style="bold green"))
    if result["outage"]:
        table.add_row("outage", Text("the source did not come across", style="bold red"))
    if result["unknown_pieces"]:
        table.add_row("unknown pieces", Text(str(result["unknown_pieces"]), style="bold red"))
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
    for hop in HOPS:
        table.add_row(f"{hop} ms", f"{result['latency_ms'][hop]:.2f}")
    return table


def outcome_table(outcomes: Iterable[Row]) -> Table:
    """What several systems made of the same instance: answers and costs, a row each."""
    columns = ("channel uses", "payload bytes", "total ms")
    right = [Column(name, justify="right") for name in columns]
    table = Table("system", "answer", "score", *right, "outage", title="The same input over the same draw")
    for outcome in outcomes:
        result, error = outcome["result"], outcome["error"]
        if result is None:
            table.add_row(outcome["system"], Text(error["message"], style="red"))
            continue
        overhead = result["overhead"]
        table.add_row(
            outcome["system"],
            Text(read_answer(result).shown, style="bold green"),
            ", ".join(f"{name} {_number(score)}" for name, score in result["scores"].items()),
            _number(overhead["channel_uses"]),
            _number(overhead["payload_bytes"]),
            _number(result["latency_ms"]["total"], 1),
            "yes" if result["outage"] else "",
        )
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
    """Means over the instances of each group, a column each."""
    rows = list(rows)
    table = Table("mean per instance", title="Overhead")
    for row in rows:
        table.add_column("\n".join(_group(row)) or "all", justify="right", overflow="fold")
    for name in rows[0] if rows else ():
        if name not in _GROUPS:
            table.add_row(
                name.replace("num_", "").replace("_", " "), *(_number(row[name], 4) for row in rows)
            )
    return table


def paper_table(rows: Iterable[Row]) -> Table:
    """The paper's overhead table: a row a task (and other group), a column a system [KB]."""
    rows = list(rows)
    systems = list(dict.fromkeys(str(row.get("system", "all")) for row in rows))
    names = [name for name in rows[0] if name in _GROUPS and name != "system"] if rows else ["task"]
    table = Table(*names, title="Overhead an instance, KB")
    for system in systems:
        table.add_column(system, justify="right")
    kilobytes: dict[tuple[str, ...], dict[str, float]] = {}
    for row in rows:
        key = tuple(_cell(row[name]) for name in names)
        kilobytes.setdefault(key, {})[str(row.get("system", "all"))] = row["kilobytes"]
    for key, by_system in kilobytes.items():
        table.add_row(*key, *(_number(by_system.get(system), 3) for system in systems))
    return table


def latency_table(rows: Iterable[Row]) -> Table:
    """Mean and percentiles of every hop's duration, a column a hop [ms]."""
    rows = list(rows)
    names = [name for name in rows[0] if name in _GROUPS] if rows else ["task", "system"]
    table = Table(*names, "instances", "ms", title="Latency per hop, ms")
    for hop in HOPS:
        table.add_column(hop, justify="right")
    hops_of: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        hops_of.setdefault(_group(row), {})[row["hop"]] = row
    for group, hops in hops_of.items():
        table.add_section()
        head = [*group, str(max(row["num_instances"] for row in hops.values()))]
        for statistic in _STATISTICS:
            figures = (hops.get(hop, {}).get(f"{statistic}_ms") for hop in HOPS)
            table.add_row(*head, statistic, *(_number(figure) for figure in figures))
            head = [""] * len(head)
    return table


def instances_table(rows: Iterable[Row]) -> Table:
    """Single instances, the latest first: over what, with which outcome, at which cost."""
    table = Table(title="Instances, the latest first")
    for name in _INSTANCE_COLUMNS:
        shown = name.removeprefix("requested_").removesuffix("_snr_db").replace("_", " ")
        is_name = name in _GROUPS or name == "created"
        table.add_column(shown, justify="left" if is_name else "right", no_wrap=is_name)
    for row in rows:
        to_the_second = row["created"][5:19].replace("T", " ")
        table.add_row(to_the_second, *(_cell(row[name]) for name in _INSTANCE_COLUMNS[1:]))
    return table


def _group(row: Row) -> tuple[str, ...]:
    """The names of a row's group."""
    return tuple(_cell(value) for name, value in row.items() if name in _GROUPS)


REPORT_TABLES: dict[str, Callable[[Iterable[Row]], Table]] = {
    "overhead": overhead_table,
    "paper": paper_table,
    "latency": latency_table,
    "instances": instances_table,
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
        return _number(None)
    return _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
