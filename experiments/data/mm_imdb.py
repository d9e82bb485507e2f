"""MM-IMDb in its published layout: split.json, and dataset/ with <id>.json and <id>.jpeg."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.data.base import Examples, multi_hot, one_each
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


def load_mm_imdb(root: Path, split: str) -> Examples:
    """Read a split: the longest plot of each film, and its poster.

    The cache keeps posters of 256x160 pixels. The scored labels are the 13 most frequent genres of the
    training split.

    Args:
        root: Folder that holds `mmimdb/`.
        split: "train" (15,552 films), "validation" (dev, 2,608) or "test" (7,799).

    Raises:
        BrokenFile: If a poster cannot be decoded.
    """
    folder = root / "mmimdb"
    subsets = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    ids: list[str] = subsets[_SUBSETS[split]]
    films = [_read_film(folder, film) for film in ids]
    training = [_read_film(folder, film)["genres"] for film in subsets["train"]]
    posters = cached_files(
        [folder / "dataset" / f"{film}.jpeg" for film in ids],
        root=folder,
        name=split,
        dataset="mm-imdb",
        decode=as_picture_of(_KEPT_SIZE),
    )
    return Examples(
        dataset="mm-imdb",
        split=split,
        task="movie_genres",
        labels=GENRES,
        columns={
            "image": one_each(posters.rows),
            "text": one_each([max(film["plot"], key=len, default="").strip() or NO_TEXT for film in films]),
        },
        targets=multi_hot([film["genres"] for film in films], GENRES),
        scored_labels=commonest([set(genres) & set(GENRES) for genres in training]),
    )


def _read_film(folder: Path, film: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((folder / "dataset" / f"{film}.json").read_text(encoding="utf-8"))
    return {"genres": fields["genres"], "plot": fields.get("plot", [])}
