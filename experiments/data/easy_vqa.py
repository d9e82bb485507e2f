"""easy-VQA, one archive: answers.txt and, in train/ and test/, images/N.png and questions.json.

A question is a list of its text, its answer and the number of its picture.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from experiments.data.base import Column, Instances, distinct, in_split
from experiments.data.packed import as_picture, cached_archive, read_member


def load_easy_vqa(root: Path, split: str) -> Instances:
    """Read easy-vqa/easy-vqa.tar.xz."""
    archive = root / "easy-vqa" / "easy-vqa.tar.xz"
    folder = "test" if split == "test" else "train"
    pictures = cached_archive(archive, f"{folder}/images/*.png", as_picture)
    labels = tuple(read_member(archive, "answers.txt").split())
    asked = json.loads(read_member(archive, f"{folder}/questions.json"))
    questions = [row for row in asked if in_split(str(row[2]), split)]
    rows = pictures.indices(f"{folder}/images/{image}.png" for _, _, image in questions)
    texts = distinct([question for question, _, _ in questions])
    targets = np.array([labels.index(answer) for _, answer, _ in questions], dtype=np.int64)
    return Instances({"image": Column(pictures.rows, rows), "text": texts}, targets, labels)
