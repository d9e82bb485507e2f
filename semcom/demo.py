"""The demo: samples of every trained task over two channels at several SNRs, through three real processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from semcom.api import Client
from semcom.errors import ClientError
from semcom.stack import Stack
from semcom.tables import REPORT_TABLES, read_answer
from shared.typography import shorten
from systems.registry import DEFAULT_SYSTEM

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "samples.json"
CHANNELS = ("awgn", "rayleigh")
_SEED = 1
_REPORTS = ("overhead", "paper", "latency")

Instance = dict[str, Any]
"""A transmit result with `sample`, `truth`, `correct` added, and a score `f1` where labels are several."""


class DemoError(ClientError):
    """The demo has nothing to show."""


@dataclass(frozen=True)
class Sample:
    """An input that the project made itself.

    Attributes:
        name: Short and unique.
        task: Name of its task.
        files: Path of the file for each modality but text.
        text: Text input, where the task takes one.
        truth: Right answer; None where the input itself is the truth.
    """

    name: str
    task: str
    files: Mapping[str, Path]
    text: str | None
    truth: str | None

    @property
    def shown(self) -> str:
        """The input in a few words."""
        parts = [path.name for path in self.files.values()] + ([shorten(self.text)] if self.text else [])
        return " + ".join(parts)


def load_samples(index: Path = SAMPLES) -> list[Sample]:
    """Read the list of samples; its paths are relative to its own folder."""
    return [
        Sample(
            name=row["name"],
            task=row["task"],
            files={modality: index.parent / path for modality, path in row.get("files", {}).items()},
            text=row.get("text"),
            truth=row.get("truth"),
        )
        for row in json.loads(index.read_text())
    ]


def run_demo(console: Console, *, snrs_db: Sequence[float], weights: Path | None = None) -> list[Instance]:
    """Start the services, send the samples, print the tables, stop.

    Args:
        console: Where tables and progress go.
        snrs_db: Es/N0 of the runs [dB].
        weights: Folder of weights; the shipped one where absent.

    Returns:
        One object an instance, in the order sent.

    Raises:
        DemoError: If no trained task has a sample.
        StackError: If the services do not start.
        ServiceError: If a service refuses an instance.
    """
    with console.status("starting transmitter, channel service and receiver") as status:
        stack = Stack.start(weights=weights, free_ports=True, on_progress=status.update)
    with stack, stack.client() as client:
        trained = {task["name"] for task in client.tasks() if DEFAULT_SYSTEM in task["trained_in"]}
        samples = [sample for sample in load_samples() if sample.task in trained]
        if not samples:
            raise DemoError(f"no sample for the trained tasks ({', '.join(sorted(trained)) or 'none'})")
        instances = _send_all(client, console, samples, snrs_db)
        for channel in CHANNELS:
            console.rule(f"Answers over {channel} (with their probability)")
            for table in answer_tables(channel, samples, snrs_db, instances):
                console.print(table)
        for kind in _REPORTS:
            console.print(REPORT_TABLES[kind](client.report(kind)))
    return instances


def write_instances(instances: Iterable[Instance], target: str | None) -> None:
    """Write one object an instance.

    Args:
        instances: What the demo sent and got back.
        target: A file ending in .json (one array) or anything else (a line an object); "-" for standard
            output; None for nowhere.
    """
    if target is None:
        return
    lines = "".join(json.dumps(instance) + "\n" for instance in instances)
    if target == "-":
        sys.stdout.write(lines)
    elif target.endswith(".json"):
        Path(target).write_text(json.dumps(list(instances), indent=2) + "\n")
    else:
        Path(target).write_text(lines)


def _send_all(
    client: Client, console: Console, samples: Sequence[Sample], snrs_db: Sequence[float]
) -> list[Instance]:
    """Every sample over every channel and SNR; a sample meets the same draw at each SNR."""
    runs = [
        (number, sample, channel, snr_db)
        for channel in CHANNELS
        for snr_db in snrs_db
        for number, sample in enumerate(samples)
    ]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    instances = []
    with Progress(*columns, console=console, transient=True) as progress:
        job = progress.add_task("sending", total=len(runs))
        for number, sample, channel, snr_db in runs:
            progress.update(job, description=f"{sample.task} over {channel} at {snr_db:g} dB")
            result = client.transmit(
                sample.task,
                text=sample.text,
                **sample.files,  # type: ignore[arg-type]
                channel=channel,
                snr_db=snr_db,
                seed=_SEED,
                frame_number=number,
            )
            instances.append(_judged(result, sample))
            progress.advance(job)
    return instances


def _judged(result: Mapping[str, Any], sample: Sample) -> Instance:
    answer, scores, correct = read_answer(result), dict(result["scores"]), None
    if sample.truth is not None:
        scores |= answer.truth_scores(sample.truth)
        correct = answer.is_right(sample.truth)
    return {**result, "scores": scores, "sample": sample.name, "truth": sample.truth, "correct": correct}


def answer_tables(
    channel: str, samples: Sequence[Sample], snrs_db: Sequence[float], instances: Iterable[Instance]
) -> Iterator[Table]:
    """A table a task: a row a sample, a column an SNR; a task's own widths leave most rows on one line."""
    found = {
        (instance["sample"], instance["requested_snr_db"]): instance
        for instance in instances
        if instance["channel"] == channel
    }
    for task, group in groupby(samples, key=lambda sample: sample.task):
        table = Table(title=f"{task} over {channel}", title_justify="left")
        for name in ("input", "truth", *(f"{snr_db:g} dB" for snr_db in snrs_db)):
            table.add_column(name, overflow="fold")
        of_task = list(group)
        for sample in of_task:
            cells = (_verdict(found[sample.name, snr_db]) for snr_db in snrs_db)
            table.add_row(sample.shown, sample.truth or "–", *cells)
        rights = [[found[sample.name, snr_db]["correct"] for sample in of_task] for snr_db in snrs_db]
        if any(right.count(None) < len(right) for right in rights):
            table.add_section()
            table.add_row("right", "", *map(_share_of_right, rights))
        yield table


def _share_of_right(verdicts: Sequence[bool | None]) -> str:
    return f"{verdicts.count(True)} of {len(verdicts) - verdicts.count(None)}"


_MARKS = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("", "")}


def _verdict(instance: Instance) -> Text:
    mark, style = _MARKS[instance["correct"]]
    scores = "".join(f" ({name} {score:.2f})" for name, score in instance["scores"].items())
    return Text(mark + read_answer(instance).shown + scores, style=style)
