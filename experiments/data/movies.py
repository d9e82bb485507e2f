"""Films with poster, plot and genres, which replace MM-IMDb."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from experiments.data.base import Column, Instances, multi_hot, one_each
from experiments.data.packed import as_picture, cached_archive

NUM_SCORED_GENRES = 13
NO_TEXT = "."
"""The text of a film that has none after its first sentence, because a client cannot send an empty text."""

_FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}


def load_movies(root: Path, split: str) -> Instances:
    """Read movies/: the text of each film after its first sentence, which names the genre, and its poster.

    The scored labels are the 13 most frequent genres of the training split.
    """
    folder = root / "movies"
    posters = cached_archive(folder / "posters_96x144.tar", "*.jpg", as_picture)
    films = _read_films(folder / _FILES[split])
    labels = tuple(json.loads((folder / "genres.json").read_text(encoding="utf-8")))
    rows = posters.indices(f"posters_96x144/{film['id']}.jpg" for film in films)
    texts = [film["text_after_first_sentence"].strip() or NO_TEXT for film in films]
    return Instances(
        {"image": Column(posters.rows, rows), "text": one_each(texts)},
        multi_hot([film["genres"] for film in films], labels),
        labels,
        scored_labels=commonest([film["genres"] for film in _read_films(folder / _FILES["train"])]),
    )


def commonest(genres: Sequence[Collection[str]]) -> tuple[str, ...]:
    """The 13 most frequent genres, the most frequent first; equally frequent ones are in order of name."""
    counts = Counter(genre for of_film in genres for genre in sorted(of_film))
    return tuple(sorted(counts, key=lambda genre: (-counts[genre], genre))[:NUM_SCORED_GENRES])


def _read_films(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
