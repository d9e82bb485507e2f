"""Clips of people, which replace HMDB51: Weizmann's actions, and fights in surveillance videos.

Both have the same list of labels, so that one network can be trained on both.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from experiments.data.base import Instances, in_part, one_each
from experiments.data.packed import cached_archive, read_member
from transmitter.images import decode_image
from transmitter.media import decode_video

LABELS = ("bend", "jack", "wave1", "wave2", "fight", "no_fight")
WINDOW_FRAMES = 16
_TRAINING_STRIDE, _STRIDE = 4, 8
_SUBJECTS = {"train": range(5), "validation": range(5, 6), "test": range(6, 9)}
_FIGHT_LABELS = {"fight": "fight", "noFight": "no_fight"}
_NUM_PARTS = 10
_PARTS = {"test": (0, 5), "validation": (1,), "train": (2, 3, 4, 6, 7, 8, 9)}


def load_weizmann(root: Path, split: str) -> Instances:
    """Read windows of 16 frames of 64x64 pixels from weizmann/weizmann.tar.

    The archive has a list, clips.csv, and <class>/<clip>.jpg with the frames of a clip side by side. A window
    begins every 4 frames in the training split and every 8 frames in the others. Frames after the last whole
    window are not used.
    """
    archive = root / "weizmann" / "weizmann.tar"
    strips = cached_archive(archive, "*.jpg", _cut_strip)
    stride = _TRAINING_STRIDE if split == "train" else _STRIDE
    rows = csv.DictReader(read_member(archive, "clips.csv").splitlines())
    clips = [row for row in rows if int(row["subject"]) in _SUBJECTS[split]]
    windows: list[NDArray[np.uint8]] = []
    targets: list[int] = []
    for clip, index in zip(clips, strips.indices(clip["file"] for clip in clips), strict=True):
        frames = strips[index]
        starts = range(0, len(frames) - WINDOW_FRAMES + 1, stride)
        windows += [frames[start : start + WINDOW_FRAMES] for start in starts]
        targets += [LABELS.index(clip["action"])] * len(starts)
    column = replace(one_each(windows), label_cue="motion")
    return Instances({"video": column}, np.array(targets, dtype=np.int64), LABELS)


def load_fights(root: Path, split: str) -> Instances:
    """Read fights/fights.tar: {fight,noFight}/<clip>.mp4, 112x112 pixels, 12 frames a second."""
    clips = cached_archive(root / "fights" / "fights.tar", "*.mp4", decode_video)
    own = [row for row, name in enumerate(clips.names) if _part(name) in _PARTS[split]]
    targets = [LABELS.index(_FIGHT_LABELS[PurePosixPath(clips.names[row]).parent.name]) for row in own]
    column = replace(one_each([clips[row] for row in own]), label_cue="appearance")
    return Instances({"video": column}, np.array(targets, dtype=np.int64), LABELS)


def _part(name: str) -> int:
    return in_part(PurePosixPath(name).name, _NUM_PARTS)


def _cut_strip(data: bytes) -> NDArray[np.uint8]:
    """Decode a strip of square frames to uint8 [num_frames, side, side, 3]."""
    strip = decode_image(data)
    side = strip.shape[0]
    return strip.reshape(side, -1, side, 3).swapaxes(0, 1)
