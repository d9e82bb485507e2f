"""CIFAR-10 as JPEG pictures: images.tar.xz with jpg/{train,test}/<class>/NNNN.jpg."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from experiments.datasets.base import Examples, one_each
from experiments.datasets.packed import cached_pictures

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_cifar10_jpeg(root: Path, split: str) -> Examples:
    """Read a split for classification.

    Args:
        root: Folder that holds `cifar10/`.
        split: "train" (50,000) or "test" (10,000).

    Raises:
        DatasetMissing: If the archive is not there.
    """
    pictures = cached_pictures(
        root / "cifar10" / "images.tar.xz",
        f"{split}.npz",
        dataset="cifar10-jpeg",
        wanted=lambda name: name.startswith(f"jpg/{split}/") and name.endswith(".jpg"),
        hint="CIFAR-10 as JPEG files in one archive",
    )
    names = list(pictures)
    targets = [LABELS.index(PurePosixPath(name).parent.name) for name in names]
    return Examples(
        dataset="cifar10-jpeg",
        split=split,
        task="image_classification",
        labels=LABELS,
        columns={"image": one_each(np.stack([pictures[name] for name in names]))},
        targets=np.array(targets, dtype=np.int64),
    )
