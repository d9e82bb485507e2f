"""HMDB51 as it is published: <class>/*.avi and testTrainMulti_7030_splits/<class>_test_split1.txt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.base import Instances, in_split, one_each
from experiments.data.packed import cached_files
from systems.layers.profiles import get_profile
from transmitter.media import decode_video

SPLITS_FOLDER = "testTrainMulti_7030_splits"
_SUFFIX = "_test_split1.txt"
_VALIDATION_PARTS = 10
_TAGS = {"train": "1", "validation": "1", "test": "2"}  # a clip with tag 0 is in no split


def load_hmdb51(root: Path, split: str) -> Instances:
    """Read hmdb51/, the first of the three published divisions into training and test.

    The cache keeps of each clip what the paper profile uses: 32 evenly spaced frames of 224x224 pixels.
    """
    folder = root / "hmdb51"
    lists = sorted((folder / SPLITS_FOLDER).glob(f"*{_SUFFIX}"))
    labels = tuple(path.name.removesuffix(_SUFFIX) for path in lists)
    files: list[Path] = []
    targets: list[int] = []
    for number, (label, path) in enumerate(zip(labels, lists, strict=True)):
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        listed = [row[0] for row in rows if row[1:] == [_TAGS[split]]]
        names = [name for name in listed if in_split(name, split, _VALIDATION_PARTS)]
        files += [folder / label / name for name in names]
        targets += [number] * len(names)
    clips = cached_files(files, folder, _decode)
    return Instances({"video": one_each(clips)}, np.array(targets, dtype=np.int64), labels)


def _decode(data: bytes) -> NDArray[np.uint8]:
    # Loads torch, which listing the data sets does not need.
    from systems.layers.preprocessing import resize, sample_frames

    profile = get_profile("paper")
    frames = sample_frames(decode_video(data), profile.video_frames)
    return np.stack([resize(frame, (profile.video_size, profile.video_size)) for frame in frames])
