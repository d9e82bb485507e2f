"""The three splits of every data set: they follow the rule that docs/data.md states, and share nothing."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from layouts import LAYOUTS, remainder

from experiments.data import load_examples
from experiments.data.base import SPLITS, Examples
from experiments.data.catalogue import DATASETS
from experiments.data.made_digits import VOICES
from experiments.data.speech import load_fsdd_recordings, load_speechcommands_recordings

_FROM_FILES = [name for name, dataset in DATASETS.items() if dataset.files["train"]]
_REAL_SIZES = {
    "sst2": (61_781, 144, 872),
    "europarl": (150_000, 2_000, 3_000),
    "cifar10-jpeg": (47_474, 2_526, 10_000),
    "cifar10-lossless": (6_500, 500, 728),
    "fsdd": (6_000, 500, 500),
    "speechcommands": (6_000, 500, 500),
    "speechocean762": (2_380, 120, 2_500),
    "weizmann": (313, 24, 92),
    "fights": (209, 30, 61),
    "easy-vqa": (36_682, 1_893, 9_673),
    "movies": (3_563, 383, 500),
}
_RECORDINGS = {"fsdd": load_fsdd_recordings, "speechcommands": load_speechcommands_recordings}


@pytest.mark.parametrize("name", _FROM_FILES)
def test_splits_follow_the_rule_and_share_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expected = LAYOUTS[name].write(root, monkeypatch)
    found: dict[str, set[Any]] = {}
    for split in SPLITS:
        examples = load_examples(DATASETS[name].task, split, name)
        found[split] = set().union(*map(LAYOUTS[name].items, examples.sources(range(len(examples)))))
    assert found == expected
    assert all(found.values())
    assert len(set.union(*found.values())) == sum(map(len, found.values()))


def test_made_digits_have_other_voices_in_each_split(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def record(command: list[str], **_: Any) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(stdout=b"")

    monkeypatch.setattr(subprocess, "run", record)
    voices = {}
    for split in SPLITS:
        commands.clear()
        rng = np.random.default_rng(0)
        for _ in range(600):
            VOICES[split].speak("one", rng)
        flag = "-voice" if split == "test" else "-v"
        voices[split] = {
            (command[0], command[command.index(flag) + 1].rpartition("+")[2]) for command in commands
        }
    assert [len(voices[split]) for split in SPLITS] == [56, 8, 4]
    assert len(set.union(*voices.values())) == 68
    assert {program for program, _ in voices["test"]} == {"flite"}


@pytest.mark.parametrize("name", list(_REAL_SIZES))
def test_real_splits_have_the_stated_sizes_and_share_nothing(data_folder: Path, name: str) -> None:
    examples = [load_examples(DATASETS[name].task, split, name) for split in SPLITS]
    assert tuple(map(len, examples)) == _REAL_SIZES[name]
    assert len(examples[0].labels) == len(examples[1].labels) == len(examples[2].labels)
    if name in _RECORDINGS:  # strings differ even where their recordings do not
        contents = [
            {waveform.tobytes() for waveform in _RECORDINGS[name](data_folder, split).waveforms}
            for split in SPLITS
        ]
    else:
        contents = [_contents(split) for split in examples]
    assert len(set.union(*contents)) == sum(map(len, contents))


def test_no_real_speaker_of_commands_is_in_two_splits_and_no_clip_counts_twice(data_folder: Path) -> None:
    splits = [load_speechcommands_recordings(data_folder, split) for split in SPLITS]
    speakers = [set(own.speakers) for own in splits]
    assert len(set.union(*speakers)) == sum(map(len, speakers)) == 232
    assert {word for own in splits for word in own.words} == set(splits[0].words)
    assert len(set(splits[0].words)) == 20
    assert sum(len(own.words) for own in splits) == 4_059 - 121


def test_no_real_training_phrase_is_part_of_a_validation_text(data_folder: Path) -> None:
    train, validation = (_contents(load_examples("sentiment", split)) for split in SPLITS[:2])
    everything = "\n".join(f" {text} " for text in validation)
    assert all(len(text.split()) >= 20 and remainder(text, 20) == 1 for text in validation)
    assert not [text for text in train if f" {text} " in everything]


def _contents(examples: Examples) -> set[str]:
    """What tells instances apart: the pictures of questions and of films, the only input of other tasks."""
    column = examples.columns.get("image") or next(iter(examples.columns.values()))
    values = (column.values[row] for row in np.unique(column.rows))
    return {value if isinstance(value, str) else sha256(value.tobytes()).hexdigest() for value in values}
