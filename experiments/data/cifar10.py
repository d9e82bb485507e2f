"""CIFAR-10 in three layouts: JPEG pictures, some of the original pixels, and the published batches."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from experiments.data.base import BrokenFile, Instances, in_split, one_each
from experiments.data.packed import as_picture, cached_archive

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_NUM_VALIDATION = 5000  # of the 50,000 training pictures
_NUM_LOSSLESS_TEST, _NUM_LOSSLESS_VALIDATION = 728, 500


def load_cifar10_jpeg(root: Path, split: str) -> Instances:
    """Read cifar10/images.tar.xz, jpg/{train,test}/<class>/NNNN.jpg, for classification."""
    folder = "test" if split == "test" else "train"
    pictures = cached_archive(root / "cifar10" / "images.tar.xz", f"jpg/{folder}/*.jpg", as_picture)
    order = [row for row in np.argsort(pictures.names) if in_split(pictures.names[row], split)]
    targets = [LABELS.index(PurePosixPath(pictures.names[row]).parent.name) for row in order]
    return Instances({"image": one_each(pictures.rows[order])}, np.array(targets, dtype=np.int64), LABELS)


def load_cifar10_lossless(root: Path, split: str) -> Instances:
    """Read cifar10/lossless_train.npz, original pixels of training pictures, for reconstruction."""
    with np.load(root / "cifar10" / "lossless_train.npz") as stored:
        pictures = stored["x"]
    test = len(pictures) - _NUM_LOSSLESS_TEST
    validation = test - _NUM_LOSSLESS_VALIDATION
    parts = {"train": slice(validation), "validation": slice(validation, test), "test": slice(test, None)}
    return Instances({"image": one_each(pictures[parts[split]])})


def load_cifar10(root: Path, split: str) -> Instances:
    """Read cifar-10-batches-py, original pixels, for classification; checksums must be the published ones."""
    # Loads torch, which listing the data sets does not need.
    from torchvision.datasets import CIFAR10

    try:
        batches = CIFAR10(str(root), train=split != "test")
    except RuntimeError as error:
        raise BrokenFile("cifar-10-batches-py", str(error)) from None
    parts = {"train": slice(-_NUM_VALIDATION), "validation": slice(-_NUM_VALIDATION, None)}
    part = parts.get(split, slice(None))
    targets = np.array(batches.targets[part], dtype=np.int64)
    return Instances({"image": one_each(batches.data[part])}, targets, LABELS)


def load_cifar10_pixels(root: Path, split: str) -> Instances:
    """Read the same pictures and splits as `load_cifar10`, for reconstruction."""
    return Instances(load_cifar10(root, split).columns)
