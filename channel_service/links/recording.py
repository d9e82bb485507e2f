"""Record and replay: each frame's draw as a line of a file, and the draw again from that line.

NAME.jsonl opens with a line that names the format; each further line is one frame:

    {"frame_number", "settings", "noise_variance", "gains": {"shape", "data"}, "sent_sha256",
     "received_sha256"}

`data` are the gains h as little-endian complex64 in base64. The noise is drawn anew from the settings' seed
and the frame number. The digests let a replay of the same symbols prove that it came out bit for bit.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from channel_service.links.files import is_name, store_file
from channel_service.links.settings import LinkSettings
from channel_service.radio.random_streams import Complex
from shared.errors import InvalidField, UnknownName
from shared.names import shorten_names

SUFFIX = ".jsonl"
_HEADER = {"format": "semcom recording", "version": 1}
# What belongs to the link as it was set, not to one frame's draw.
_NOT_RECORDED = ("snr_schedule", "record", "replay")
_MAX_FRAME_NUMBER = (1 << 64) - 1
# What a line raises that is none; a file may come from anywhere.
_BROKEN = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, RecursionError, InvalidField),
)


@dataclass(frozen=True)
class Entry:
    """One recorded frame.

    Attributes:
        frame_number: uint64.
        settings: That held for it, its schedule's SNR put in.
        noise_variance: Per complex symbol [linear].
        gains: h, complex64, [1, 1] or [L, S].
        sent_sha256: Of x.
        received_sha256: Of y.
    """

    frame_number: int
    settings: LinkSettings
    noise_variance: float
    gains: Complex
    sent_sha256: str
    received_sha256: str

    def to_line(self) -> str:
        """As a line of the file."""
        held = self.settings.to_dict()
        settings = {name: value for name, value in held.items() if name not in _NOT_RECORDED}
        data = base64.b64encode(np.ascontiguousarray(self.gains, dtype="<c8").tobytes()).decode("ascii")
        gains = {"shape": self.gains.shape, "data": data}
        return json.dumps({**vars(self), "settings": settings, "gains": gains}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """From a line of the file.

        Raises:
            InvalidField: If a value is not allowed.
            Exception: One of _BROKEN, if it is no such line.
        """
        fields: dict[str, Any] = json.loads(line)
        noise_variance = fields["noise_variance"]
        if not (math.isfinite(noise_variance) and noise_variance > 0):
            raise InvalidField("noise_variance", noise_variance, "a finite number above 0")
        data = base64.b64decode(fields["gains"]["data"], validate=True)
        gains = np.frombuffer(data, dtype="<c8").reshape(fields["gains"]["shape"])
        if not np.isfinite(gains).all():
            raise InvalidField("gains", "NaN or infinity", "finite numbers")
        settings = LinkSettings(**fields["settings"])
        settings.to_proto()  # takes numbers and names of the right kinds alone
        return cls(**{**fields, "settings": settings, "gains": gains})

    def has_same_draw(self, other: Entry) -> bool:
        """Would the same symbols come out the same?"""
        return (
            self.settings == other.settings
            and self.noise_variance == other.noise_variance
            and self.gains.shape == other.gains.shape
            and self.gains.tobytes() == other.gains.tobytes()
        )


def digest(x: Complex) -> str:
    """SHA-256 of symbols, as little-endian complex64."""
    return hashlib.sha256(np.ascontiguousarray(x, dtype="<c8").tobytes()).hexdigest()


@dataclass
class _Index:
    """Where each frame's line begins, and where the last whole line ends [bytes]."""

    offsets: dict[int, int] = field(default_factory=dict)
    end: int = 0


class Recordings:
    """The recordings of one folder.

    Args:
        folder: Made when the first frame is recorded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._indices: dict[str, tuple[int, _Index]] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Names of the recordings there are."""
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}"))

    def path(self, name: str) -> Path:
        """File of a recording.

        Raises:
            UnknownName: If there is no such recording.
        """
        path = self._folder / f"{name}{SUFFIX}"
        # The name may come from a URL, and must not lead out of the folder.
        if not (is_name(name) and path.is_file()):
            raise UnknownName("recording", name, shorten_names(self.names()))
        return path

    def store(self, name: str, data: bytes) -> int:
        """Keep a recording made elsewhere; returns how many frames it holds.

        Raises:
            InvalidField: If the name is none or taken, or the bytes are no recording; then nothing is kept.
        """
        file = io.BytesIO(data)
        index = _make_index(name, file)
        if not index.offsets or index.end != len(data):
            raise _unreadable(name, "no frame, or a line without its end")
        for offset in index.offsets.values():
            _read_entry(name, file, offset)
        store_file("recording", self._folder, f"{name}{SUFFIX}", data)
        return len(index.offsets)

    def add(self, name: str, entries: Sequence[Entry]) -> None:
        """Append frames and make sure that they are on the way to the disk; a draw it holds is kept once.

        Raises:
            InvalidField: If it holds a frame of the same number with another draw, or cannot be written; then
                nothing is added.
        """
        path = self._folder / f"{name}{SUFFIX}"
        try:
            with self._lock:
                self._folder.mkdir(parents=True, exist_ok=True)
                with path.open("r+b" if path.exists() else "w+b") as file:
                    self._append(name, file, entries)
        except OSError as error:
            raise InvalidField("record", name, f"a file that can be written ({error.strerror})") from error

    def find(self, name: str, frame_number: int) -> Entry:
        """One recorded frame.

        Raises:
            UnknownName: If there is no such recording.
            InvalidField: If it holds no frame of this number, or is no recording.
        """
        with self._lock, self.path(name).open("rb") as file:
            offset = self._index(name, file).offsets.get(frame_number)
            if offset is None:
                raise InvalidField("frame_number", frame_number, f"a number that recording {name!r} holds")
            return _read_entry(name, file, offset)

    def _append(self, name: str, file: IO[bytes], entries: Sequence[Entry]) -> None:
        index = self._index(name, file)
        fresh: dict[int, Entry] = {}
        for entry in entries:
            number = entry.frame_number
            held = fresh.get(number)
            if held is None and number in index.offsets:
                held = _read_entry(name, file, index.offsets[number])
            if held is None:
                fresh[number] = entry
            elif not held.has_same_draw(entry):
                raise InvalidField(
                    "frame_number", number, f"one that recording {name!r} does not hold with another draw"
                )
        file.seek(index.end)
        file.truncate()
        if not index.end:
            index.end += file.write((json.dumps(_HEADER) + "\n").encode())
        for number, entry in fresh.items():
            index.offsets[number] = index.end
            index.end += file.write(entry.to_line().encode())
        file.flush()
        self._indices[name] = (os.fstat(file.fileno()).st_mtime_ns, index)

    def _index(self, name: str, file: IO[bytes]) -> _Index:
        """The file's index; made anew where somebody else changed the file."""
        changed_ns = os.fstat(file.fileno()).st_mtime_ns
        known = self._indices.get(name)
        if known is None or known[0] != changed_ns:
            known = self._indices[name] = (changed_ns, _make_index(name, file))
        return known[1]


def _make_index(name: str, file: IO[bytes]) -> _Index:
    index = _Index()
    for line in file:
        if not line.endswith(b"\n"):  # the service was killed while it wrote
            break
        try:
            fields = json.loads(line)
            if index.end:
                index.offsets[_frame_number(fields["frame_number"])] = index.end
            elif fields != _HEADER:
                raise ValueError("another first line")
        except _BROKEN as error:
            raise _unreadable(name, error) from error
        index.end += len(line)
    return index


def _read_entry(name: str, file: IO[bytes], offset: int) -> Entry:
    file.seek(offset)
    try:
        return Entry.from_line(file.readline().decode())
    except _BROKEN as error:
        raise _unreadable(name, error) from error


def _frame_number(value: Any) -> int:
    # JSON knows true, 1.5 and Infinity too.
    if type(value) is not int or not 0 <= value <= _MAX_FRAME_NUMBER:
        raise InvalidField("frame_number", value, "a whole number of 0 to 2^64 - 1")
    return value


def _unreadable(name: str, reason: object) -> InvalidField:
    allowed = f"a file that opens with {json.dumps(_HEADER)} and holds frames ({reason})"
    return InvalidField("recording", name, allowed)
