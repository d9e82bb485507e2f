"""Small files of every data set, in exactly the layout that its loader reads, with items of each split."""

from __future__ import annotations

import io
import json
import lzma
import pickle
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import md5, sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import clip, picture, sound, strip, tone
from torchvision.datasets import CIFAR10

Source = Mapping[str, Any]
Splits = dict[str, set[Any]]
_SPLITS = ("train", "validation", "test")
_STEP = 20  # between the brightness of two items, more than a lossy format changes it by


@dataclass(frozen=True)
class Layout:
    """How to write a data set and how to recognise its items.

    Attributes:
        write: Writes the files below a folder and returns the items that each split has by the stated rule.
        items: The items of a source.
    """

    write: Callable[[Path, pytest.MonkeyPatch], Splits]
    items: Callable[[Source], set[Any]]


def write_file(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def write_tar(path: Path, files: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def remainder(name: str, divisor: int) -> int:
    """SHA-256 modulo `divisor`."""
    return int(sha256(name.encode()).hexdigest(), 16) % divisor


def _of_each(names: Iterable[str], divisor: int, **remainders: Sequence[int]) -> dict[str, list[str]]:
    """The first two names of each split by their remainder; "train" has all that no other split has."""
    names, others = list(names), [value for values in remainders.values() for value in values]
    wanted = {"train": [value for value in range(divisor) if value not in others], **remainders}
    return {
        split: list(islice((name for name in names if remainder(name, divisor) in values), 2))
        for split, values in wanted.items()
    }


def _numbered(splits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """A number from 1 for each name of all splits."""
    names = [name for split in _SPLITS for name in splits[split]]
    return {name: number for number, name in enumerate(names, start=1)}


def _numbers(splits: Mapping[str, Sequence[str]]) -> Splits:
    numbers = _numbered(splits)
    return {split: {numbers[name] for name in names} for split, names in splits.items()}


def _sst2(folder: str, root: Path, _: pytest.MonkeyPatch) -> Splits:
    sentences = (f"number {n} is a sentence with {' '.join(['many'] * 15)} words" for n in range(400))
    own = _of_each(sentences, 20, validation=[1])
    short = next(text for text in (f"short {n}" for n in range(400)) if remainder(text, 20) == 1)
    parts = [" ".join(own["validation"][0].split()[1:4]), "many many words"]
    kept = [*own["train"], short, "any word", "man"]
    rows = {"train": [*kept, *parts, *own["validation"]], "dev": ["a dev text", "another"]}
    for name, texts in rows.items():
        lines = ["sentence\tlabel", *(f"{text}\t{number % 2}" for number, text in enumerate(texts))]
        write_file(root / folder / f"{name}.tsv", "\n".join(lines) + "\n")
    return {"train": set(kept), "validation": set(own["validation"]), "test": set(rows["dev"])}


def _europarl(root: Path, _: pytest.MonkeyPatch) -> Splits:
    texts = {split: [f"This is {split} , part {n} ." for n in range(2)] for split in _SPLITS}
    for split, name in zip(_SPLITS, ("train", "val", "test"), strict=True):
        write_file(
            root / "europarl" / f"{name}.txt.xz", lzma.compress(("\n".join(texts[split]) + "\n").encode())
        )
    return {split: set(own) for split, own in texts.items()}


def _europarl_v7(root: Path, _: pytest.MonkeyPatch) -> Splits:
    sentences = (f"Sentence number {n} , Mr President ." for n in range(2000))
    own = _of_each(sentences, 100, validation=[1], test=[0])
    everything = [text for texts in own.values() for text in texts]
    write_file(root / "europarl-v7" / "europarl-v7.fr-en.en", "\n".join(everything) + "\n")
    return {split: set(texts) for split, texts in own.items()}


def _cifar10_jpeg(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = _of_each((f"jpg/train/cat/{n:04}.jpg" for n in range(400)), 20, validation=[1])
    own["test"] = _of_each((f"jpg/test/cat/{n:04}.jpg" for n in range(400)), 20, validation=[1])["validation"]
    files = {name: picture(_STEP * number, 32, "JPEG") for name, number in _numbered(own).items()}
    write_tar(root / "cifar10" / "images.tar.xz", files)
    return _numbers(own)


def _two_bytes(numbers: Sequence[int] | np.ndarray, side: int) -> np.ndarray:
    """Pictures whose red and green are a number, red first; uint8 [num_pictures, side, side, 3]."""
    red, green = np.divmod(np.asarray(numbers), 256)
    colours = np.stack([red, green, np.zeros_like(red)], axis=1).astype(np.uint8)
    return np.broadcast_to(colours[:, None, None], (len(colours), side, side, 3))


def _cifar10_lossless(root: Path, _: pytest.MonkeyPatch) -> Splits:
    (root / "cifar10").mkdir()
    np.savez(root / "cifar10" / "lossless_train.npz", x=_two_bytes(np.arange(1300), 4))
    return {"train": set(range(72)), "validation": set(range(72, 572)), "test": set(range(572, 1300))}


def write_batches(
    folder: Path, pictures: np.ndarray, labels: Sequence[int], patch: pytest.MonkeyPatch
) -> None:
    """Pictures [num_pictures, 32, 32, 3] in six equal batches, the last for testing, with their checksums."""
    files = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    planes = pictures.transpose(0, 3, 1, 2).reshape(len(files), -1, 3072)
    for name, rows, own in zip(files, planes, np.reshape(labels, (len(files), -1)), strict=True):
        write_file(folder / name, pickle.dumps({"data": rows, "labels": own.tolist()}))
    write_file(folder / "batches.meta", pickle.dumps({"label_names": ["airplane"]}))
    sums = {name: md5((folder / name).read_bytes()).hexdigest() for name in [*files, "batches.meta"]}
    patch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in files[:5]])
    patch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    patch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})


def _cifar10(root: Path, patch: pytest.MonkeyPatch) -> Splits:
    numbers = range(6 * 1001)
    write_batches(root / "cifar-10-batches-py", _two_bytes(numbers, 32), [0] * len(numbers), patch)
    return {"train": set(range(5)), "validation": set(range(5, 5005)), "test": set(range(5005, 6006))}


def _fsdd(root: Path, _: pytest.MonkeyPatch) -> Splits:
    files = {
        f"recordings/7_{speaker}_{index}.wav": sound(np.resize([1, -1], 800) * (index + 1) / 20, 16_000)
        for speaker in ("ann", "bob")
        for index in range(10)
    }
    write_tar(root / "fsdd" / "recordings.tar.xz", files)
    return {"train": {7, 8, 9}, "validation": {5, 6}, "test": {1, 2, 3, 4}}


def _recordings(source: Source) -> set[Any]:
    """The indices of the recordings that a string is made of."""
    return {round(20 * float(level)) - 1 for level in np.unique(source["audio"]) if level > 0}


def _tone_of(number: int) -> np.ndarray:
    return tone(200 * number, 16_000, 0.5)


def _number_of_tone(source: Source) -> set[Any]:
    spectrum = np.abs(np.fft.rfft(source["audio"], 16_000))
    return {round(int(np.argmax(spectrum)) / 200)}


def _speechocean762(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = _of_each((f"{n:04}" for n in range(400)), 20, validation=[1])
    own["test"] = _of_each((f"{n:04}" for n in range(400, 800)), 20, validation=[1])["validation"]
    folder, numbers = root / "speechocean762", _numbered(own)
    files = {
        f"opus16k/{speaker}99.opus": sound(_tone_of(number), 16_000, "OGG", "OPUS")
        for speaker, number in numbers.items()
    }
    write_tar(folder / "opus16k.tar", files)
    for subset, speakers in (("train", own["train"] + own["validation"]), ("test", own["test"])):
        write_file(folder / subset / "text", "".join(f"{speaker}99\tHELLO\n" for speaker in speakers))
        write_file(folder / subset / "utt2spk", "".join(f"{speaker}99\t{speaker}\n" for speaker in speakers))
    return _numbers(own)


def _speechcommands(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = {"train": ["00a", "00b"], "validation": ["00c"], "test": ["00d", "00e"]}
    folder, numbers = root / "speechcommands", _numbered(own)
    files = {
        f"{word}_{speaker}_0.opus": sound(_tone_of(number)[:4800], 16_000, "OGG", "OPUS")
        for speaker, number in numbers.items()
        for word in ("yes", "nine")
    }
    write_tar(folder / "recordings.tar", files)
    stated = {"train": "train", "validation": "val", "test": "test"}
    rows = [f"{speaker},commands,2,{stated[split]}" for split in own for speaker in own[split]]
    write_file(folder / "split.csv", "\n".join(["speaker,source,clips,split", *rows, ""]))
    return _numbers(own)


def _librispeech(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = {"train": ["19-198"], "validation": ["84-121"], "test": ["61-709"]}
    subsets = {"train": "train-clean-100", "validation": "dev-clean", "test": "test-clean"}
    for split, subset in subsets.items():
        for chapter in own[split]:
            folder = root / "LibriSpeech" / subset / chapter.replace("-", "/")
            write_file(folder / f"{chapter}.trans.txt", f"{chapter}-0000 HELLO\n")
            samples = _tone_of(_numbered(own)[chapter])
            write_file(folder / f"{chapter}-0000.flac", sound(samples, 16_000, "FLAC"))
    return _numbers(own)


def _weizmann(root: Path, _: pytest.MonkeyPatch) -> Splits:
    rows = ["file,class_dir,action,subject,copy,frames"]
    rows += [f"0/{person}.jpg,0,bend,{person},0,24" for person in range(9)]
    files = {f"./0/{person}.jpg": strip([_STEP * person] * 24) for person in range(9)}
    write_tar(root / "weizmann" / "weizmann.tar", {**files, "./clips.csv": "\n".join(rows).encode()})
    return {"train": {0, 1, 2, 3, 4}, "validation": {5}, "test": {6, 7, 8}}


def _fights(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = _of_each((f"fi{n:03}.mp4" for n in range(150)), 10, validation=[1], test=[0, 5])
    files = {f"fight/{name}": clip([_STEP * number] * 2) for name, number in _numbered(own).items()}
    write_tar(root / "fights" / "fights.tar", files)
    return _numbers(own)


def _hmdb51(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = _of_each((f"v{n}.avi" for n in range(400)), 10, validation=[1])
    own["test"] = [f"w{n}.avi" for n in range(2)]
    folder, lines = root / "hmdb51", ["unused.avi 0 "]
    for name, number in _numbered(own).items():
        write_file(folder / "wave" / name, clip([_STEP * number] * 3, "avi", (64, 48)))
        lines.append(f"{name} {2 if name in own['test'] else 1} ")
    write_file(folder / "testTrainMulti_7030_splits" / "wave_test_split1.txt", "\n".join(lines) + "\n")
    return _numbers(own)


def _easy_vqa(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = _of_each(map(str, range(400)), 20, validation=[1])
    own["test"] = _of_each(map(str, range(400, 800)), 20, validation=[1])["validation"]
    files = {"answers.txt": b"yes\nno\n"}
    for folder, names in (("train", own["train"] + own["validation"]), ("test", own["test"])):
        questions = [["is it red?", answer, int(name)] for name in names for answer in ("yes", "no")]
        files[f"{folder}/questions.json"] = json.dumps(questions).encode()
        for name in names:
            files[f"{folder}/images/{name}.png"] = picture(_STEP * _numbered(own)[name], 64, "PNG")
    write_tar(root / "easy-vqa" / "easy-vqa.tar.xz", files)
    return _numbers(own)


Question = tuple[int, int, str, Sequence[str]]
"""Its number, that of its picture, its text, and what people answered."""


def write_vqa(folder: Path, subset: str, rows: Sequence[Question], red: Callable[[int], int]) -> None:
    """Questions of VQA v2 about pictures; `red` gives the red of a picture by its number."""
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
    # The order of questions is not that of annotations: they are matched by their number.
    names = (f"v2_OpenEnded_mscoco_{subset}_questions.json", f"v2_mscoco_{subset}_annotations.json")
    write_file(folder / names[0], json.dumps({"questions": questions[::-1]}))
    write_file(folder / names[1], json.dumps({"annotations": annotations}))
    for image in {i for _, i, _, _ in rows}:
        write_file(folder / subset / f"COCO_{subset}_{image:012}.jpg", picture(red(image), 40, "JPEG"))


def _vqa_v2(root: Path, _: pytest.MonkeyPatch) -> Splits:
    own = _of_each(map(str, range(400)), 20, validation=[1])
    own["test"] = _of_each(map(str, range(400, 800)), 20, validation=[1])["validation"]
    numbers = _numbered(own)
    for subset, names in (("train2014", own["train"] + own["validation"]), ("val2014", own["test"])):
        rows = [(10 * int(name) + n, int(name), "is it?", ["yes"] * 10) for name in names for n in range(2)]
        write_vqa(root / "vqa-v2", subset, rows, lambda image: _STEP * numbers[str(image)])
    return _numbers(own)


def _films() -> dict[str, list[str]]:
    return {split: [f"{split}{n}" for n in range(2)] for split in _SPLITS}


def _movies(root: Path, _: pytest.MonkeyPatch) -> Splits:
    folder, own = root / "movies", _films()
    posters = {
        f"posters_96x144/{film}.jpg": picture(_STEP * n, 96, "JPEG") for film, n in _numbered(own).items()
    }
    write_tar(folder / "posters_96x144.tar", posters)
    write_file(folder / "genres.json", json.dumps(["Drama"]))
    for split, name in zip(_SPLITS, ("train", "val", "test"), strict=True):
        rows = [
            {"id": film, "genres": ["Drama"], "text_after_first_sentence": "A plot."} for film in own[split]
        ]
        write_file(folder / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return _numbers(own)


def _mm_imdb(root: Path, _: pytest.MonkeyPatch) -> Splits:
    folder, own = root / "mmimdb", _films()
    for film, number in _numbered(own).items():
        write_file(
            folder / "dataset" / f"{film}.json", json.dumps({"genres": ["Drama"], "plot": ["A plot."]})
        )
        write_file(folder / "dataset" / f"{film}.jpeg", picture(_STEP * number, 50, "JPEG"))
    subsets = {"train": own["train"], "dev": own["validation"], "test": own["test"]}
    write_file(folder / "split.json", json.dumps(subsets))
    return _numbers(own)


def _text(source: Source) -> set[Any]:
    return {source["text"]}


def _red(source: Source) -> set[Any]:
    return {round(int(source["image"][0, 0, 0]) / _STEP)}


def _brightness(source: Source) -> set[Any]:
    return {round(float(source["video"][0].mean()) / _STEP)}


def _number_of_two_bytes(source: Source) -> set[Any]:
    red, green, _ = source["image"][0, 0].tolist()
    return {256 * red + green}


LAYOUTS: Mapping[str, Layout] = {
    "sst2": Layout(partial(_sst2, "sst2"), _text),
    "glue-sst2": Layout(partial(_sst2, "glue/SST-2"), _text),
    "europarl": Layout(_europarl, _text),
    "europarl-v7": Layout(_europarl_v7, _text),
    "cifar10-jpeg": Layout(_cifar10_jpeg, _red),
    "cifar10-lossless": Layout(_cifar10_lossless, _number_of_two_bytes),
    "cifar10": Layout(_cifar10, _number_of_two_bytes),
    "cifar10-pixels": Layout(_cifar10, _number_of_two_bytes),
    "fsdd": Layout(_fsdd, _recordings),
    "speechcommands": Layout(_speechcommands, _number_of_tone),
    "speechocean762": Layout(_speechocean762, _number_of_tone),
    "librispeech": Layout(_librispeech, _number_of_tone),
    "weizmann": Layout(_weizmann, _brightness),
    "fights": Layout(_fights, _brightness),
    "hmdb51": Layout(_hmdb51, _brightness),
    "easy-vqa": Layout(_easy_vqa, _red),
    "vqa-v2": Layout(_vqa_v2, _red),
    "movies": Layout(_movies, _red),
    "mm-imdb": Layout(_mm_imdb, _red),
}
"""By name of the data set; all of the catalogue but the set that is made and has no files."""
