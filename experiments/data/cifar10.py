"""CIFAR-10: packed as JPEG pictures and as original pixels, and as it is published (python batches)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from experiments.data.base import BrokenFile, Examples, in_split, one_each
from experiments.data.packed import as_picture, cached_archive

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NUM_HELD_OUT = 728
_NUM_VALIDATION = 500
_NUM_LAST = 5000  # of the 50,000 training pictures
_VALIDATION_PARTS = 20


def load_cifar10_jpeg(root: Path, split: str) -> Examples:
    """Read images.tar.xz, jpg/{train,test}/<class>/NNNN.jpg, for classification.

    Args:
        root: Folder that holds `cifar10/`.
        split: "train", "validation" (one in twenty of the 50,000 training pictures, by the SHA-256 of their
            names) or "test" (10,000).

    Raises:
        BrokenFile: If a picture does not decode.
    """
    folder = "test" if split == "test" else "train"
    pictures = cached_archive(
        root / "cifar10" / "images.tar.xz",
        folder,
        dataset="cifar10-jpeg",
        wanted=lambda name: name.startswith(f"jpg/{folder}/") and name.endswith(".jpg"),
        decode=as_picture,
    )
    order = np.argsort(pictures.names)
    if split != "test":
        is_own = [in_split(pictures.names[place], split, _VALIDATION_PARTS) for place in order]
        order = order[np.array(is_own, dtype=bool)]
    targets = [LABELS.index(PurePosixPath(pictures.names[place]).parent.name) for place in order]
    return Examples(
        dataset="cifar10-jpeg",
        split=split,
        task="image_classification",
        labels=LABELS,
        columns={"image": one_each(pictures.rows[order])},
        targets=np.array(targets, dtype=np.int64),
    )


def load_cifar10_lossless(root: Path, split: str) -> Examples:
    """Read lossless_train.npz, original pixels, for reconstruction.

    All are training pictures of CIFAR-10, so its own test split plays no part here.

    Args:
        root: Folder that holds `cifar10/`.
        split: "train" (the first 6,500), "validation" (the next 500) or "test" (the last 728).
    """
    with np.load(root / "cifar10" / "lossless_train.npz") as stored:
        pictures = stored["x"]
    bounds = (0, *np.cumsum([len(pictures) - NUM_HELD_OUT - _NUM_VALIDATION, _NUM_VALIDATION]), len(pictures))
    place = ("train", "validation", "test").index(split)
    part = slice(bounds[place], bounds[place + 1])
    return Examples(
        dataset="cifar10-lossless",
        split=split,
        task="image_reconstruction",
        labels=(),
        columns={"image": one_each(pictures[part])},
        targets=None,
    )


def load_cifar10(root: Path, split: str) -> Examples:
    """Read cifar-10-batches-py, original pixels, for classification.

    Args:
        root: Folder that holds `cifar-10-batches-py/`.
        split: "train", "validation" (the last 5,000 of the 50,000 training pictures) or "test" (10,000).

    Raises:
        BrokenFile: If a file's checksum is not the published one.
    """
    # Loads torch, which listing the data sets does not need.
    from torchvision.datasets import CIFAR10

    try:
        batches = CIFAR10(str(root), train=split != "test")
    except RuntimeError as error:
        raise BrokenFile("cifar10", "cifar-10-batches-py", str(error)) from None
    parts = {"train": slice(None, -_NUM_LAST), "validation": slice(-_NUM_LAST, None), "test": slice(None)}
    part = parts[split]
    return Examples(
        dataset="cifar10",
        split=split,
        task="image_classification",
        labels=LABELS,
        columns={"image": one_each(batches.data[part])},
        targets=np.array(batches.targets[part], dtype=np.int64),
    )


def load_cifar10_pixels(root: Path, split: str) -> Examples:
    """The pictures of `load_cifar10`, for reconstruction."""
    return replace(
        load_cifar10(root, split),
        dataset="cifar10-pixels",
        task="image_reconstruction",
        labels=(),
        targets=None,
    )
