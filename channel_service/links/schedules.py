"""SNR schedules: the SNR as a function of frame number or time, as steps or ramps, also from a CSV file."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, TooLarge
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

MAX_POINTS = 1 << 16
AXES = ("frame", "time_s")
COLUMNS = ("at", "snr_db")


def _hold(share: float, before: float, after: float) -> float:
    return before


def _linear(share: float, before: float, after: float) -> float:
    return before + share * (after - before)


# Each function gives the value between two points, from the relative position [0 to 1) and the two values.
INTERPOLATIONS: Mapping[str, Callable[[float, float, float], float]] = {"hold": _hold, "linear": _linear}


@dataclass(frozen=True)
class SnrSchedule:
    """SNR schedule through points.

    Before the first point, the SNR is that of the first point. After the last point, the SNR is that of the
    last point, or the schedule repeats.

    Attributes:
        at: Positions of the points, ascending, at least 0: frame numbers or seconds.
        snr_db: SNR at each position [dB].
        over: What the positions mean: frame (frame numbers) | time_s (time since the schedule was set [s]).
        interpolation: hold (steps) | linear (ramps).
        repeats: True if the schedule starts again at its last position.

    Raises:
        InvalidField: If a value is not allowed.
        TooLarge: If there are too many points.
    """

    at: tuple[float, ...]
    snr_db: tuple[float, ...]
    over: str = "frame"
    interpolation: str = "hold"
    repeats: bool = False

    def __post_init__(self) -> None:
        if self.over not in AXES:
            raise InvalidField("snr_schedule.over", self.over, ", ".join(AXES))
        if self.interpolation not in INTERPOLATIONS:
            raise InvalidField("snr_schedule.interpolation", self.interpolation, ", ".join(INTERPOLATIONS))
        if len(self.at) > MAX_POINTS:
            raise TooLarge("snr_schedule.at", f"{len(self.at)} points", f"at most {MAX_POINTS} points")
        if not self.at or len(self.at) != len(self.snr_db):
            raise InvalidField(
                "snr_schedule.at",
                f"{len(self.at)} positions and {len(self.snr_db)} values of snr_db",
                "the same number of both, at least one",
            )
        _check_points(self.at, self.snr_db)
        if self.repeats and self.at[-1] == 0:
            raise InvalidField("snr_schedule.repeats", True, "only where the last position is above 0")

    def snr_db_at(self, frame_number: int, elapsed_s: float) -> float:
        """SNR of a frame [dB].

        Args:
            frame_number: Number of the frame.
            elapsed_s: Time since the schedule was set [s].
        """
        position = frame_number if self.over == "frame" else elapsed_s
        if self.repeats:
            position = float(Fraction(position) % Fraction(self.at[-1]))  # a float loses large frame numbers
        after = bisect_right(self.at, position)
        if after in (0, len(self.at)):
            return self.snr_db[max(0, after - 1)]
        low, high = self.at[after - 1], self.at[after]
        share = (position - low) / (high - low)
        return INTERPOLATIONS[self.interpolation](share, self.snr_db[after - 1], self.snr_db[after])

    @classmethod
    def from_proto(cls, message: channel_service_pb2.SnrSchedule) -> SnrSchedule | None:
        """The schedule of a message; None if the message has no points.

        Raises:
            InvalidField: If a value is not allowed.
            TooLarge: If there are too many points.
        """
        if not message.at and not message.snr_db:
            return None
        return cls(
            tuple(message.at),
            tuple(message.snr_db),
            message.over or AXES[0],
            message.interpolation or next(iter(INTERPOLATIONS)),
            message.repeats,
        )

    def to_proto(self) -> channel_service_pb2.SnrSchedule:
        """The schedule as a message."""
        return channel_service_pb2.SnrSchedule(**vars(self))


def _check_points(at: tuple[float, ...], snr_db: tuple[float, ...]) -> None:
    previous = -1.0
    for position in at:
        if not (math.isfinite(position) and position > previous and position >= 0):
            raise InvalidField(
                "snr_schedule.at", position, "finite positions from 0, each above the one before"
            )
        previous = position
    for value in snr_db:
        if not (math.isfinite(value) and MIN_SNR_DB <= value <= MAX_SNR_DB):
            raise InvalidField("snr_schedule.snr_db", value, f"{MIN_SNR_DB:g} to {MAX_SNR_DB:g} dB")


def read_points(text: str) -> dict[str, list[float]]:
    """Read the points of a CSV file with the columns `at` and `snr_db`. The first line may hold their names.

    Args:
        text: Content of the file, with or without a byte order mark.

    Returns:
        The fields `at` and `snr_db` of a schedule.

    Raises:
        InvalidField: If a line does not hold two numbers.
    """
    points: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for number, row in enumerate(_rows(text.removeprefix("\ufeff").splitlines()), 1):
        cells = [cell.strip() for cell in row]
        if not cells or (number == 1 and tuple(cells) == COLUMNS):
            continue
        if len(cells) != len(COLUMNS):
            raise InvalidField(f"line {number}", ",".join(row), "two numbers: at,snr_db")
        for name, cell in zip(COLUMNS, cells, strict=True):
            points[name].append(_number(number, cell))
    return points


def _rows(lines: Sequence[str]) -> Iterator[list[str]]:
    reader = csv.reader(lines)
    try:
        yield from reader
    except csv.Error as error:
        number = reader.line_num
        raise InvalidField(
            f"line {number}", lines[number - 1], f"two numbers: at,snr_db ({error})"
        ) from error


def _number(line: int, cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        raise InvalidField(f"line {line}", cell, "two numbers: at,snr_db") from None
