"""Loaders, on small files written here in exactly the layouts they read."""

from __future__ import annotations

import io
import json
import lzma
import re
import shutil
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from media_files import clip, picture, sound, tone
from PIL import Image

from experiments.commands.evaluate import parse_snrs
from experiments.data import load_examples
from experiments.data.base import BrokenFile, Column, DatasetMissing, Examples, join, one_each
from experiments.data.catalogue import DATASETS
from experiments.data.made_digits import VOICES, make_digits
from experiments.data.speech import Recordings, compose_strings, load_fsdd_recordings
from receiver.systems.mfmsc.heads import TRANSCRIPT_CHARACTERS
from shared.errors import InvalidField, UnknownName
from shared.tasks import TASKS


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
        "jpg/test/cat/0001.jpg": picture(10, 32, "JPEG"),
        "jpg/test/ship/0002.jpg": picture(200, 32, "JPEG"),
        "jpg/train/cat/0003.jpg": picture(90, 32, "JPEG"),
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
    _write_tar(archive, {"jpg/test/cat/0001.jpg": picture(10, 32, "JPEG")})
    assert len(load_examples("image_classification", "test")) == 1
    archive.unlink()
    archive.parent.rmdir()
    _write_tar(archive, {f"jpg/test/dog/{n}.jpg": picture(20 * n, 32, "JPEG") for n in range(9)})
    assert len(load_examples("image_classification", "test")) == 9


def test_easy_vqa_joins_questions_and_pictures(root: Path) -> None:
    questions = [["what shape is it?", "circle", 11], ["is it red?", "yes", 2], ["is it red?", "no", 11]]
    files = {
        "answers.txt": b"circle\nyes\nno\n",
        "test/questions.json": json.dumps(questions).encode(),
        "test/images/2.png": picture(2, 64, "PNG"),
        "test/images/11.png": picture(11, 64, "PNG"),
    }
    _write_tar(root / "easy-vqa" / "easy-vqa.tar.xz", files)
    examples = load_examples("vqa", "test")
    sources = examples.sources(range(3))
    assert [source["text"] for source in sources] == [question for question, _, _ in questions]
    assert [int(source["image"][0, 0, 0]) for source in sources] == [11, 2, 11]
    assert [examples.labels[t] for t in examples.targets] == ["circle", "yes", "no"]
    assert len(examples.columns["text"].values) == 2


@pytest.mark.parametrize("name", list(DATASETS))
def test_missing_files_are_named(root: Path, name: str) -> None:
    split, files = list(DATASETS[name].files.items())[-1]
    with pytest.raises(DatasetMissing, match=f"{name}.*{re.escape(files[0])} not found"):
        load_examples(DATASETS[name].task, split, name)


def test_every_task_has_a_data_set() -> None:
    assert {dataset.task for dataset in DATASETS.values()} == set(TASKS)


def test_what_is_no_data_set_or_split_is_refused(root: Path) -> None:
    with pytest.raises(UnknownName, match="'sst2' is not allowed.*easy-vqa"):
        load_examples("vqa", "test", "sst2")
    with pytest.raises(InvalidField, match="'validation' is not allowed.*train, test"):
        load_examples("sentiment", "validation")


def test_europarl_keeps_lines(root: Path) -> None:
    (root / "europarl").mkdir()
    with lzma.open(root / "europarl" / "val.txt.xz", "wt", encoding="utf-8") as file:
        file.write("Parliament 's vote .\nIt is 5 % .\n")
    examples = load_examples("text_reconstruction", "validation")
    assert examples.sources([0, 1]) == [{"text": "Parliament 's vote ."}, {"text": "It is 5 % ."}]
    assert examples.targets is None


def test_cifar10_lossless_holds_out_the_last(root: Path) -> None:
    (root / "cifar10").mkdir()
    pictures = np.arange(730)[:, None, None, None] % 251 * np.ones((1, 4, 4, 3))
    np.savez(root / "cifar10" / "lossless_train.npz", x=pictures.astype(np.uint8))
    train, test = (load_examples("image_reconstruction", split) for split in ("train", "test"))
    assert (len(train), len(test), test.split) == (2, 728, "validation")
    assert [int(source["image"][0, 0, 0]) for source in train.sources([0, 1])] == [0, 1]
    assert int(test.sources([727])[0]["image"][3, 3, 2]) == 729 % 251


def test_fsdd_splits_by_index_and_joins_one_speakers_digits(root: Path) -> None:
    files = {
        f"recordings/{digit}_{speaker}_{index}.wav": sound(tone(200 + 100 * digit, 8000, 0.5), 8000)
        for digit in (1, 2)
        for speaker in ("ann", "bob")
        for index in (0, 1, 4, 5, 12)
    }
    _write_tar(root / "fsdd" / "recordings.tar.xz", files)
    train, test = (load_fsdd_recordings(root, split) for split in ("train", "test"))
    assert sorted(test.words) == ["one"] * 4 + ["two"] * 4
    assert sorted(train.speakers) == ["ann"] * 4 + ["bob"] * 4
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
    recordings = Recordings("digits", split, waveforms, ("one", "two", "six", "ten"), ("a", "a", "b", "b"))
    strings = compose_strings(recordings, 80, seed=3)
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
    assert compose_strings(recordings, 80, seed=3).targets == heard
    assert compose_strings(recordings, 80, seed=4).targets != heard


def test_speechocean762_joins_texts_and_utterances(root: Path) -> None:
    folder = root / "speechocean762"
    tones = {"0001": 500, "0002": 1000}
    files = {
        f"opus16k/{n}.opus": sound(tone(hz, 16000, 1.0), 16000, "OGG", "OPUS") for n, hz in tones.items()
    }
    _write_tar(folder / "opus16k.tar", files)
    (folder / "test").mkdir()
    (folder / "test" / "text").write_text("0002\tIT'S  TWO\n0001\tONE\n")
    examples = load_examples("speech_recognition", "test", "speechocean762")
    assert examples.targets == ["it's two", "one"]
    audio = examples.sources([0])[0]["audio"]
    assert (audio.dtype, abs(len(audio) - 16_000) < 400) == (np.float32, True)
    assert np.argmax(np.abs(np.fft.rfft(audio, 16_000))) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_made_digits_are_named_by_what_they_say(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, split: str
) -> None:
    if shutil.which(VOICES[split].program) is None:
        pytest.skip(f"{VOICES[split].program} is not installed")
    monkeypatch.setitem(VOICES, split, replace(VOICES[split], count=8))
    monkeypatch.setenv("SEMCOM_CACHE", str(tmp_path / "cache"))
    examples = load_examples("speech_recognition", split, "made-digits")
    counts = [len(target.split()) for target in examples.targets]
    assert len(counts) == 8
    assert set(counts) <= {1, 2, 3, 4, 5, 6}
    recordings = [source["audio"] for source in examples.sources(range(8))]
    for count, recording in zip(counts, recordings, strict=True):
        assert 0.2 * count < len(recording) / 16_000 < 1.5 * count + 1
        assert np.abs(recording).max() > 0.05
    archive = tmp_path / "cache" / "made-digits" / f"{split}.tar"
    first = archive.read_bytes()
    make_digits(archive, split, 8)
    assert archive.read_bytes() == first


def test_made_digits_need_a_program(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEMCOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DatasetMissing, match="program flite"):
        load_examples("speech_recognition", "test", "made-digits")


def test_weizmann_windows_by_subject(root: Path) -> None:
    def strip(num_frames: int) -> bytes:
        frames = [np.full((64, 64, 3), 5 * number, dtype=np.uint8) for number in range(num_frames)]
        file = io.BytesIO()
        Image.fromarray(np.concatenate(frames, axis=1)).save(file, "JPEG", quality=95)
        return file.getvalue()

    rows = ["file,class_dir,action,subject,copy,frames", "0/1.jpg,0,wave1,5,0,24", "3/2.jpg,3,jack,6,0,33"]
    files = {"./0/1.jpg": strip(24), "./3/2.jpg": strip(33), "./clips.csv": "\n".join(rows).encode()}
    _write_tar(root / "weizmann" / "weizmann.tar", files)
    train = load_examples("video_classification", "train", "weizmann")
    test = load_examples("video_classification", "test", "weizmann")
    for examples, label, starts in ((train, "wave1", [0, 4, 8]), (test, "jack", [0, 8, 16])):
        clips = [source["video"] for source in examples.sources(range(len(examples)))]
        assert [clip.shape for clip in clips] == [(16, 64, 64, 3)] * 3
        assert [round(float(clip[0].mean()) / 5) for clip in clips] == starts
        assert [round(float(clip[15].mean()) / 5) for clip in clips] == [start + 15 for start in starts]
        assert {examples.labels[target] for target in examples.targets} == {label}
        assert examples.columns["video"].label_cue == "motion"


def test_fights_split_by_hash(root: Path) -> None:
    names = [f"fight/fi{n:03}.mp4" for n in range(6)] + [f"noFight/nofi{n:03}.mp4" for n in range(6)]
    files = {name: clip([20 * number, 20 * number + 10]) for number, name in enumerate(names)}
    _write_tar(root / "fights" / "fights.tar", files)
    is_test = [int(sha256(name.split("/")[1].encode()).hexdigest(), 16) % 5 == 0 for name in names]
    assert 0 < sum(is_test) < 12
    seen = {}
    for split in ("train", "test"):
        examples = load_examples("video_classification", split, "fights")
        assert examples.columns["video"].label_cue == "appearance"
        for source, target in zip(examples.sources(range(len(examples))), examples.targets, strict=True):
            assert source["video"].shape == (2, 112, 112, 3)
            number = round(float(source["video"][0].mean()) / 20)
            seen[number] = split
            assert examples.labels[target] == ("fight" if number < 6 else "no_fight")
    assert seen == {n: "test" if test else "train" for n, test in enumerate(is_test)}


def test_a_broken_clip_names_itself(root: Path) -> None:
    whole = clip([0, 9])
    _write_tar(root / "fights" / "fights.tar", {"fight/a.mp4": whole, "noFight/b.mp4": whole[:200]})
    with pytest.raises(BrokenFile, match="fights.*noFight/b.mp4 is broken"):
        load_examples("video_classification", "train", "fights")
    assert not [path for path in (root / "cache").rglob("*") if path.is_file()]


def test_movies_hide_the_first_sentence_and_count_genres(root: Path) -> None:
    genres = ["Drama", "Comedy", "War"]
    films = {
        "train": [("t1", ["War"], "It stars A."), ("t2", ["War", "Comedy"], "It stars B.")],
        "val": [("t3", ["Drama"], "")],
        "test": [("t4", ["Comedy", "Drama"], "It stars C. ")],
    }
    posters = {f"posters_96x144/t{n}.jpg": picture(50 * n, 96, "JPEG") for n in range(1, 5)}
    _write_tar(root / "movies" / "posters_96x144.tar", posters)
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


def test_joined_splits_keep_every_instance() -> None:
    def part(name: str, values: list[str], rows: list[int], targets: list[int]) -> Examples:
        column = {"text": Column(values, np.array(rows))}
        return Examples(name, "train", "sentiment", ("no", "yes"), column, np.array(targets))

    joined = join([part("a", ["x", "y"], [1, 0, 1], [0, 1, 1]), part("b", ["z"], [0], [1])])
    assert (joined.dataset, len(joined)) == ("a+b", 4)
    assert [source["text"] for source in joined.sources(range(4))] == ["y", "x", "y", "z"]
    assert joined.targets.tolist() == [0, 1, 1, 1]
    first, second = part("a", ["x", "y"], [0], [0]), part("b", ["z"], [0], [1])
    second = replace(second, columns={"text": replace(second.columns["text"], label_cue="motion")})
    assert join([first, second]).columns["text"].label_cue.tolist() == ["all", "all", "motion"]
    twice = join([first, first])
    assert (twice.dataset, [source["text"] for source in twice.sources(range(2))]) == ("a+a", ["x", "x"])
    other = Examples("c", "train", "sentiment", ("yes", "no"), {"text": one_each(["w"])}, np.array([0]))
    with pytest.raises(InvalidField, match="'a\\+b\\+c' is not allowed.*the same labels"):
        join([joined, other])


def test_the_variable_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMCOM_DATA", raising=False)
    with pytest.raises(DatasetMissing, match="SEMCOM_DATA"):
        load_examples("vqa", "test")


@pytest.mark.parametrize(
    ("name", "split", "num_instances", "labels_met"),
    [
        ("sst2", "train", 67_349, 2),
        ("sst2", "test", 872, 2),
        ("cifar10-jpeg", "test", 10_000, 10),
        ("easy-vqa", "train", 38_575, 13),
        ("easy-vqa", "test", 9_673, 13),
        ("weizmann", "train", 359, 4),
        ("weizmann", "test", 92, 4),
        ("fights", "train", 239, 2),
        ("fights", "test", 61, 2),
    ],
)
def test_real_labels(data_folder: Path, name: str, split: str, num_instances: int, labels_met: int) -> None:
    examples = load_examples(DATASETS[name].task, split, name)
    assert len(examples) == num_instances
    assert len(set(examples.targets)) == labels_met
    assert set(examples.targets) <= set(range(len(examples.labels)))


def test_real_europarl(data_folder: Path) -> None:
    splits = [
        set(_values(load_examples("text_reconstruction", s), "text")) for s in DATASETS["europarl"].files
    ]
    assert [len(split) for split in splits] == [150_000, 2_000, 3_000]
    assert len(set.union(*splits)) == 155_000


def test_real_cifar10_lossless(data_folder: Path) -> None:
    train, test = (
        load_examples("image_reconstruction", s).columns["image"].values for s in ("train", "test")
    )
    assert (train.shape, test.shape) == ((7_000, 32, 32, 3), (728, 32, 32, 3))
    assert not {picture.tobytes() for picture in train} & {picture.tobytes() for picture in test}


def test_real_digits(data_folder: Path) -> None:
    train, test = (load_fsdd_recordings(data_folder, split) for split in ("train", "test"))
    assert (len(train.words), len(test.words)) == (2_700, 240)
    assert len(set(train.speakers)) == 6
    assert set(train.words) == set(test.words)
    assert not {w.tobytes() for w in train.waveforms} & {w.tobytes() for w in test.waveforms}


def test_real_speechocean762(data_folder: Path) -> None:
    train, test = (load_examples("speech_recognition", s, "speechocean762") for s in ("train", "test"))
    assert (len(train), len(test)) == (2_500, 2_500)
    assert not set(train.columns["audio"].rows) & set(test.columns["audio"].rows)
    assert set("".join(train.targets + test.targets)) <= set(TRANSCRIPT_CHARACTERS[1:])
    seconds = (
        sum(len(source["audio"]) for split in (train, test) for source in split.sources(range(2_500))) / 16e3
    )
    assert seconds / 3600 == pytest.approx(5.6, abs=0.1)


def test_real_movies(data_folder: Path) -> None:
    splits = [load_examples("movie_genres", split) for split in ("train", "validation", "test")]
    assert [len(split) for split in splits] == [3_563, 383, 500]
    assert len(set.union(*(set(split.columns["image"].rows) for split in splits))) == 3_563 + 383 + 500
    assert len(splits[0].scored_labels) == 13
    assert splits[0].targets.shape == (3_563, 21)
    counts = dict(zip(splits[0].labels, splits[0].targets.sum(0), strict=True))
    least = min(counts[genre] for genre in splits[0].scored_labels)
    assert all(count <= least for genre, count in counts.items() if genre not in splits[0].scored_labels)


def _values(examples: Examples, modality: str) -> list[str]:
    return [source[modality] for source in examples.sources(range(len(examples)))]


def test_snr_lists_and_ranges() -> None:
    assert parse_snrs("-6:18:3") == [-6, -3, 0, 3, 6, 9, 12, 15, 18]
    assert parse_snrs("0,6.5") == [0, 6.5]


@pytest.mark.parametrize("text", ["loud", "0:inf:1", "12:0:3", "0:6:0", "", "1:2", "0:18:1e-12"])
def test_what_is_no_snr_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="snr-db"):
        parse_snrs(text)
