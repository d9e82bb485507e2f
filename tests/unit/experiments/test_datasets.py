"""Loaders, on small files written here in exactly the layouts they read."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.cli import parse_snrs
from experiments.datasets import LOADERS, load_examples
from experiments.datasets.base import DatasetMissing
from shared.errors import InvalidField


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path))
    monkeypatch.setenv("SEMCOM_CACHE", str(tmp_path / "cache"))
    return tmp_path


def _picture(value: int, size: int, kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size), (value, 0, 255 - value)).save(file, kind)
    return file.getvalue()


def _write_tar(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_sst2_keeps_quotes(root: Path) -> None:
    (root / "sst2").mkdir()
    rows = 'sentence\tlabel\n"quoted" and \'odd , good\t1\nbad " film\t0\n'
    (root / "sst2" / "dev.tsv").write_text(rows)
    examples = load_examples("sentiment", "test")
    assert (examples.dataset, examples.split, len(examples)) == ("sst2", "dev", 2)
    assert examples.sources([0, 1]) == [{"text": '"quoted" and \'odd , good'}, {"text": 'bad " film'}]
    assert [examples.labels[t] for t in examples.targets] == ["positive", "negative"]


def test_cifar10_reads_the_archive_once(root: Path) -> None:
    archive = root / "cifar10" / "images.tar.xz"
    files = {
        "jpg/test/cat/0001.jpg": _picture(10, 32, "JPEG"),
        "jpg/test/ship/0002.jpg": _picture(200, 32, "JPEG"),
        "jpg/train/cat/0003.jpg": _picture(90, 32, "JPEG"),
        "jpg/README.md": b"text",
    }
    _write_tar(archive, files)
    first = load_examples("image_classification", "test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tarfile, "open", None)
        again = load_examples("image_classification", "test")
    assert [first.labels[t] for t in first.targets] == ["cat", "ship"]
    assert np.array_equal(first.columns["image"].values, again.columns["image"].values)
    assert first.sources([0])[0]["image"].shape == (32, 32, 3)


def test_another_archive_is_not_answered_from_the_cache(root: Path) -> None:
    archive = root / "cifar10" / "images.tar.xz"
    _write_tar(archive, {"jpg/test/cat/0001.jpg": _picture(10, 32, "JPEG")})
    assert len(load_examples("image_classification", "test")) == 1
    archive.unlink()
    archive.parent.rmdir()
    _write_tar(archive, {f"jpg/test/dog/{n}.jpg": _picture(20 * n, 32, "JPEG") for n in range(9)})
    assert len(load_examples("image_classification", "test")) == 9


def test_easy_vqa_joins_questions_and_pictures(root: Path) -> None:
    questions = [["what shape is it?", "circle", 11], ["is it red?", "yes", 2], ["is it red?", "no", 11]]
    files = {
        "answers.txt": b"circle\nyes\nno\n",
        "test/questions.json": json.dumps(questions).encode(),
        "test/images/2.png": _picture(2, 64, "PNG"),
        "test/images/11.png": _picture(11, 64, "PNG"),
    }
    _write_tar(root / "easy-vqa" / "easy-vqa.tar.xz", files)
    examples = load_examples("vqa", "test")
    sources = examples.sources(range(3))
    assert [source["text"] for source in sources] == [question for question, _, _ in questions]
    assert [int(source["image"][0, 0, 0]) for source in sources] == [11, 2, 11]
    assert [examples.labels[t] for t in examples.targets] == ["circle", "yes", "no"]
    assert len(examples.columns["text"].values) == 2


@pytest.mark.parametrize("task", list(LOADERS))
def test_missing_files_are_named(root: Path, task: str) -> None:
    with pytest.raises(DatasetMissing, match="not found"):
        load_examples(task, "test")


def test_the_variable_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMCOM_DATA", raising=False)
    with pytest.raises(DatasetMissing, match="SEMCOM_DATA"):
        load_examples("vqa", "test")


@pytest.mark.parametrize(
    ("task", "split", "num_instances", "num_labels"),
    [
        ("sentiment", "train", 67_349, 2),
        ("sentiment", "test", 872, 2),
        ("image_classification", "test", 10_000, 10),
        ("vqa", "train", 38_575, 13),
        ("vqa", "test", 9_673, 13),
    ],
)
def test_real_splits(data_folder: Path, task: str, split: str, num_instances: int, num_labels: int) -> None:
    examples = load_examples(task, split)
    assert len(examples) == num_instances
    assert len(examples.labels) == num_labels
    assert set(examples.targets) == set(range(num_labels))


def test_snr_lists_and_ranges() -> None:
    assert parse_snrs("-6:18:3") == [-6, -3, 0, 3, 6, 9, 12, 15, 18]
    assert parse_snrs("0,6.5") == [0, 6.5]


@pytest.mark.parametrize("text", ["loud", "0:inf:1", "12:0:3", "0:6:0", "", "1:2"])
def test_what_is_no_snr_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="snr-db"):
        parse_snrs(text)
