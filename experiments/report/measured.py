"""What the figures of shipped weights consist of, and the table of them that the README and the card show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.data.catalogue import TRAINING

Row = Mapping[str, Any]

SNRS_DB = (-6.0, -3.0, 0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0)
"""The SNRs of the paper's figures 10 and 11 [dB]."""

NO_NOISE_DB = 60.0
"""An SNR at which noise changes no answer: the task without a channel [dB]."""

CHANNELS = ("awgn", "rayleigh")
NOTHING = "–"  # of a cell of a table
_FEW_INSTANCES, _REALISATIONS_OF_FEW = 100, 20
_PLACES = (("awgn", -6.0), ("awgn", 0.0), ("awgn", 12.0), ("awgn", NO_NOISE_DB), ("rayleigh", 12.0))
_HEADS = "AWGN -6 dB | 0 dB | 12 dB | no noise | Rayleigh 12 dB"


def sets_of(task: str) -> tuple[str, ...]:
    """The data sets a task is measured on: each of those that it is trained on, once."""
    return tuple(dict.fromkeys(TRAINING[task].split("+")))


def realisations_of(num_instances: int) -> int:
    """Channel realisations for each instance: of a few instances at a low SNR one draw says little."""
    return _REALISATIONS_OF_FEW if num_instances < _FEW_INSTANCES else 1


def first_metrics(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """The metric that stands first for each (task, data set)."""
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        found.setdefault((row["task"], row["dataset"]), row["metric"])
    return found


def stated(rows: Sequence[Row], field: str) -> str:
    """What rows state in a field; every value once where they differ."""
    return ", ".join(sorted({str(row[field]) for row in rows}))


def markdown_table(heads: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; its heads are parted by " | "."""
    lines = [f"| {heads} |", "|---" * len(heads.split(" | ")) + "|"]
    return [*lines, *(f"| {' | '.join(cells)} |" for cells in rows)]


def table_of(rows: Sequence[Row]) -> list[str]:
    """The lines of a Markdown table: a row a task and data set, at five places of the channel.

    Args:
        rows: As `semcom figures` stores them, of one system.
    """
    cells = []
    for (task, dataset), metric in first_metrics(rows).items():
        own = {
            (row["channel"], row["snr_db"]): row
            for row in rows
            if (row["task"], row["dataset"], row["metric"]) == (task, dataset, metric)
        }
        first = own[_PLACES[0]]
        guess = NOTHING if first["guesser"] is None else f"{first['guesser']:.3f}"
        values = [_cell(own[place]) for place in _PLACES]
        cells.append((_words(task), dataset, str(first["num_instances"]), _words(metric), *values, guess))
    return markdown_table(f"task | data set | n | metric | {_HEADS} | a guesser", cells)


def _cell(row: Row) -> str:
    return f"{row['value']:.1f} dB" if row["metric"] == "psnr_db" else f"{row['value']:.3f}"


def _words(name: str) -> str:
    return name.removesuffix("_db").replace("_", " ")
