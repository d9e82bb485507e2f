"""Loaders of the paper's data sets, on small files written here in exactly the published layouts."""

from __future__ import annotations

import json
import pickle
from hashlib import md5, sha256
from pathlib import Path

import numpy as np
import pytest
from media_files import clip, picture, sound, tone
from torchvision.datasets import CIFAR10

from experiments.data import load_examples
from experiments.data.base import BrokenFile
from experiments.data.catalogue import DATASETS, PUBLISHED
from experiments.evaluation.metrics import METRICS
from shared.tasks import TASKS


def _write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def test_every_task_has_its_published_set() -> None:
    assert set(PUBLISHED) == set(TASKS)
    assert all(not DATASETS[name].stands_for for name in PUBLISHED.values())


def test_glue_sst2(root: Path) -> None:
    _write(root / "glue" / "SST-2" / "dev.tsv", "sentence\tlabel\na fine film \t1\n")
    examples = load_examples("sentiment", "test", "glue-sst2")
    assert (examples.dataset, examples.sources([0])) == ("glue-sst2", [{"text": "a fine film"}])


def test_europarl_v7_keeps_each_short_sentence_once(root: Path) -> None:
    numbered = [f"Sentence number {n} , Mr President ." for n in range(400)]
    others = ["Too short", "(" + 30 * "long " + ")", "", numbered[0]]
    _write(root / "europarl-v7" / "europarl-v7.fr-en.en", "\n".join(numbered + others) + "\n")
    splits = {
        split: [source["text"] for source in examples.sources(range(len(examples)))]
        for split in ("train", "validation", "test")
        for examples in [load_examples("text_reconstruction", split, "europarl-v7")]
    }
    assert sorted(sum(splits.values(), [])) == sorted(numbered)
    by_hash = [text for text in numbered if int(sha256(text.encode()).hexdigest(), 16) % 100 == 0]
    assert splits["test"] == by_hash
    assert len(splits["train"]) > 350


def _write_batches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Two pictures a batch, channel planes first, and the checksums torchvision holds them to."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    files = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for number, name in enumerate(files):
        rows = pictures[2 * number : 2 * number + 2].reshape(2, 3072)
        _write(folder / name, pickle.dumps({"data": rows, "labels": [number, 9]}))
    _write(folder / "batches.meta", pickle.dumps({"label_names": ["airplane"]}))
    sums = {name: md5((folder / name).read_bytes()).hexdigest() for name in [*files, "batches.meta"]}
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in files[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    return pictures.transpose(0, 2, 3, 1)


def test_cifar10_batches(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = _write_batches(root / "cifar-10-batches-py", monkeypatch)
    train = load_examples("image_classification", "train", "cifar10")
    assert np.array_equal(train.columns["image"].values, pictures[:10])
    assert train.targets.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    test = load_examples("image_reconstruction", "test", "cifar10-pixels")
    assert np.array_equal(test.sources([1])[0]["image"], pictures[11])
    assert test.targets is None
    _write(root / "cifar-10-batches-py" / "test_batch", b"cut")
    with pytest.raises(BrokenFile, match="cifar-10-batches-py"):
        load_examples("image_classification", "test", "cifar10")


def test_librispeech(root: Path) -> None:
    chapter = root / "LibriSpeech" / "test-clean" / "61" / "70968"
    for number, frequency_hz in enumerate((500, 1000)):
        samples = tone(frequency_hz, 16_000, 1.0)
        _write(chapter / f"61-70968-000{number}.flac", sound(samples, 16_000, "FLAC"))
    transcripts = chapter / "61-70968.trans.txt"
    _write(transcripts, "61-70968-0000 HE'S HERE\n61-70968-0001 GOOD MORNING\n")
    examples = load_examples("speech_recognition", "test", "librispeech")
    assert examples.targets == ["he's here", "good morning"]
    for source, frequency_hz in zip(examples.sources([0, 1]), (500, 1000), strict=True):
        assert source["audio"].dtype == np.float32
        assert np.abs(source["audio"] - tone(frequency_hz, 16_000, 1.0)).max() < 1e-4  # FLAC is lossless
    _write(transcripts, "61-70968-0000 HE'S HERE\n")
    with pytest.raises(BrokenFile, match="61-70968-0001"):
        load_examples("speech_recognition", "test", "librispeech")


def test_hmdb51(root: Path) -> None:
    folder = root / "hmdb51"
    for label, level in (("wave", 50), ("clap", 150)):
        for number in range(3):
            brightness = [level + 20 * number] * 5
            _write(folder / label / f"v{number}.avi", clip(brightness, "avi", (64, 48)))
        lines = "v0.avi 1 \nv1.avi 2 \nv2.avi 0 \n"
        _write(folder / "testTrainMulti_7030_splits" / f"{label}_test_split1.txt", lines)
        _write(folder / "testTrainMulti_7030_splits" / f"{label}_test_split2.txt", "v0.avi 2 \n")
    for split, shift in (("train", 0), ("test", 20)):
        examples = load_examples("video_classification", split, "hmdb51")
        assert examples.labels == ("clap", "wave")
        assert examples.targets.tolist() == [0, 1]
        clips = [source["video"] for source in examples.sources([0, 1])]
        assert [frames.shape for frames in clips] == [(32, 224, 224, 3)] * 2
        assert [float(frames.mean()) for frames in clips] == pytest.approx([150 + shift, 50 + shift], abs=4)
    (folder / "clap" / "v1.avi").unlink()
    with pytest.raises(BrokenFile, match="clap/v1.avi is broken: it is listed, but not there"):
        load_examples("video_classification", "test", "hmdb51")


def _write_vqa(folder: Path, subset: str, rows: list[tuple[int, int, str, list[str]]]) -> None:
    questions = [{"question_id": q, "image_id": i, "question": text} for q, i, text, _ in rows]
    annotations = [
        {
            "question_id": q,
            "image_id": i,
            "multiple_choice_answer": max(people, key=people.count),
            "answers": [{"answer": answer, "answer_id": n + 1} for n, answer in enumerate(people)],
        }
        for q, i, _, people in rows
    ]
    # The order of questions is not that of annotations: they meet by their number.
    names = (f"v2_OpenEnded_mscoco_{subset}_questions.json", f"v2_mscoco_{subset}_annotations.json")
    _write(folder / names[0], json.dumps({"questions": questions[::-1]}))
    _write(folder / names[1], json.dumps({"annotations": annotations}))
    for image in {i for _, i, _, _ in rows}:
        _write(folder / subset / f"COCO_{subset}_{image:012}.jpg", picture(image, 40, "JPEG"))


def test_vqa_v2(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.data.vqa_v2.NUM_ANSWERS", 2)
    common, yes = ["two"] * 7 + ["2"] * 3, ["yes"] * 10
    train = [
        (1, 9, "how many?", common),
        (2, 9, "is it?", yes),
        (3, 70, "is it?", yes),
        (4, 70, "who?", ["I"] * 10),
    ]
    _write_vqa(root / "vqa-v2", "train2014", train)
    test_rows = [(11, 200, "how many?", common), (12, 30, "who?", ["me"] * 10)]
    _write_vqa(root / "vqa-v2", "val2014", test_rows)
    training = load_examples("vqa", "train", "vqa-v2")
    assert (training.labels, training.targets.tolist()) == (("yes", "two"), [1, 0, 0])
    assert [source["text"] for source in training.sources(range(3))] == ["how many?", "is it?", "is it?"]
    reds = [int(source["image"][0, 0, 0]) for source in training.sources(range(3))]
    assert reds == pytest.approx([9, 9, 70], abs=4)
    assert training.columns["image"].values.shape == (2, 256, 256, 3)
    test = load_examples("vqa", "test", "vqa-v2")
    assert (test.split, test.targets.tolist()) == ("validation", [1, -1])
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
        _write(root / "mmimdb" / "dataset" / f"{name}.json", json.dumps(fields))
        _write(root / "mmimdb" / "dataset" / f"{name}.jpeg", picture(60 * number, 50, "JPEG"))
    subsets = {"train": ["0003", "0001"], "dev": ["0002"], "test": ["0001"]}
    _write(root / "mmimdb" / "split.json", json.dumps(subsets))
    train = load_examples("movie_genres", "train", "mm-imdb")
    assert [source["text"] for source in train.sources([0, 1])] == ["A plot.", "The longer plot."]
    assert [int(s["image"][0, 0, 0]) for s in train.sources([0, 1])] == pytest.approx([120, 0], abs=4)
    assert train.sources([0])[0]["image"].shape == (256, 160, 3)
    held = [{train.labels[place] for place in np.flatnonzero(row)} for row in train.targets]
    assert held == [{"Drama", "War"}, {"Drama"}]
    assert (train.scored_labels, len(train.labels)) == (("Drama", "War"), 23)
    noir = load_examples("movie_genres", "validation", "mm-imdb")
    assert (noir.sources([0])[0]["text"], noir.labels[int(noir.targets[0].argmax())]) == (".", "Film-Noir")
