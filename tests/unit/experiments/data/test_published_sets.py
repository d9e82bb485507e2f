"""Loaders of the paper's data sets: what an instance is, on small files in the published layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from layouts import write_batches, write_file, write_vqa
from media_files import clip, picture, sound, tone

from experiments.data import load_examples
from experiments.data.base import SPLITS, BrokenFile
from experiments.data.catalogue import DATASETS, PUBLISHED
from experiments.evaluation.metrics import METRICS
from shared.tasks import TASKS


def test_every_task_has_its_published_set() -> None:
    assert set(PUBLISHED) == set(TASKS)
    assert all(not DATASETS[name].stands_for for name in PUBLISHED.values())


def test_europarl_v7_keeps_each_short_sentence_once(root: Path) -> None:
    numbered = [f"Sentence number {n} , Mr President ." for n in range(400)]
    others = ["Too short", "(" + 30 * "long " + ")", "", numbered[0]]
    write_file(root / "europarl-v7" / "europarl-v7.fr-en.en", "\n".join(numbered + others) + "\n")
    splits = [load_examples("text_reconstruction", split, "europarl-v7") for split in SPLITS]
    texts = [source["text"] for split in splits for source in split.sources(range(len(split)))]
    assert sorted(texts) == sorted(numbered)


def test_cifar10_batches(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    folder = root / "cifar-10-batches-py"
    write_batches(folder, pictures, [0, 9, 1, 9, 2, 9, 3, 9, 4, 9, 5, 9], monkeypatch)
    validation = load_examples("image_classification", "validation", "cifar10")  # fewer than 5,000: all
    assert np.array_equal(validation.columns["image"].values, pictures[:10])
    assert validation.targets.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    test = load_examples("image_reconstruction", "test", "cifar10-pixels")
    assert np.array_equal(test.sources([1])[0]["image"], pictures[11])
    assert test.targets is None
    write_file(folder / "test_batch", b"cut")
    with pytest.raises(BrokenFile, match="cifar-10-batches-py"):
        load_examples("image_classification", "test", "cifar10")


def test_librispeech(root: Path) -> None:
    chapter = root / "LibriSpeech" / "test-clean" / "61" / "70968"
    for number, frequency_hz in enumerate((500, 1000)):
        samples = tone(frequency_hz, 16_000, 1.0)
        write_file(chapter / f"61-70968-000{number}.flac", sound(samples, 16_000, "FLAC"))
    transcripts = chapter / "61-70968.trans.txt"
    write_file(transcripts, "61-70968-0000 HE'S HERE\n61-70968-0001 GOOD MORNING\n")
    examples = load_examples("speech_recognition", "test", "librispeech")
    assert examples.targets == ["he's here", "good morning"]
    for source, frequency_hz in zip(examples.sources([0, 1]), (500, 1000), strict=True):
        assert source["audio"].dtype == np.float32
        assert np.abs(source["audio"] - tone(frequency_hz, 16_000, 1.0)).max() < 1e-4  # FLAC is lossless
    write_file(transcripts, "61-70968-0000 HE'S HERE\n")
    with pytest.raises(BrokenFile, match="61-70968-0001"):
        load_examples("speech_recognition", "test", "librispeech")


def test_hmdb51(root: Path) -> None:
    folder = root / "hmdb51"
    for label, level in (("wave", 50), ("clap", 150)):
        for number in range(3):
            brightness = [level + 20 * number] * 5
            write_file(folder / label / f"v{number}.avi", clip(brightness, "avi", (64, 48)))
        lines = "v0.avi 1 \nv1.avi 2 \nv2.avi 0 \n"
        write_file(folder / "testTrainMulti_7030_splits" / f"{label}_test_split1.txt", lines)
        write_file(folder / "testTrainMulti_7030_splits" / f"{label}_test_split2.txt", "v0.avi 2 \n")
    for split, shift in (("train", 0), ("test", 20)):
        examples = load_examples("video_classification", split, "hmdb51")
        assert examples.labels == ("clap", "wave")
        assert examples.targets.tolist() == [0, 1]
        clips = [source["video"] for source in examples.sources([0, 1])]
        assert [frames.shape for frames in clips] == [(32, 224, 224, 3)] * 2
        assert [float(frames.mean()) for frames in clips] == pytest.approx([150 + shift, 50 + shift], abs=4)
    (folder / "clap" / "v1.avi").unlink()
    with pytest.raises(BrokenFile, match="clap/v1.avi is broken: it is listed, but does not exist"):
        load_examples("video_classification", "test", "hmdb51")


def test_vqa_v2(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.data.vqa_v2.NUM_ANSWERS", 2)
    common, yes = ["two"] * 7 + ["2"] * 3, ["yes"] * 10
    train = [
        (1, 9, "how many?", common),
        (2, 9, "is it?", yes),
        (3, 70, "is it?", yes),
        (4, 70, "who?", ["I"] * 10),
    ]
    write_vqa(root / "vqa-v2", "train2014", train, red=int)
    test_rows = [(11, 200, "how many?", common), (12, 30, "who?", ["me"] * 10)]
    write_vqa(root / "vqa-v2", "val2014", test_rows, red=int)
    training = load_examples("vqa", "train", "vqa-v2")
    assert (training.labels, training.targets.tolist()) == (("yes", "two"), [1, 0, 0])
    assert [source["text"] for source in training.sources(range(3))] == ["how many?", "is it?", "is it?"]
    reds = [int(source["image"][0, 0, 0]) for source in training.sources(range(3))]
    assert reds == pytest.approx([9, 9, 70], abs=4)
    assert training.columns["image"].values.shape == (2, 256, 256, 3)
    test = load_examples("vqa", "test", "vqa-v2")
    assert (test.split, test.targets.tolist()) == ("test", [1, -1])
    assert [int(source["image"][0, 0, 0]) for source in test.sources([0, 1])] == pytest.approx(
        [200, 30], abs=4
    )
    measured = METRICS["vqa_accuracy"].measure([["2", "me"]], test.human_answers)
    assert measured.value == pytest.approx(((3 * 2 + 7 * 3) / 30 + 1) / 2)


def test_mm_imdb(root: Path) -> None:
    films = {
        "0001": (["Drama", "News"], ["Short.", "The longer plot."]),
        "0002": (["Film-Noir"], []),
        "0003": (["Drama", "War"], ["A plot."]),
    }
    for number, (name, (genres, plot)) in enumerate(films.items()):
        fields = {"genres": genres, "title": name, **({"plot": plot} if plot else {})}
        write_file(root / "mmimdb" / "dataset" / f"{name}.json", json.dumps(fields))
        write_file(root / "mmimdb" / "dataset" / f"{name}.jpeg", picture(60 * number, 50, "JPEG"))
    subsets = {"train": ["0003", "0001"], "dev": ["0002"], "test": ["0001"]}
    write_file(root / "mmimdb" / "split.json", json.dumps(subsets))
    train = load_examples("movie_genres", "train", "mm-imdb")
    assert [source["text"] for source in train.sources([0, 1])] == ["A plot.", "The longer plot."]
    assert [int(s["image"][0, 0, 0]) for s in train.sources([0, 1])] == pytest.approx([120, 0], abs=4)
    assert train.sources([0])[0]["image"].shape == (256, 160, 3)
    held = [{train.labels[place] for place in np.flatnonzero(row)} for row in train.targets]
    assert held == [{"Drama", "War"}, {"Drama"}]
    assert (train.scored_labels, len(train.labels)) == (("Drama", "War"), 23)
    noir = load_examples("movie_genres", "validation", "mm-imdb")
    assert (noir.sources([0])[0]["text"], noir.labels[int(noir.targets[0].argmax())]) == (".", "Film-Noir")
