"""The document of the measurements, from what is stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments.reliability import tables
from experiments.reliability.pictures import draw_soak, draw_throughput
from experiments.reliability.stored import Part, read_parts
from experiments.reliability.verdicts import GOAL_CLIENTS, JUDGES, Verdict
from shared.errors import InvalidField

_HEAD = """# Reliability

What the three services do under load, when one of them dies, over a long run, and with inputs that no
client of good will sends. `make soak` measures all of it and writes this file; `make soak LONG=yes`
measures longer. Services, load generator and LitServe share the cores of one machine, so a figure is
comparable with those of the same run only.
"""


def write_document(stored: Path, document: Path) -> list[Path]:
    """Write the document and its pictures.

    Args:
        stored: JSON file of the parts; those that it lacks are named as not measured.
        document: Markdown file to write.

    Returns:
        Every file that was written.

    Raises:
        InvalidField: If nothing is stored.
    """
    parts = read_parts(stored)
    if not parts:
        raise InvalidField("output", stored.name, "a file with measured parts")
    verdicts = {name: list(JUDGES[name](part["figures"])) for name, part in parts.items()}
    pictures = _draw(parts, stored)
    links = {name: os.path.relpath(path, document.parent) for name, path in pictures.items()}
    sections = [_HEAD, _unmet(verdicts)]
    for name, (title, write) in _SECTIONS.items():
        sections.append(f"## {title}\n")
        if name not in parts:
            sections.append("Not measured yet.\n")
            continue
        figures = parts[name]["figures"]
        picture = f"![{title}]({links[name]})\n" if name in links else ""
        own = [
            _origin(parts[name]) + "\n",
            tables.verdict_table(verdicts[name]) + "\n",
            picture,
            write(figures),
        ]
        sections += [section for section in own if section]
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text("\n".join(sections), encoding="utf-8")
    return [document, *pictures.values()]


def _draw(parts: Mapping[str, Part], stored: Path) -> dict[str, Path]:
    painters = {"throughput": draw_throughput, "soak": draw_soak}
    return {
        name: draw(
            parts[name]["figures"], _origin(parts[name]), stored.with_name(f"{stored.stem}-{name}.png")
        )
        for name, draw in painters.items()
        if name in parts
    }


def _unmet(verdicts: Mapping[str, list[Verdict]]) -> str:
    """How many goals are met, and every one that is not, with its figure."""
    every = [(name, verdict) for name, own in verdicts.items() for verdict in own]
    missed = [f"- {name}: {verdict.goal}: {verdict.figure}" for name, verdict in every if not verdict.is_met]
    first = f"{len(every) - len(missed)} of {len(every)} goals are met."
    return "\n".join([first, *(["", "Not met:", "", *missed] if missed else []), ""])


def _origin(part: Part) -> str:
    where = part["provenance"]
    return (
        f"Measured on {where['date']}, commit {where['commit']}, {where['cpu']}, {where['num_cores']} cores, "
        f"{where['form']} form; load average of the minute before: {where['load_average_before']:g}."
    )


def _throughput(figures: Mapping[str, Any]) -> str:
    return f"""Each client sends its next request when the last one is answered. A cell is measured for
{figures["scale"]["window_s"]:g} s after every client has had an answer, or as long as
that took. LitServe runs both halves in
one worker with {figures["litserve_threads"]} threads, in batches of up to 32.

{tables.throughput_table(figures)}

Both halves in one process, without services. The goals take the best row of a task: its model time is that of
a batch of 1, its batched rate that of the largest batch.

{tables.in_process_table(figures)}

### Where the time of a request goes

Means over all requests of a cell. Waiting counts where it happens: `encode` holds the wait for the encoder
and, where instances are encoded together, the time of all; `uplink` is gRPC to the channel service, and holds
the wait for a free call; `channel` is the draw and the books; `downlink` is gRPC to the receiver, and holds
the wait for the decoder; `http` is what the client waits beside all of these.

{tables.hop_table(figures)}

What the services counted themselves at {GOAL_CLIENTS} clients (/metrics; the name states the unit):

{tables.metric_table(figures)}
"""


def _faults(figures: Mapping[str, Any]) -> str:
    scale = figures["scale"]
    return f"""Each service is killed (SIGKILL, started again 1 s later), paused (SIGSTOP for
{scale["pause_s"]:g} s) and restarted (SIGTERM, then started again) under {figures["num_clients"]} clients.
Their requests have a `timeout_s` of {scale["deadline_s"]:g} s each. "Away" is the time from the hit until
/readyz answers 200. The books are the report store.
While the transmitter itself is gone or stopped nobody can answer its clients: their refused connections and
their own patience count as "no answer", and deadlines are judged for the requests before and after.

{tables.fault_table(figures)}
"""


def _soak(figures: Mapping[str, Any]) -> str:
    return f"""{figures["num_requests"]} requests of {len(figures["pairs"])} pairs of task and system,
by {figures["num_clients"]} clients, in {figures["elapsed_s"]:g} s: p50 {figures["p50_ms"]:g} ms, p99
{figures["p99_ms"]:g} ms, longest {figures["max_ms"]:g} ms. A process holds much more while it decodes
a long recording, and gives it back: the slope is that of the least that it held in each twentieth of the run,
after the first quarter.

{tables.slope_table(figures)}

{tables.pair_table(figures)}
"""


def _hostile(figures: Mapping[str, Any]) -> str:
    return f"""{figures["num_inputs"]} inputs: requests that the OpenAPI of each HTTP edge leads to and
that break it (schemathesis), samples with spoiled bytes, and messages to every gRPC service with
extreme fields, spoiled bytes or spoiled symbols. Findings are 500, INTERNAL, UNKNOWN, UNAVAILABLE, and
no answer.

{tables.attack_table(figures)}
"""


_SECTIONS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "throughput": ("Throughput", _throughput),
    "faults": ("Faults under load", _faults),
    "soak": ("A long run", _soak),
    "hostile": ("Hostile inputs", _hostile),
}
