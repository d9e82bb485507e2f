"""MM-IMDb in its published layout: split.json, and dataset/ with <id>.json and <id>.jpeg."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.data.base import Instances, multi_hot, one_each
from experiments.data.movies import NO_TEXT, commonest
from experiments.data.packed import as_picture_of, cached_files

GENRES = (
    *("Drama", "Comedy", "Romance", "Thriller", "Crime", "Action", "Adventure", "Horror", "Documentary"),
    *("Mystery", "Sci-Fi", "Fantasy", "Family", "Biography", "War", "History", "Music", "Animation"),
    *("Musical", "Western", "Sport", "Short", "Film-Noir"),
)
"""The genres that the authors of the data set use; films also name News, Adult, Talk-Show and Reality-TV."""

_SUBSETS = {"train": "train", "validation": "dev", "test": "test"}
_KEPT_SIZE = (256, 160)


def load_mm_imdb(root: Path, split: str) -> Instances:
    """Read mmimdb/: the longest plot of each film, and its poster, of which the cache keeps 256x160 pixels.

    The scored labels are the 13 most frequent genres of the training split.
    """
    folder = root / "mmimdb"
    subsets = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    ids: list[str] = subsets[_SUBSETS[split]]
    films = [_read_film(folder, film) for film in ids]
    training = [_read_film(folder, film)["genres"] for film in subsets["train"]]
    files = [folder / "dataset" / f"{film}.jpeg" for film in ids]
    posters = cached_files(files, folder, as_picture_of(_KEPT_SIZE))
    plots = [max(film["plot"], key=len, default="").strip() or NO_TEXT for film in films]
    return Instances(
        {"image": one_each(posters.rows), "text": one_each(plots)},
        multi_hot([film["genres"] for film in films], GENRES),
        GENRES,
        scored_labels=commonest([set(genres) & set(GENRES) for genres in training]),
    )


def _read_film(folder: Path, film: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((folder / "dataset" / f"{film}.json").read_text(encoding="utf-8"))
    return {"genres": fields["genres"], "plot": fields.get("plot", [])}
