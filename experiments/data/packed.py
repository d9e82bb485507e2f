"""A cache of decoded files on disk.

A store is one file with the rows of all items, one item after the other, and an index of the items' names and
lengths. The file is mapped into memory, so that a data set may be larger than the memory.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from experiments.data.base import BrokenFile
from shared.errors import SemcomError
from transmitter.images import decode_image
from transmitter.media import decode_audio

_INT16_PEAK = 32767

Decoder = Callable[[bytes], NDArray[Any]]
"""Turns the bytes of a file into rows, shape [num_rows, ...]; raises a `SemcomError` for a broken file."""

Files = Sequence[tuple[str, Callable[[], bytes]]]
"""The unique name of each file, and a function that reads its bytes."""


@dataclass(frozen=True)
class Store(Sequence[NDArray[Any]]):
    """Items of different lengths in one file that is mapped into memory.

    Attributes:
        names: Name of each item.
        rows: The rows of all items, shape [num_rows, ...]. What is written to them is not written to the
            file.
        starts: First row of each item and, at the end, num_rows; int64 [num_items + 1].
    """

    names: tuple[str, ...]
    rows: NDArray[Any]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.rows[self.starts[index] : self.starts[index + 1]]

    def indices(self, names: Iterable[str]) -> NDArray[np.int64]:
        """The index of each named item, int64 [num_names]."""
        numbers = {name: number for number, name in enumerate(self.names)}
        return np.array([numbers[name] for name in names], dtype=np.int64)


class Waveforms(Sequence[NDArray[np.float32]]):
    """Recordings that are stored as int16 and read as float32 [num_samples] from -1 to 1.

    Args:
        store: The recordings, int16 [num_samples].
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: Any) -> Any:
        return self._store[index].astype(np.float32) / _INT16_PEAK


def cache_folder() -> Path:
    """The folder of decoded data: SEMCOM_CACHE, or ~/.cache/semcom."""
    return Path(os.environ.get("SEMCOM_CACHE") or Path.home() / ".cache" / "semcom")


def cached_archive(archive: Path, pattern: str, decode: Decoder) -> Store:
    """Decode files of a tar archive; a second call for one of the same size reads the cache.

    Args:
        archive: A .tar or .tar.xz file.
        pattern: What the names of the files are like, without a leading "./"; "*" stands for folders too.
        decode: Turns the bytes of a file into rows.

    Raises:
        BrokenFile: If a file cannot be decoded.
    """
    place = _place(archive.parent, f"{archive.name} {archive.stat().st_size} {pattern}")
    if not _is_complete(place):
        with tarfile.open(archive) as tar:
            named = [(member.name.removeprefix("./"), member) for member in tar if member.isfile()]
            readers = [(name, _reader(tar, own)) for name, own in named if fnmatchcase(name, pattern)]
            _write(place, readers, archive.name, decode)
    return _read(place)


def cached_files(files: Sequence[Path], root: Path, decode: Decoder) -> Store:
    """Decode files of a folder; a second call for files of the same names and sizes reads the cache.

    Args:
        files: The files to decode, in order.
        root: The folder that the items' names are relative to.
        decode: Turns the bytes of a file into rows.

    Raises:
        BrokenFile: If a file cannot be decoded, or does not exist.
    """
    keys = [file.relative_to(root).as_posix() for file in files]
    for file, key in zip(files, keys, strict=True):
        if not file.is_file():
            raise BrokenFile(f"{root.name}: {key}", "it is listed, but does not exist")
    place = _place(
        root, "\n".join(f"{key} {file.stat().st_size}" for key, file in zip(keys, files, strict=True))
    )
    if not _is_complete(place):
        readers = [(key, file.read_bytes) for key, file in zip(keys, files, strict=True)]
        _write(place, readers, root.name, decode)
    return _read(place)


def read_member(archive: Path, member: str) -> str:
    """Read a text file of a tar archive, by its name without a leading "./"."""
    with tarfile.open(archive) as tar:
        found = next(entry for entry in tar if entry.name.removeprefix("./") == member)
        return _reader(tar, found)().decode()


def as_picture(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture file to one row, uint8 [1, height, width, 3]."""
    return decode_image(data)[None]


def as_picture_of(size: tuple[int, int]) -> Decoder:
    """A decoder of picture files to one row of `size` (height, width) [pixels], with the networks' resize."""

    def decode(data: bytes) -> NDArray[np.uint8]:
        # Loads torch, which most data sets do not need.
        from systems.layers.preprocessing import resize

        return resize(decode_image(data), size)[None]

    return decode


def as_samples(data: bytes) -> NDArray[np.int16]:
    """Decode a sound file to one row for each sample at 16 kHz, int16 [num_samples]."""
    return (decode_audio(data) * _INT16_PEAK).round().astype(np.int16)


def _reader(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        file = tar.extractfile(member)
        assert file is not None
        return file.read()

    return read


def _place(folder: Path, content: str) -> Path:
    """The path of a store without its suffixes, in the cache's folder for a data set, which is made."""
    place = cache_folder() / folder.name / hashlib.sha256(content.encode()).hexdigest()[:12]
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _paths(place: Path) -> tuple[Path, Path]:
    return place.with_suffix(".rows"), place.with_suffix(".index.npz")


def _is_complete(place: Path) -> bool:
    return all(path.is_file() for path in _paths(place))


def _write(place: Path, files: Files, origin: str, decode: Decoder) -> None:
    """Decode `files` in order into temporary files, and then rename these, the index last.

    So other processes never see an incomplete store. Two that write it at the same time write equal files.
    """
    lengths: list[int] = []
    first: NDArray[Any] | None = None
    with TemporaryDirectory(dir=place.parent) as folder:
        new_rows, new_index = _paths(Path(folder) / place.name)
        with new_rows.open("wb") as file:
            for name, rows in _decoded(files, origin, decode):
                first = rows[:1] if first is None else first
                if rows.shape[1:] != first.shape[1:]:
                    reason = f"its rows are {rows.shape[1:]}, others {first.shape[1:]}"
                    raise BrokenFile(f"{origin}: {name}", reason)
                lengths.append(len(rows))
                file.write(np.ascontiguousarray(rows).data)
        if first is None:
            raise BrokenFile(origin, "no file that is needed was found in it")
        np.savez(
            new_index,
            names=np.array([name for name, _ in files]),
            starts=np.cumsum([0, *lengths]),
            row_shape=np.array(first.shape[1:], dtype=np.int64),
            dtype=first.dtype.str,
        )
        for new, path in zip((new_rows, new_index), _paths(place), strict=True):
            new.rename(path)


def _decoded(files: Files, origin: str, decode: Decoder) -> Iterator[tuple[str, NDArray[Any]]]:
    console = Console(stderr=True)
    title, is_silent = f"unpacking {origin}", not console.is_terminal
    for name, read in track(files, title, console=console, transient=True, disable=is_silent):
        try:
            yield name, decode(read())
        except SemcomError as error:
            raise BrokenFile(f"{origin}: {name}", error.message) from None


def _read(place: Path) -> Store:
    rows_path, index_path = _paths(place)
    with np.load(index_path) as index:
        starts, shape = index["starts"], (int(index["starts"][-1]), *index["row_shape"].tolist())
        # Copy on write: torch warns of arrays that it must not write to.
        rows = np.memmap(rows_path, dtype=str(index["dtype"]), mode="c", shape=shape)
        return Store(tuple(index["names"].tolist()), rows, starts)
