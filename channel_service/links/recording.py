"""Recordings: each frame's draw is one line of a file, from which the same draw can be replayed.

The first line of NAME.jsonl names the format. Each other line is one frame:

    {"frame_number", "settings", "noise_variance", "gains": {"shape", "data"}, "sent_sha256",
     "received_sha256"}

`data` holds the gains h as little-endian complex64 in base64. The noise is not in the file: it is drawn
again from the seed and the frame number. The SHA-256 digests show whether a replay of the same symbols gives
exactly the same received symbols.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import io
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from channel_service.links.files import store_file
from channel_service.links.settings import LinkSettings
from channel_service.radio.random_streams import Complex
from shared.errors import InvalidField, UnknownName
from shared.names import is_name, shorten_names
from shared.signal import MAX_SNR_DB, MIN_SNR_DB, noise_variance_from_snr_db

SUFFIX = ".jsonl"
_HEADER = {"format": "semcom recording", "version": 1}
# Settings of the link that are not part of one frame's draw.
_NOT_RECORDED = ("snr_schedule", "record", "replay")
_MAX_FRAME_NUMBER = (1 << 64) - 1
# Those of the SNRs that a link can have.
_MIN_NOISE_VARIANCE: float = noise_variance_from_snr_db(MAX_SNR_DB)
_MAX_NOISE_VARIANCE: float = noise_variance_from_snr_db(MIN_SNR_DB)
# Far above the gains of every model and trace; the received symbols stay finite.
_MAX_GAIN = 1e6
# What can be raised by a line that is not in the format; an uploaded file may hold anything.
_FORMAT_ERRORS = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, RecursionError, InvalidField),
)


@dataclass(frozen=True)
class Entry:
    """One recorded frame.

    Attributes:
        frame_number: Number of the frame, uint64.
        settings: Settings of the link for this frame, with the schedule's SNR filled in.
        noise_variance: Noise variance per complex symbol [linear].
        gains: Gains h, complex64, [1, 1] or [L, S].
        sent_sha256: SHA-256 digest of the sent symbols x.
        received_sha256: SHA-256 digest of the received symbols y.
    """

    frame_number: int
    settings: LinkSettings
    noise_variance: float
    gains: Complex
    sent_sha256: str
    received_sha256: str

    def to_line(self) -> str:
        """The entry as a line of the file."""
        every_setting = self.settings.to_dict()
        settings = {name: value for name, value in every_setting.items() if name not in _NOT_RECORDED}
        data = base64.b64encode(np.ascontiguousarray(self.gains, dtype="<c8").tobytes()).decode("ascii")
        gains = {"shape": self.gains.shape, "data": data}
        return json.dumps({**vars(self), "settings": settings, "gains": gains}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """Read an entry from a line of the file.

        Raises:
            InvalidField: If a value is not allowed.
            Exception: One of _FORMAT_ERRORS, if the line is not in the format.
        """
        fields: dict[str, Any] = json.loads(line)
        noise_variance = fields["noise_variance"]
        if not _MIN_NOISE_VARIANCE <= noise_variance <= _MAX_NOISE_VARIANCE:
            allowed = f"{_MIN_NOISE_VARIANCE:g} to {_MAX_NOISE_VARIANCE:g}"
            raise InvalidField("noise_variance", noise_variance, allowed)
        data = base64.b64decode(fields["gains"]["data"], validate=True)
        gains = np.frombuffer(data, dtype="<c8").reshape(fields["gains"]["shape"])
        if not np.isfinite(gains).all():
            raise InvalidField("gains", "NaN or infinity", "finite numbers")
        if (largest := float(np.abs(gains).max(initial=0.0))) > _MAX_GAIN:
            raise InvalidField("gains", f"|h| = {largest:g}", f"|h| up to {_MAX_GAIN:g}")
        settings = LinkSettings.from_dict(fields["settings"])
        settings.to_proto()  # raises an error if a value has the wrong type
        return cls(**{**fields, "settings": settings, "gains": gains})

    def has_same_draw(self, other: Entry) -> bool:
        """True if both entries give the same received symbols for the same sent symbols."""
        return (
            self.settings == other.settings
            and self.noise_variance == other.noise_variance
            and self.gains.shape == other.gains.shape
            and self.gains.tobytes() == other.gains.tobytes()
        )


def digest(x: Complex) -> str:
    """SHA-256 digest of symbols as little-endian complex64, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(x, dtype="<c8").tobytes()).hexdigest()


@dataclass
class _Index:
    """Offset of each frame's line, by frame number, and the end of the last complete line [bytes]."""

    offsets: dict[int, int] = field(default_factory=dict)
    end: int = 0


class Recordings:
    """The recordings in one folder.

    Args:
        folder: Folder of the recordings; it is created when the first frame is recorded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._indices: dict[str, tuple[int, _Index]] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Names of all recordings, sorted."""
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}"))

    def path(self, name: str) -> Path:
        """Path of a recording's file.

        Raises:
            UnknownName: If there is no recording of this name.
        """
        path = self._folder / f"{name}{SUFFIX}"
        # The name may come from a URL and must not name a file outside the folder.
        if not (is_name(name) and path.is_file()):
            raise UnknownName("recording", name, shorten_names(self.names()))
        return path

    def num_bytes(self, name: str) -> int:
        """Size of a recording's file, in which no frame is half written [bytes].

        Raises:
            UnknownName: If there is no recording of this name.
        """
        with self._lock:
            return self.path(name).stat().st_size

    def store(self, name: str, data: bytes) -> int:
        """Store an uploaded recording.

        Args:
            name: Name of the new recording.
            data: Content of its file, with or without a byte order mark.

        Returns:
            Number of frames in the recording.

        Raises:
            InvalidField: If the name is not allowed or already used, or `data` is not a recording; then
                nothing is stored.
        """
        data = data.removeprefix(codecs.BOM_UTF8)
        file = io.BytesIO(data)
        index = _make_index(name, file)
        if not index.offsets or index.end != len(data):
            raise _invalid_file(name, "it holds no frame, or its last line is not complete")
        for offset in index.offsets.values():
            _read_entry(name, file, offset)
        store_file("recording", self._folder, f"{name}{SUFFIX}", data)
        return len(index.offsets)

    def add(self, name: str, entries: Sequence[Entry]) -> None:
        """Append frames to a recording and flush the file. A frame that it already holds is not added again.

        Args:
            name: Name of the recording; it is created if it does not exist.
            entries: The frames to append.

        Raises:
            InvalidField: If the recording holds a frame of the same number with another draw, or cannot be
                written; then nothing is added.
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
        """Find one frame of a recording.

        Raises:
            UnknownName: If there is no recording of this name.
            InvalidField: If it holds no frame of this number, or the file is not a recording.
        """
        with self._lock, self.path(name).open("rb") as file:
            offset = self._index(name, file).offsets.get(frame_number)
            if offset is None:
                raise InvalidField("frame_number", frame_number, f"a number that recording {name!r} holds")
            return _read_entry(name, file, offset)

    def _append(self, name: str, file: IO[bytes], entries: Sequence[Entry]) -> None:
        index = self._index(name, file)
        new: dict[int, Entry] = {}
        for entry in entries:
            number = entry.frame_number
            known = new.get(number)
            if known is None and number in index.offsets:
                known = _read_entry(name, file, index.offsets[number])
            if known is None:
                new[number] = entry
            elif not known.has_same_draw(entry):
                raise InvalidField(
                    "frame_number", number, f"one that recording {name!r} does not hold with another draw"
                )
        file.seek(index.end)
        file.truncate()
        if not index.end:
            index.end += file.write((json.dumps(_HEADER) + "\n").encode())
        for number, entry in new.items():
            index.offsets[number] = index.end
            index.end += file.write(entry.to_line().encode())
        file.flush()
        self._indices[name] = (os.fstat(file.fileno()).st_mtime_ns, index)

    def _index(self, name: str, file: IO[bytes]) -> _Index:
        """The file's index; it is made again if another process changed the file."""
        changed_ns = os.fstat(file.fileno()).st_mtime_ns
        known = self._indices.get(name)
        if known is None or known[0] != changed_ns:
            known = self._indices[name] = (changed_ns, _make_index(name, file))
        return known[1]


def _make_index(name: str, file: IO[bytes]) -> _Index:
    index = _Index()
    for line in file:
        if not line.endswith(b"\n"):  # the service was killed while it wrote this line
            break
        try:
            fields = json.loads(line)
            if index.end:
                index.offsets[_frame_number(fields["frame_number"])] = index.end
            elif fields != _HEADER:
                raise ValueError("its first line is another one")
        except _FORMAT_ERRORS as error:
            raise _invalid_file(name, error) from error
        index.end += len(line)
    return index


def _read_entry(name: str, file: IO[bytes], offset: int) -> Entry:
    file.seek(offset)
    try:
        return Entry.from_line(file.readline().decode())
    except _FORMAT_ERRORS as error:
        raise _invalid_file(name, error) from error


def _frame_number(value: Any) -> int:
    # A number in JSON may also be 1.5 or Infinity, and True is an int in Python.
    if type(value) is not int or not 0 <= value <= _MAX_FRAME_NUMBER:
        raise InvalidField("frame_number", value, "a whole number of 0 to 2^64 - 1")
    return value


def _invalid_file(name: str, reason: object) -> InvalidField:
    allowed = f"a file that starts with {json.dumps(_HEADER)} and holds frames ({reason})"
    return InvalidField("recording", name, allowed)
