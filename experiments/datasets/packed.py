"""Archives of pictures, decoded once into a cache of NumPy arrays."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from experiments.datasets.base import DatasetMissing


def cache_folder() -> Path:
    """Where unpacked data is kept: SEMCOM_CACHE, or ~/.cache/semcom."""
    return Path(os.environ.get("SEMCOM_CACHE") or Path.home() / ".cache" / "semcom")


def cache_file(archive: Path, name: str, *, dataset: str, hint: str) -> Path:
    """Where what was unpacked from an archive is kept; an archive of another size has another place.

    Args:
        archive: That is unpacked.
        name: Of the file, with its suffix.
        dataset: Name, for messages.
        hint: Where to get the data set.

    Raises:
        DatasetMissing: If the archive is not there.
    """
    if not archive.is_file():
        raise DatasetMissing(dataset, str(archive), hint)
    folder = cache_folder() / f"{dataset}-{archive.stat().st_size}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def cached_pictures(
    archive: Path, name: str, *, dataset: str, wanted: Callable[[str], bool], hint: str
) -> dict[str, NDArray[np.uint8]]:
    """Decode the pictures of a tar archive whose names are wanted; a second call reads the cache.

    Args:
        archive: A .tar or .tar.xz file.
        name: Of the cache file to keep the decoded pictures in (.npz).
        dataset: Name, for messages.
        wanted: Chooses members by name.
        hint: Where to get the data set.

    Returns:
        Picture by member name, uint8 [height, width, 3].

    Raises:
        DatasetMissing: If the archive is not there.
    """
    cache = cache_file(archive, name, dataset=dataset, hint=hint)
    if not cache.is_file():
        with tarfile.open(archive) as tar:
            members = [member for member in tar if member.isfile() and wanted(member.name)]
            pictures = {
                member.name: _decode(tar, member)
                for member in track(
                    members, f"unpacking {dataset}", console=Console(stderr=True), transient=True
                )
            }
        names = sorted(pictures)
        partial = cache.with_suffix(".part.npz")
        np.savez(partial, names=np.array(names), pictures=np.stack([pictures[name] for name in names]))
        partial.rename(cache)
    stored = np.load(cache)
    return dict(zip(stored["names"].tolist(), stored["pictures"], strict=True))


def _decode(tar: tarfile.TarFile, member: tarfile.TarInfo) -> NDArray[np.uint8]:
    file = tar.extractfile(member)
    assert file is not None
    return np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))
