"""Rows of several systems over the same draws, kept in files, and the paired differences between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.evaluate import Scored
from experiments.evaluation.metrics import CONFIDENCE, Measured
from experiments.evaluation.results import read_figures, write_json
from systems.registry import SYSTEMS

Row = Mapping[str, Any]

_IDENTITY = (
    *("system", "task", "dataset", "split", "channel", "fading", "snr_db", "metric"),
    *("fingerprint", "limit", "seed", "num_realisations"),
)
_CHANNEL = ("channel", "fading", "snr_db")
_PAIRED = ("dataset", "split", "metric", "num_instances", "limit", "seed", "num_realisations")


def key_of(row: Row) -> str:
    """What tells a row from all others: system, weights, options, data, and channel."""
    options = ",".join(f"{name}={value}" for name, value in sorted(row["config"]["options"].items()))
    return " ".join([*(str(row.get(name)) for name in _IDENTITY), options])


def line_of(row: Row) -> str:
    """The line of tables and pictures that a row belongs to: its system, and options that are no default."""
    declared = SYSTEMS[row["system"]].options if row["system"] in SYSTEMS else ()
    options = row["config"]["options"]
    chosen = [
        f"{own.name}={options[own.name]}"
        for own in declared
        if options.get(own.name, own.default) != own.default
    ]
    return " ".join([row["system"], *chosen])


def lines_of(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Each system of the registry and its lines, in order; a system without rows has a line of its name."""
    lines = dict.fromkeys((row["system"], line_of(row)) for row in rows)
    return [
        own
        for system in SYSTEMS
        for own in [line for line in lines if line[0] == system] or [(system, system)]
    ]


@dataclass
class Comparison:
    """Measured rows, and the resampled values of each.

    Attributes:
        path: JSON file of the rows; the resampled values lie beside it with the suffix .npz.
        rows: Fields of `Figure`, and the limit that was asked for.
        resampled: By `key_of` the row, the row's value over instances drawn anew, float32 [num_resamples].
    """

    path: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    resampled: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Comparison:
        """What the files hold; nothing where there are none. A row without resampled values is left out.

        Raises:
            InvalidField: If the file of rows cannot be read, or holds something else.
        """
        samples_file = path.with_suffix(".npz")
        if not path.is_file():
            return cls(path)
        rows = read_figures([path])
        resampled: dict[str, NDArray[np.float32]] = {}
        if samples_file.is_file():
            with np.load(samples_file) as stored:
                resampled = dict(zip(stored["keys"].tolist(), stored["values"], strict=True))
        return cls(path, [row for row in rows if key_of(row) in resampled], resampled)

    def add(self, scored: Sequence[Scored], limit: int | None) -> None:
        """Take rows in, and write both files.

        A line of the report shows one measurement, so older rows of the same line and task are dropped if
        they are of other weights, data, seed or limit.
        """
        for own in scored:
            row = {**asdict(own.figure), "limit": limit}
            self.rows = [old for old in self.rows if not _is_replaced(old, row)] + [row]
            self.resampled[key_of(row)] = own.resampled.astype(np.float32)
        keys = [key_of(row) for row in self.rows]
        partial = self.path.with_name(self.path.name + ".part.npz")
        np.savez_compressed(partial, keys=keys, values=np.stack([self.resampled[key] for key in keys]))
        partial.rename(self.path.with_suffix(".npz"))
        write_json(self.path, self.rows)

    def difference(self, reference: str, other: str, task: str, channel: str) -> Difference | None:
        """What the reference scores more than another line, averaged over the SNRs that both have.

        Returns:
            None where the two have no SNR in common, of the same instances and draws.
        """
        ours = self._line(reference, task, channel)
        theirs = self._line(other, task, channel)
        places = [place for place in ours if place in theirs]
        if not places:
            return None
        gains = [ours[place]["value"] - theirs[place]["value"] for place in places]
        drawn = [
            self.resampled[key_of(ours[place])].astype(float) - self.resampled[key_of(theirs[place])]
            for place in places
        ]
        low, high = np.quantile(np.mean(drawn, 0), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        snrs_db = sorted(ours[place]["snr_db"] for place in places)
        return Difference(Measured(float(np.mean(gains)), float(low), float(high)), tuple(snrs_db))

    def _line(self, line: str, task: str, channel: str) -> dict[tuple[Any, ...], Row]:
        """Rows by what two lines must share at an SNR."""
        return {
            (row["snr_db"], row["fading"], *(row.get(name) for name in _PAIRED)): row
            for row in self.rows
            if (line_of(row), row["task"], row["channel"]) == (line, task, channel)
        }


def _is_replaced(old: Row, new: Row) -> bool:
    """Whether a new row of the same line and task takes the place of an old one, or makes it stale."""
    if (line_of(old), old["task"]) != (line_of(new), new["task"]):
        return False
    is_same_channel = all(old[name] == new[name] for name in _CHANNEL)
    return is_same_channel or key_of({**old, **{name: new[name] for name in _CHANNEL}}) != key_of(new)


@dataclass(frozen=True)
class Difference:
    """A paired difference of two systems: same instances, same draws.

    Attributes:
        measured: Mean difference, with its 95 % confidence interval by bootstrap over instances.
        snrs_db: It is the mean over these [dB].
    """

    measured: Measured
    snrs_db: tuple[float, ...]
