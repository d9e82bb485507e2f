"""CIFAR-10: packed as JPEG pictures and as original pixels, and as it is published (python batches)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from experiments.datasets.base import BrokenFile, Examples, one_each
from experiments.datasets.packed import as_picture, cached_archive

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NUM_HELD_OUT = 728


def load_cifar10_jpeg(root: Path, split: str) -> Examples:
    """Read images.tar.xz, jpg/{train,test}/<class>/NNNN.jpg, for classification.

    Args:
        root: Folder that holds `cifar10/`.
        split: "train" (50,000) or "test" (10,000).

    Raises:
        BrokenFile: If a picture does not decode.
    """
    pictures = cached_archive(
        root / "cifar10" / "images.tar.xz",
        split,
        dataset="cifar10-jpeg",
        wanted=lambda name: name.startswith(f"jpg/{split}/") and name.endswith(".jpg"),
        decode=as_picture,
    )
    order = np.argsort(pictures.names)
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

    They are training pictures of CIFAR-10; the last 728 are held out, and figures say "validation".

    Args:
        root: Folder that holds `cifar10/`.
        split: "train" (the first 7,000) or "test" (the last 728).
    """
    with np.load(root / "cifar10" / "lossless_train.npz") as stored:
        pictures = stored["x"]
    part = slice(-NUM_HELD_OUT, None) if split == "test" else slice(None, -NUM_HELD_OUT)
    return Examples(
        dataset="cifar10-lossless",
        split="validation" if split == "test" else split,
        task="image_reconstruction",
        labels=(),
        columns={"image": one_each(pictures[part])},
        targets=None,
    )


def load_cifar10(root: Path, split: str) -> Examples:
    """Read cifar-10-batches-py, original pixels, for classification.

    Args:
        root: Folder that holds `cifar-10-batches-py/`.
        split: "train" (50,000) or "test" (10,000).

    Raises:
        BrokenFile: If a file's checksum is not the published one.
    """
    # Loads torch, which listing the data sets does not need.
    from torchvision.datasets import CIFAR10

    try:
        batches = CIFAR10(str(root), train=split == "train")
    except RuntimeError as error:
        raise BrokenFile("cifar10", "cifar-10-batches-py", str(error)) from None
    return Examples(
        dataset="cifar10",
        split=split,
        task="image_classification",
        labels=LABELS,
        columns={"image": one_each(batches.data)},
        targets=np.array(batches.targets, dtype=np.int64),
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
