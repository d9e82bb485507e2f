"""easy-VQA: {train,test}/images/N.png and questions.json of [question, answer, image number]."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np

from experiments.datasets.base import Column, Examples, distinct
from experiments.datasets.packed import cache_file, cached_pictures

_NAME = "easy-vqa"
_HINT = "the easy-VQA pictures in one archive (github.com/vzhou842/easy-VQA)"


def load_easy_vqa(root: Path, split: str) -> Examples:
    """Read a split; a question-only guesser reaches 0.670 on test.

    Args:
        root: Folder that holds `easy-vqa/`.
        split: "train" (4,000 pictures, 38,575 questions) or "test" (1,000 and 9,673).

    Raises:
        DatasetMissing: If the archive is not there.
    """
    archive = root / "easy-vqa" / "easy-vqa.tar.xz"
    pictures = cached_pictures(
        archive,
        f"{split}.npz",
        dataset=_NAME,
        wanted=lambda name: name.startswith(f"{split}/images/") and name.endswith(".png"),
        hint=_HINT,
    )
    questions, labels = _read_questions(archive, split)
    names = list(pictures)
    place = {name: number for number, name in enumerate(names)}
    rows = [place[f"{split}/images/{image}.png"] for _, _, image in questions]
    return Examples(
        dataset=_NAME,
        split=split,
        task="vqa",
        labels=labels,
        columns={
            "image": Column(np.stack([pictures[name] for name in names]), np.array(rows, dtype=np.int64)),
            "text": distinct([question for question, _, _ in questions]),
        },
        targets=np.array([labels.index(answer) for _, answer, _ in questions], dtype=np.int64),
    )


def _read_questions(archive: Path, split: str) -> tuple[list[tuple[str, str, int]], tuple[str, ...]]:
    cache = cache_file(archive, f"{split}-questions.json", dataset=_NAME, hint=_HINT)
    if not cache.is_file():
        with tarfile.open(archive) as tar:
            files = {name: tar.extractfile(name) for name in (f"{split}/questions.json", "answers.txt")}
            texts = {name: file.read().decode() for name, file in files.items() if file is not None}
        labels = texts["answers.txt"].split()
        questions = json.loads(texts[f"{split}/questions.json"])
        partial = cache.with_suffix(".part")
        partial.write_text(json.dumps({"labels": labels, "questions": questions}), encoding="utf-8")
        partial.rename(cache)
    stored = json.loads(cache.read_text(encoding="utf-8"))
    return [tuple(row) for row in stored["questions"]], tuple(stored["labels"])
