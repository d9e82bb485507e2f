"""Clips of people, packed, in the place of HMDB51: Weizmann actions and surveillance fights.

Both share one list of labels, so that one head serves them and their training splits join.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from experiments.data.base import Examples, LabelCue, in_part, one_each
from experiments.data.packed import cached_archive, read_member
from transmitter.media import decode_image, decode_video

LABELS = ("bend", "jack", "wave1", "wave2", "fight", "no_fight")
WINDOW_FRAMES = 16
_TRAINING_STRIDE, _STRIDE = 4, 8
_SUBJECTS = {"train": range(5), "validation": range(5, 6), "test": range(6, 9)}
_FIGHT_LABELS = {"fight": "fight", "noFight": "no_fight"}
_NUM_PARTS = 10
_PARTS = {"test": (0, 5), "validation": (1,), "train": (2, 3, 4, 6, 7, 8, 9)}


def load_weizmann(root: Path, split: str) -> Examples:
    """Windows of 16 frames of weizmann.tar: <class>/<clip>.jpg, strips of 64x64 frames, and clips.csv.

    A window begins every 4 frames in training and every 8 in the other splits; what does not fill one
    is left out.

    Args:
        root: Folder that holds `weizmann/`.
        split: "train" (subjects 0-4, 20 clips), "validation" (5, 4 clips) or "test" (6-8, 12 clips).

    Raises:
        BrokenFile: If a strip does not decode.
    """
    archive = root / "weizmann" / "weizmann.tar"
    strips = cached_archive(
        archive,
        "clips",
        dataset="weizmann",
        wanted=lambda name: name.endswith(".jpg"),
        decode=_cut_strip,
    )
    place = {name: number for number, name in enumerate(strips.names)}
    windows: list[NDArray[np.uint8]] = []
    targets: list[int] = []
    for clip in csv.DictReader(read_member(archive, "clips.csv").splitlines()):
        if int(clip["subject"]) not in _SUBJECTS[split]:
            continue
        frames = strips[place[clip["file"]]]
        stride = _TRAINING_STRIDE if split == "train" else _STRIDE
        starts = range(0, len(frames) - WINDOW_FRAMES + 1, stride)
        windows += [frames[start : start + WINDOW_FRAMES] for start in starts]
        targets += [LABELS.index(clip["action"])] * len(starts)
    return _examples("weizmann", split, windows, targets, label_cue="motion")


def load_fights(root: Path, split: str) -> Examples:
    """Read fights.tar: {fight,noFight}/<clip>.mp4, 112x112, 12 frames a second.

    Where the SHA-256 of a file name, as a number, ends in 0 or 5 the clip is for testing, in 1 for
    validation.

    Args:
        root: Folder that holds `fights/`.
        split: "train", "validation" or "test", about 70, 10 and 20 of each 100 clips.

    Raises:
        BrokenFile: If a clip does not decode.
    """
    clips = cached_archive(
        root / "fights" / "fights.tar",
        "clips",
        dataset="fights",
        wanted=lambda name: name.endswith(".mp4"),
        decode=decode_video,
    )
    own = [row for row, name in enumerate(clips.names) if _part(name) in _PARTS[split]]
    targets = [LABELS.index(_FIGHT_LABELS[PurePosixPath(clips.names[row]).parent.name]) for row in own]
    return _examples("fights", split, [clips[row] for row in own], targets, label_cue="appearance")


def _examples(
    dataset: str,
    split: str,
    clips: list[NDArray[np.uint8]],
    targets: list[int],
    *,
    label_cue: LabelCue,
) -> Examples:
    return Examples(
        dataset=dataset,
        split=split,
        task="video_classification",
        labels=LABELS,
        columns={"video": replace(one_each(clips), label_cue=label_cue)},
        targets=np.array(targets, dtype=np.int64),
    )


def _part(name: str) -> int:
    return in_part(PurePosixPath(name).name, _NUM_PARTS)


def _cut_strip(data: bytes) -> NDArray[np.uint8]:
    """A strip of square frames, side by side, to uint8 [num_frames, side, side, 3]."""
    strip = decode_image(data)
    side = strip.shape[0]
    return strip.reshape(side, -1, side, 3).swapaxes(0, 1)
