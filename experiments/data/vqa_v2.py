"""VQA v2 in its published layout: questions and annotations as JSON, and the COCO pictures they ask about."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data.base import Column, Instances, distinct, in_split
from experiments.data.packed import as_picture_of, cached_files

NUM_ANSWERS = 3129
"""So many of the most frequent training answers are classes: about those given more than eight times."""

_SUBSETS = {"train": "train2014", "validation": "train2014", "test": "val2014"}
_KEPT_SIZE = (256, 256)


def load_vqa_v2(root: Path, split: str) -> Instances:
    """Read vqa-v2/. Test is val2014, because the answers of the published test set are not public.

    The training split leaves out questions whose most frequent answer is not a class; the others keep them.
    The cache keeps pictures of 256x256 pixels.
    """
    folder, subset = root / "vqa-v2", _SUBSETS[split]
    counts = Counter(row["multiple_choice_answer"] for row in _annotations(folder, _SUBSETS["train"]))
    labels = tuple(answer for answer, _ in counts.most_common(NUM_ANSWERS))
    numbers = {label: number for number, label in enumerate(labels)}
    annotations = _annotations(folder, subset)
    if split == "train":
        annotations = [row for row in annotations if row["multiple_choice_answer"] in numbers]
    annotations = [row for row in annotations if in_split(str(row["image_id"]), split)]
    questions = _questions(folder, subset)
    images = sorted({row["image_id"] for row in annotations})
    files = [folder / subset / f"COCO_{subset}_{image:012}.jpg" for image in images]
    pictures = cached_files(files, folder, as_picture_of(_KEPT_SIZE))
    rows = np.searchsorted(images, [row["image_id"] for row in annotations]).astype(np.int64)
    texts = distinct([questions[row["question_id"]] for row in annotations])
    return Instances(
        {"image": Column(pictures.rows, rows), "text": texts},
        np.array([numbers.get(row["multiple_choice_answer"], -1) for row in annotations]),
        labels,
        human_answers=[tuple(person["answer"] for person in row["answers"]) for row in annotations],
    )


def _annotations(folder: Path, subset: str) -> list[dict[str, Any]]:
    text = (folder / f"v2_mscoco_{subset}_annotations.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["annotations"]
    return rows


def _questions(folder: Path, subset: str) -> dict[int, str]:
    text = (folder / f"v2_OpenEnded_mscoco_{subset}_questions.json").read_text(encoding="utf-8")
    return {row["question_id"]: row["question"] for row in json.loads(text)["questions"]}
