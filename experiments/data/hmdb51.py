"""HMDB51 as it is published: <class>/*.avi and testTrainMulti_7030_splits/<class>_test_split1.txt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.base import Examples, in_split, one_each
from experiments.data.packed import cached_files
from shared.networks.profiles import get_profile
from transmitter.media import decode_video

SPLITS_FOLDER = "testTrainMulti_7030_splits"
_SUFFIX = "_test_split1.txt"
_VALIDATION_PARTS = 10
_TAGS = {"train": "1", "validation": "1", "test": "2"}  # 0: in neither


def load_hmdb51(root: Path, split: str) -> Examples:
    """Read a side of the first of the three official splits.

    A clip is kept as the paper profile takes it: 32 frames spread evenly, of 224x224 pixels.

    Args:
        root: Folder that holds `hmdb51/`.
        split: "train" or "validation" (one in ten of 70 clips of each of 51 classes, by the SHA-256 of the
            name), or "test" (30 of each).

    Raises:
        BrokenFile: If a clip does not decode.
    """
    folder = root / "hmdb51"
    lists = sorted((folder / SPLITS_FOLDER).glob(f"*{_SUFFIX}"))
    labels = tuple(path.name.removesuffix(_SUFFIX) for path in lists)
    files: list[Path] = []
    targets: list[int] = []
    for number, (label, path) in enumerate(zip(labels, lists, strict=True)):
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        names = [row[0] for row in rows if row[1:] == [_TAGS[split]]]
        if split != "test":
            names = [name for name in names if in_split(name, split, _VALIDATION_PARTS)]
        files += [folder / label / name for name in names]
        targets += [number] * len(names)
    return Examples(
        dataset="hmdb51",
        split=split,
        task="video_classification",
        labels=labels,
        columns={
            "video": one_each(cached_files(files, root=folder, name=split, dataset="hmdb51", decode=_decode))
        },
        targets=np.array(targets, dtype=np.int64),
    )


def _decode(data: bytes) -> NDArray[np.uint8]:
    # Loads torch, which listing the data sets does not need.
    from transmitter.preprocessing import resize, sample_frames

    profile = get_profile("paper")
    frames = sample_frames(decode_video(data), profile.video_frames)
    return np.stack([resize(frame, (profile.video_size, profile.video_size)) for frame in frames])
