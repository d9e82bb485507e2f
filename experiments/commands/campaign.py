"""`semcom campaign`: trains every learned system by one recipe at one commit, side by side."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.training.trainable import get_trainable
from shared.errors import InvalidField
from shared.provenance import current_commit
from shared.runtime.cores import count_cores
from shared.runtime.interrupts import signals_noted
from systems.registry import SYSTEMS

_LOOK_EVERY_S, _SAY_EVERY_S = 5.0, 300.0
_STEP = re.compile(r"step (\d+)/(\d+) +(\d+) min left")
_LAST_BYTES = 4000


@dataclass
class _Training:
    """One process of the campaign.

    Attributes:
        name: System, and its task where each is trained alone.
        arguments: Of `semcom train`.
        log: What it prints.
        total_steps: Of its recipe.
        state: waiting, training, done or the exit status.
        done_steps: By its log.
        left_min: By its log [min].
    """

    name: str
    arguments: Sequence[str]
    log: Path
    total_steps: int
    state: str = "waiting"
    done_steps: int = 0
    left_min: int | None = None

    def run(self, stop: threading.Event) -> None:
        """Train to the end, or until `stop` is set; then it ends with a checkpoint."""
        if stop.is_set():
            return
        self.state = "training"
        with self.log.open("a", encoding="utf-8") as log:
            command = [sys.executable, "-m", "experiments.cli", "train", *self.arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            while process.poll() is None:
                if stop.wait(_LOOK_EVERY_S):
                    process.send_signal(signal.SIGTERM)
                    process.wait()
                self.look()
        self.state = (
            "done" if process.returncode == 0 else f"exit status {process.returncode}, see {self.log}"
        )
        if process.returncode == 0:
            self.done_steps, self.left_min = self.total_steps, 0

    def look(self) -> None:
        """Read how far the log says it is."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LAST_BYTES))
            lines = log.read().decode(errors="replace")
        for match in deque(_STEP.finditer(lines), maxlen=1):
            self.done_steps, _, self.left_min = map(int, match.groups())


def campaign_command(
    systems: Annotated[str, typer.Option(help="Comma-separated; all that are trained when absent.")] = "",
    tasks: Annotated[str, typer.Option(help="Comma-separated; all when absent.")] = "",
    profile: Annotated[str, typer.Option(help="tiny | compact | paper")] = "compact",
    length: Annotated[float, typer.Option(min=0.001, max=1000, help="Multiplies all steps.")] = 1.0,
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Trainings side by side; default: cores.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu | cuda")] = "cpu",
    runs: Annotated[Path, typer.Option(help="For checkpoints, logs and weights, by commit.")] = Path("runs"),
) -> None:
    """Train all learned systems by their recipes of one commit, one thread each, side by side.

    Ctrl-C, SIGTERM and SIGHUP end it with checkpoints; the same command at the same commit goes on.
    """
    commit = current_commit()
    if "-" in commit:
        raise InvalidField("commit", commit, "a checkout without changes, so that figures name their code")
    folder = runs / f"campaign-{commit}"
    folder.mkdir(parents=True, exist_ok=True)
    trained = [name for name, system in SYSTEMS.items() if system.trainable]
    common = ["--profile", profile, "--length", str(length), "--threads", "1", "--device", device]
    trainings = [
        _Training(name, [*arguments, *common], folder / f"{name}.log", max(1, round(steps * length)))
        for system in (_names(systems) or trained)
        for name, arguments, steps in _trainings_of(system, profile, _names(tasks), folder)
    ]
    console = Console()
    with signals_noted() as stop, ThreadPoolExecutor(at_once or count_cores()) as pool:
        futures = [pool.submit(training.run, stop) for training in trainings]
        _show_until_done(console, trainings, futures)
    console.print(_table(trainings))
    if any(training.state != "done" for training in trainings):
        raise typer.Exit(1)
    console.print(f"weights in {folder / 'weights'}; serve them: semcom up --weights {folder / 'weights'}")


def _show_until_done(
    console: Console, trainings: Sequence[_Training], futures: Sequence[Future[None]]
) -> None:
    """A live table in a terminal; elsewhere a table each five minutes."""
    said_at = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while wait(futures, timeout=1.0).not_done:
            live.update(_table(trainings), refresh=console.is_terminal)
            if not console.is_terminal and time.monotonic() - said_at > _SAY_EVERY_S:
                said_at = time.monotonic()
                console.print(_table(trainings))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _trainings_of(
    system: str, profile: str, tasks: Sequence[str], folder: Path
) -> Iterator[tuple[str, list[str], int]]:
    """Name, arguments and steps of each training that a system takes: one, or one a task."""
    trainable = get_trainable(system)
    steps = {name: own.steps for name, own in trainable.recipes[profile].tasks.items()}
    chosen = list(tasks or steps)
    common = ["--system", system, "--output", str(folder / "weights" / system)]
    common += ["--run-folder", str(folder / system)]
    for group in [[task] for task in chosen] if trainable.is_independent else [chosen]:
        name = f"{system}-{group[0]}" if trainable.is_independent else system
        yield name, [*common, "--tasks", ",".join(group)], sum(steps[task] for task in group)


def _table(trainings: Sequence[_Training]) -> Table:
    done, total = sum(own.done_steps for own in trainings), sum(own.total_steps for own in trainings)
    table = Table("training", "steps", "state", title=f"{done / total:.1%} of all steps")
    for own in trainings:
        left = "" if own.state != "training" or own.left_min is None else f", {own.left_min} min left"
        table.add_row(own.name, f"{own.done_steps}/{own.total_steps}", own.state + left)
    return table
