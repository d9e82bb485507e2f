"""Traces: recorded complex gains, read from files and played as a channel.

NAME.npy holds a one-dimensional complex array; NAME.csv holds one line `re,im` for each gain.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from channel_service.links.files import store_file
from channel_service.radio.random_streams import Complex
from shared.errors import InvalidField, UnknownName
from shared.names import shorten_names

MAX_GAINS = 1 << 22
# What NumPy raises at a broken header, beside ValueError: NumPy parses the header as Python code, and a wrong
# shape in it may have any size.
_HEADER_ERRORS = (
    *(tokenize.TokenError, SyntaxError, RecursionError),
    *(TypeError, KeyError, OverflowError, MemoryError),
)


def _read_npy(file: IO[bytes]) -> NDArray[Any]:
    # Unlike np.load, this function does not read zip archives of arrays.
    try:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except _HEADER_ERRORS as error:
        raise ValueError(f"a broken header: {error}") from error


def _read_csv(file: IO[bytes]) -> NDArray[Any]:
    lines = [line for line in file.read().decode("utf-8-sig").splitlines() if line.strip()]
    if not lines:
        raise ValueError("no lines")
    pairs = np.loadtxt(lines, delimiter=",", ndmin=2, comments=None)
    if pairs.shape[1] != 2:
        raise ValueError(f"{pairs.shape[1]} columns")
    return np.asarray(pairs[:, 0] + 1j * pairs[:, 1])


_READERS: Mapping[str, Callable[[IO[bytes]], NDArray[Any]]] = {".npy": _read_npy, ".csv": _read_csv}


class Traces:
    """The traces in one folder. A trace is read when it is first used.

    Args:
        folder: Folder of the traces; it does not have to exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[int, Complex]] = {}

    def names(self) -> list[str]:
        """Names of all traces, sorted."""
        return sorted({path.stem for path in self._folder.glob("*") if path.suffix in _READERS})

    def get(self, name: str) -> Complex:
        """Gains of a trace, complex64, [num_gains], scaled to unit mean power.

        Raises:
            UnknownName: If there is no trace of this name.
            InvalidField: If its file cannot be read or holds no valid gains.
        """
        for suffix in _READERS:
            path = self._folder / f"{name}{suffix}"
            if path.is_file():
                return self._load(name, path)
        raise UnknownName("trace", name, shorten_names(self.names()))

    def store(self, name: str, suffix: str, data: bytes) -> int:
        """Store an uploaded trace.

        Args:
            name: Name of the new trace.
            suffix: Suffix of its file, .npy or .csv.
            data: Content of the file.

        Returns:
            Number of gains in the trace.

        Raises:
            InvalidField: If the name is not allowed or already used, or `data` holds no valid gains; then
                nothing is stored.
        """
        gains = _read(name, suffix, io.BytesIO(data))
        if name in self.names():
            raise InvalidField("trace", name, "a name that no trace has yet")
        store_file("trace", self._folder, f"{name}{suffix}", data)
        return len(gains)

    def _load(self, name: str, path: Path) -> Complex:
        changed_ns = path.stat().st_mtime_ns
        known = self._read.get(path)
        if known is not None and known[0] == changed_ns:
            return known[1]
        try:
            with path.open("rb") as file:
                gains = _read(name, path.suffix, file)
        except OSError as error:
            raise InvalidField("trace", name, f"a file that can be read ({error.strerror})") from error
        self._read[path] = (changed_ns, gains)
        return gains


def _read(name: str, suffix: str, file: IO[bytes]) -> Complex:
    try:
        return _normalise(_READERS[suffix](file))
    except (ValueError, EOFError) as error:
        raise InvalidField(
            "trace", name, f"1 to {MAX_GAINS} finite complex gains, not all zero ({error})"
        ) from error


def _normalise(gains: NDArray[Any]) -> Complex:
    if gains.ndim != 1 or not 1 <= gains.size <= MAX_GAINS:
        raise ValueError(f"shape {list(gains.shape)}")
    if gains.dtype.kind not in "fc":
        raise ValueError(f"numbers of type {gains.dtype}")
    power = float(np.mean(np.abs(gains.astype(np.complex128)) ** 2))
    if not (np.isfinite(power) and power > 0):
        raise ValueError(f"mean power {power:g}")
    return np.asarray(gains / np.sqrt(power), dtype=np.complex64)
