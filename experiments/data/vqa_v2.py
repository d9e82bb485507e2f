"""VQA v2 as it is published: questions and annotations as JSON, and the COCO pictures they are about."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data.base import Column, Examples, distinct, in_split
from experiments.data.packed import as_picture_of, cached_files

NUM_ANSWERS = 3129
"""Commonest answers that are classes: about those given to more than eight training questions."""

_SUBSETS = {"train": "train2014", "validation": "train2014", "test": "val2014"}
_VALIDATION_PARTS = 20
_KEPT_SIZE = (256, 256)


def load_vqa_v2(root: Path, split: str) -> Examples:
    """Read a split; figures are reported on val2014, as the answers of the test subset are not public.

    Training leaves out questions whose commonest answer is no class; testing keeps them. Pictures are kept at
    256x256 pixels.

    Args:
        root: Folder that holds `vqa-v2/`.
        split: "train" or "validation" (one in twenty of train2014's pictures, by the SHA-256 of their
            number), or "test" (val2014).

    Raises:
        BrokenFile: If a picture does not decode.
    """
    folder, subset = root / "vqa-v2", _SUBSETS[split]
    labels = _commonest(_annotations(folder, _SUBSETS["train"]))
    numbers = {label: number for number, label in enumerate(labels)}
    annotations = _annotations(folder, subset)
    if split == "train":
        annotations = [row for row in annotations if row["multiple_choice_answer"] in numbers]
    if split != "test":
        annotations = [row for row in annotations if in_split(str(row["image_id"]), split, _VALIDATION_PARTS)]
    questions = _questions(folder, subset)
    images = sorted({row["image_id"] for row in annotations})
    pictures = cached_files(
        [folder / subset / f"COCO_{subset}_{image:012}.jpg" for image in images],
        root=folder,
        name=split,
        dataset="vqa-v2",
        decode=as_picture_of(_KEPT_SIZE),
    )
    rows = np.searchsorted(images, [row["image_id"] for row in annotations])
    return Examples(
        dataset="vqa-v2",
        split=split,
        task="vqa",
        labels=labels,
        columns={
            "image": Column(pictures.rows, rows.astype(np.int64)),
            "text": distinct([questions[row["question_id"]] for row in annotations]),
        },
        targets=np.array([numbers.get(row["multiple_choice_answer"], -1) for row in annotations]),
        human_answers=[tuple(person["answer"] for person in row["answers"]) for row in annotations],
    )


def _commonest(annotations: list[dict[str, Any]]) -> tuple[str, ...]:
    counts = Counter(row["multiple_choice_answer"] for row in annotations)
    return tuple(answer for answer, _ in counts.most_common(NUM_ANSWERS))


def _annotations(folder: Path, subset: str) -> list[dict[str, Any]]:
    text = (folder / f"v2_mscoco_{subset}_annotations.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["annotations"]
    return rows


def _questions(folder: Path, subset: str) -> dict[int, str]:
    text = (folder / f"v2_OpenEnded_mscoco_{subset}_questions.json").read_text(encoding="utf-8")
    return {row["question_id"]: row["question"] for row in json.loads(text)["questions"]}
