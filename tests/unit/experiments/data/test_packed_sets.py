"""Loaders of the packed data sets: what an instance is, on small files and on the real ones."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from layouts import write_file, write_tar
from media_files import clip, picture, sound, strip, tone

from experiments.data import load_examples
from experiments.data.base import SPLITS
from experiments.data.catalogue import DATASETS
from experiments.data.made_digits import VOICES, make_digits
from experiments.data.speech import (
    Recordings,
    compose_strings,
    load_fsdd_recordings,
    load_speechcommands_recordings,
)
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS


def test_sst2_keeps_quotes(root: Path) -> None:
    rows = 'sentence\tlabel\n"quoted" and \'odd , good\t1\nbad " film\t0\n'
    write_file(root / "sst2" / "dev.tsv", rows)
    examples = load_examples("sentiment", "test")
    assert (examples.dataset, examples.split, len(examples)) == ("sst2", "dev", 2)
    assert examples.sources([0, 1]) == [{"text": '"quoted" and \'odd , good'}, {"text": 'bad " film'}]
    assert [examples.labels[t] for t in examples.targets] == ["positive", "negative"]


def test_cifar10_reads_the_archive_once(root: Path) -> None:
    archive = root / "cifar10" / "images.tar.xz"
    files = {
        "jpg/test/cat/0001.jpg": picture(10, 32, "JPEG"),
        "jpg/test/ship/0002.jpg": picture(200, 32, "JPEG"),
        "jpg/train/cat/0003.jpg": picture(90, 32, "JPEG"),
        "jpg/README.md": b"text",
    }
    write_tar(archive, files)
    first = load_examples("image_classification", "test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tarfile, "open", None)
        again = load_examples("image_classification", "test")
    assert [first.labels[t] for t in first.targets] == ["cat", "ship"]
    assert np.array_equal(first.columns["image"].values, again.columns["image"].values)
    assert first.sources([0])[0]["image"].shape == (32, 32, 3)


def test_easy_vqa_joins_questions_and_pictures(root: Path) -> None:
    questions = [["what shape is it?", "circle", 11], ["is it red?", "yes", 2], ["is it red?", "no", 11]]
    files = {
        "answers.txt": b"circle\nyes\nno\n",
        "test/questions.json": json.dumps(questions).encode(),
        "test/images/2.png": picture(2, 64, "PNG"),
        "test/images/11.png": picture(11, 64, "PNG"),
    }
    write_tar(root / "easy-vqa" / "easy-vqa.tar.xz", files)
    examples = load_examples("vqa", "test")
    sources = examples.sources(range(3))
    assert [source["text"] for source in sources] == [question for question, _, _ in questions]
    assert [int(source["image"][0, 0, 0]) for source in sources] == [11, 2, 11]
    assert [examples.labels[t] for t in examples.targets] == ["circle", "yes", "no"]
    assert len(examples.columns["text"].values) == 2


def test_fsdd_names_words_and_speakers_and_strings_have_3_to_7_words(root: Path) -> None:
    files = {
        f"recordings/{digit}_{speaker}_{index}.wav": sound(tone(200 + 100 * digit, 8000, 0.5), 8000)
        for digit in (1, 2)
        for speaker in ("ann", "bob")
        for index in (1, 4, 12)
    }
    write_tar(root / "fsdd" / "recordings.tar.xz", files)
    test = load_fsdd_recordings(root, "test")
    assert sorted(test.words) == ["one"] * 4 + ["two"] * 4
    assert sorted(test.speakers) == ["ann"] * 4 + ["bob"] * 4
    waveform = test.waveforms[0]
    assert (waveform.dtype, len(waveform)) == (np.float32, 8000)  # 8 kHz to 16 kHz
    spectrum = np.abs(np.fft.rfft(waveform))
    assert np.argmax(spectrum) * 2 == {"one": 300, "two": 400}[test.words[0]]
    assert np.abs(waveform).max() == pytest.approx(0.5, abs=0.03)
    examples = load_examples("speech_recognition", "test")
    assert (examples.dataset, len(examples)) == ("fsdd", 500)
    assert {len(target.split()) for target in examples.targets} == {3, 4, 5, 6, 7}


@pytest.mark.parametrize(
    ("split", "num_words", "gaps_s"),
    [("train", range(1, 8), (0.0, 0.3)), ("test", range(3, 8), (0.05, 0.2))],
)
def test_strings_are_their_recordings_with_silence_between(
    split: str, num_words: range, gaps_s: tuple[float, float]
) -> None:
    waveforms = [np.full(100, value, dtype=np.float32) for value in (0.1, 0.2, 0.3, 0.4)]
    recordings = Recordings(waveforms, ("one", "two", "six", "ten"), ("a", "a", "b", "b"))
    strings = compose_strings(recordings, 80, seed=3, trains=split == "train")
    assert {len(target.split()) for target in strings.targets} == set(num_words)
    heard, run_on = [], 0
    for source, target in zip(strings.sources(range(80)), strings.targets, strict=True):
        audio = source["audio"]
        words = target.split()
        places = [recordings.words.index(word) for word in words]
        assert len({recordings.speakers[place] for place in places}) == 1
        heard_samples = audio[audio != 0]
        assert np.array_equal(heard_samples, np.concatenate([waveforms[place] for place in places]))
        silence_s = (len(audio) - len(heard_samples)) / 16_000
        assert gaps_s[0] * (len(words) - 1) <= silence_s <= gaps_s[1] * (len(words) - 1)
        run_on += len(words) > 1 and silence_s == 0
        heard.append(target)
    assert (10 < run_on < 60) if split == "train" else run_on == 0
    assert compose_strings(recordings, 80, seed=3, trains=split == "train").targets == heard
    assert compose_strings(recordings, 80, seed=4, trains=split == "train").targets != heard


def test_speechcommands_leaves_out_repeated_files(root: Path) -> None:
    once, other = (sound(tone(hz, 16_000, 0.3), 16_000, "OGG", "OPUS") for hz in (300, 400))
    files = {"yes_a1_0.opus": once, "yes_a1_1.opus": once, "yes_a1_2.opus": other, "no_b2_0.opus": once}
    write_tar(root / "speechcommands" / "recordings.tar", files)
    rows = "speaker,source,clips,split\na1,commands,3,val\nb2,commands,1,train\n"
    write_file(root / "speechcommands" / "split.csv", rows)
    held = load_speechcommands_recordings(root, "validation")
    assert (held.words, held.speakers) == (("yes", "yes"), ("a1", "a1"))
    assert len(load_examples("speech_recognition", "validation", "speechcommands")) == 500


def test_speechocean762_joins_texts_and_utterances(root: Path) -> None:
    folder = root / "speechocean762"
    tones = {"0001": 500, "0002": 1000}
    files = {
        f"opus16k/{n}.opus": sound(tone(hz, 16000, 1.0), 16000, "OGG", "OPUS") for n, hz in tones.items()
    }
    write_tar(folder / "opus16k.tar", files)
    write_file(folder / "test" / "text", "0002\tIT'S  TWO\n0001\tONE\n")
    examples = load_examples("speech_recognition", "test", "speechocean762")
    assert examples.targets == ["it's two", "one"]
    audio = examples.sources([0])[0]["audio"]
    assert (audio.dtype, abs(len(audio) - 16_000) < 400) == (np.float32, True)
    assert np.argmax(np.abs(np.fft.rfft(audio, 16_000))) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize("split", SPLITS)
def test_made_digits_are_spoken_and_made_again_are_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    if shutil.which(VOICES[split].program) is None:
        pytest.skip(f"{VOICES[split].program} is not installed")
    monkeypatch.setitem(VOICES, split, replace(VOICES[split], count=8))
    monkeypatch.delenv("SEMCOM_DATA")  # nothing of this data set is read from there
    examples = load_examples("speech_recognition", split, "made-digits")
    counts = [len(target.split()) for target in examples.targets]
    assert len(counts) == 8
    assert set(counts) <= {1, 2, 3, 4, 5, 6}
    recordings = [source["audio"] for source in examples.sources(range(8))]
    for count, recording in zip(counts, recordings, strict=True):
        assert 0.2 * count < len(recording) / 16_000 < 1.5 * count + 1
        assert np.abs(recording).max() > 0.05
    archive = root / "cache" / "made-digits" / f"{split}.tar"
    first = archive.read_bytes()
    make_digits(archive, split)
    assert archive.read_bytes() == first


def test_windows_begin_every_4_frames_in_training_and_every_8_in_other_splits(root: Path) -> None:
    rows = ["file,class_dir,action,subject,copy,frames"]
    rows += ["0/1.jpg,0,wave1,4,0,24", "0/2.jpg,0,bend,5,0,33", "3/3.jpg,3,jack,6,0,33"]
    strips = {
        f"./{n}.jpg": strip(range(0, 5 * length, 5)) for n, length in (("0/1", 24), ("0/2", 33), ("3/3", 33))
    }
    files = {**strips, "./clips.csv": "\n".join(rows).encode()}
    write_tar(root / "weizmann" / "weizmann.tar", files)
    expected = {
        "train": ("wave1", [0, 4, 8]),
        "validation": ("bend", [0, 8, 16]),
        "test": ("jack", [0, 8, 16]),
    }
    for split, (label, starts) in expected.items():
        examples = load_examples("video_classification", split, "weizmann")
        clips = [source["video"] for source in examples.sources(range(len(examples)))]
        assert [clip.shape for clip in clips] == [(16, 64, 64, 3)] * 3
        assert [round(float(clip[0].mean()) / 5) for clip in clips] == starts
        assert [round(float(clip[15].mean()) / 5) for clip in clips] == [start + 15 for start in starts]
        assert {examples.labels[target] for target in examples.targets} == {label}
        assert examples.columns["video"].label_cue == "motion"


def test_fights_are_labelled_by_their_folder(root: Path) -> None:
    names = [f"fight/fi{n:03}.mp4" for n in range(6)] + [f"noFight/nofi{n:03}.mp4" for n in range(6)]
    files = {name: clip([20 * number, 20 * number + 10]) for number, name in enumerate(names)}
    write_tar(root / "fights" / "fights.tar", files)
    seen = {}
    for split in SPLITS:
        examples = load_examples("video_classification", split, "fights")
        assert examples.columns["video"].label_cue == "appearance"
        for source, target in zip(examples.sources(range(len(examples))), examples.targets, strict=True):
            assert source["video"].shape == (2, 112, 112, 3)
            seen[round(float(source["video"][0].mean()) / 20)] = examples.labels[target]
    assert seen == {number: "fight" if number < 6 else "no_fight" for number in range(12)}


def test_movies_hide_the_first_sentence_and_count_genres(root: Path) -> None:
    genres = ["Drama", "Comedy", "War"]
    films = {
        "train": [("t1", ["War"], "It stars A."), ("t2", ["War", "Comedy"], "It stars B.")],
        "val": [("t3", ["Drama"], "")],
        "test": [("t4", ["Comedy", "Drama"], "It stars C. ")],
    }
    posters = {f"posters_96x144/t{n}.jpg": picture(50 * n, 96, "JPEG") for n in range(1, 5)}
    write_tar(root / "movies" / "posters_96x144.tar", posters)
    (root / "movies" / "genres.json").write_text(json.dumps(genres))
    for split, rows in films.items():
        lines = [
            json.dumps({"id": i, "genres": g, "text": f"A war film. {t}", "text_after_first_sentence": t})
            for i, g, t in rows
        ]
        (root / "movies" / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    test = load_examples("movie_genres", "test")
    assert test.labels == tuple(genres)
    assert test.scored_labels == ("War", "Comedy")
    assert np.array_equal(test.targets, np.array([[1, 1, 0]], dtype=np.float32))
    source = test.sources([0])[0]
    assert source["text"] == "It stars C."
    assert abs(int(source["image"][0, 0, 0]) - 200) < 4
    assert load_examples("movie_genres", "validation").sources([0])[0]["text"] == "."


@pytest.mark.parametrize(
    ("name", "num_labels"),
    [("sst2", 2), ("cifar10-jpeg", 10), ("weizmann", 4), ("fights", 2), ("easy-vqa", 13)],
)
def test_every_real_split_has_every_label(data_folder: Path, name: str, num_labels: int) -> None:
    for split in SPLITS:
        examples = load_examples(DATASETS[name].task, split, name)
        assert len(set(examples.targets)) == num_labels
        assert set(examples.targets) <= set(range(len(examples.labels)))


def test_real_digits(data_folder: Path) -> None:
    splits = [load_fsdd_recordings(data_folder, split) for split in SPLITS]
    assert [len(split.words) for split in splits] == [2_580, 120, 240]
    assert [len(set(split.speakers)) for split in splits] == [6, 6, 6]
    assert [len(set(split.words)) for split in splits] == [10, 10, 10]


def test_real_speechocean762(data_folder: Path) -> None:
    splits = [load_examples("speech_recognition", split, "speechocean762") for split in SPLITS]
    transcripts = [target for split in splits for target in split.targets]
    assert set("".join(transcripts)) <= set(TRANSCRIPT_CHARACTERS[1:])
    lengths = [len(source["audio"]) for split in splits for source in split.sources(range(len(split)))]
    assert sum(lengths) / 16_000 / 3600 == pytest.approx(5.6, abs=0.1)


def test_real_movies(data_folder: Path) -> None:
    train = load_examples("movie_genres", "train")
    assert (len(train.scored_labels), train.targets.shape) == (13, (3_563, 21))
    counts = dict(zip(train.labels, train.targets.sum(0), strict=True))
    least = min(counts[genre] for genre in train.scored_labels)
    assert all(count <= least for genre, count in counts.items() if genre not in train.scored_labels)
