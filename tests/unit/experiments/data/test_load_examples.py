"""`load_examples` and what it has in common for all data sets: errors, the cache, joined data sets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from layouts import write_tar
from media_files import clip, picture

from experiments.data import load_examples
from experiments.data.base import SPLITS, BrokenFile, Column, DatasetMissing, Examples, join, one_each
from experiments.data.catalogue import DATASETS
from shared.errors import InvalidField, UnknownName
from shared.tasks import TASKS


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", [name for name in DATASETS if name != "made-digits"])
def test_missing_files_are_named(root: Path, name: str, split: str) -> None:
    dataset = DATASETS[name]
    message = f"{name}.*{re.escape(dataset.files[split][0])} not found; source: {re.escape(dataset.source)}"
    with pytest.raises(DatasetMissing, match=message):
        load_examples(dataset.task, split, name)


@pytest.mark.parametrize(
    ("split", "program"), [("train", "espeak-ng"), ("validation", "espeak-ng"), ("test", "flite")]
)
def test_a_missing_program_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, split: str, program: str
) -> None:
    monkeypatch.setenv("PATH", "")
    message = f"'made-digits': program {program} not found; install it: apt install {program}$"
    with pytest.raises(DatasetMissing, match=message):
        load_examples("speech_recognition", split, "made-digits")


def test_every_task_has_a_data_set_and_every_data_set_three_splits() -> None:
    assert {dataset.task for dataset in DATASETS.values()} == set(TASKS)
    assert all(tuple(dataset.files) == ("train", "validation", "test") for dataset in DATASETS.values())


def test_what_is_no_data_set_or_split_is_refused(root: Path) -> None:
    with pytest.raises(UnknownName, match="'sst2' is not allowed.*easy-vqa"):
        load_examples("vqa", "test", "sst2")
    with pytest.raises(InvalidField, match="'dev' is not allowed.*train, validation, test"):
        load_examples("sentiment", "dev")


def test_a_broken_clip_names_itself(root: Path) -> None:
    whole = clip([0, 9])
    write_tar(root / "fights" / "fights.tar", {"fight/a.mp4": whole, "noFight/b.mp4": whole[:200]})
    with pytest.raises(BrokenFile, match="fights.*noFight/b.mp4 is broken"):
        load_examples("video_classification", "train", "fights")
    assert not [path for path in (root / "cache").rglob("*") if path.is_file()]


def test_joined_splits_keep_every_instance() -> None:
    def part(name: str, values: list[str], rows: list[int], targets: list[int]) -> Examples:
        column = {"text": Column(values, np.array(rows))}
        return Examples(
            column, np.array(targets), ("no", "yes"), dataset=name, split="train", task="sentiment"
        )

    joined = join([part("a", ["x", "y"], [1, 0, 1], [0, 1, 1]), part("b", ["z"], [0], [1])])
    assert (joined.dataset, len(joined)) == ("a+b", 4)
    assert [source["text"] for source in joined.sources(range(4))] == ["y", "x", "y", "z"]
    assert joined.targets.tolist() == [0, 1, 1, 1]
    first, second = part("a", ["x", "y"], [0], [0]), part("b", ["z"], [0], [1])
    second = replace(second, columns={"text": replace(second.columns["text"], label_cue="motion")})
    assert join([first, second]).columns["text"].label_cue.tolist() == ["all", "all", "motion"]
    twice = join([first, first])
    assert (twice.dataset, [source["text"] for source in twice.sources(range(2))]) == ("a+a", ["x", "x"])
    other = Examples(
        {"text": one_each(["w"])}, np.array([0]), ("yes", "no"), dataset="c", split="train", task="sentiment"
    )
    with pytest.raises(InvalidField, match="'a\\+b\\+c' is not allowed.*the same labels"):
        join([joined, other])


def test_the_variable_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMCOM_DATA", raising=False)
    with pytest.raises(DatasetMissing, match="SEMCOM_DATA"):
        load_examples("vqa", "test")


def test_another_archive_is_not_answered_from_the_cache(root: Path) -> None:
    archive = root / "cifar10" / "images.tar.xz"
    write_tar(archive, {"jpg/test/cat/0001.jpg": picture(10, 32, "JPEG")})
    assert len(load_examples("image_classification", "test")) == 1
    archive.unlink()
    archive.parent.rmdir()
    write_tar(archive, {f"jpg/test/dog/{n}.jpg": picture(20 * n, 32, "JPEG") for n in range(9)})
    assert len(load_examples("image_classification", "test")) == 9
