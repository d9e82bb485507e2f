"""CIFAR-10 in three layouts: JPEG pictures, some of the original pixels, and the published batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from experiments.data.base import BrokenFile, Examples, in_split, one_each
from experiments.data.packed import as_picture, cached_archive

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_NUM_VALIDATION = 5000  # of the 50,000 training pictures
_NUM_LOSSLESS_TEST, _NUM_LOSSLESS_VALIDATION = 728, 500


def load_cifar10_jpeg(root: Path, split: str) -> Examples:
    """Read images.tar.xz, jpg/{train,test}/<class>/NNNN.jpg, for classification.

    Args:
        root: Folder that holds `cifar10/`.
        split: "train", "validation" (one in twenty of the 50,000 training pictures, by the SHA-256 of their
            names) or "test" (10,000).

    Raises:
        BrokenFile: If a picture cannot be decoded.
    """
    folder = "test" if split == "test" else "train"
    pictures = cached_archive(
        root / "cifar10" / "images.tar.xz",
        folder,
        dataset="cifar10-jpeg",
        wanted=lambda name: name.startswith(f"jpg/{folder}/") and name.endswith(".jpg"),
        decode=as_picture,
    )
    order = [row for row in np.argsort(pictures.names) if in_split(pictures.names[row], split)]
    targets = [LABELS.index(PurePosixPath(pictures.names[row]).parent.name) for row in order]
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

    All 7,728 are training pictures of CIFAR-10. The original pixels of its test split are not in the file.

    Args:
        root: Folder that holds `cifar10/`.
        split: "train" (the first 6,500), "validation" (the next 500) or "test" (the last 728).
    """
    with np.load(root / "cifar10" / "lossless_train.npz") as stored:
        pictures = stored["x"]
    test = len(pictures) - _NUM_LOSSLESS_TEST
    validation = test - _NUM_LOSSLESS_VALIDATION
    parts = {"train": slice(validation), "validation": slice(validation, test), "test": slice(test, None)}
    return Examples(
        dataset="cifar10-lossless",
        split=split,
        task="image_reconstruction",
        labels=(),
        columns={"image": one_each(pictures[parts[split]])},
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
    parts = {"train": slice(-_NUM_VALIDATION), "validation": slice(-_NUM_VALIDATION, None)}
    part = parts.get(split, slice(None))
    return Examples(
        dataset="cifar10",
        split=split,
        task="image_classification",
        labels=LABELS,
        columns={"image": one_each(batches.data[part])},
        targets=np.array(batches.targets[part], dtype=np.int64),
    )


def load_cifar10_pixels(root: Path, split: str) -> Examples:
    """Read the same pictures and splits as `load_cifar10`, for reconstruction."""
    return replace(
        load_cifar10(root, split),
        dataset="cifar10-pixels",
        task="image_reconstruction",
        labels=(),
        targets=None,
    )
