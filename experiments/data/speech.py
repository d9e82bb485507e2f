"""Recorded speech that replaces LibriSpeech: strings of words (FSDD, Speech Commands), and read sentences.

Read sentences are those of learners in speechocean762.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.data.base import Column, Instances, in_split, one_each
from experiments.data.packed import Waveforms, as_samples, cached_archive
from shared.source import SAMPLE_RATE_HZ

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUM_STRINGS, _NUM_TRAINING_STRINGS = 500, 6000
_INDICES = {"train": range(7, 1000), "validation": range(5, 7), "test": range(1, 5)}
_TRAINING_GAPS_S, _GAPS_S = (0.0, 0.3), (0.05, 0.2)
_SHARE_WITHOUT_GAPS = 0.5  # of training strings


@dataclass(frozen=True)
class Recordings:
    """Recordings of single words, to be joined into strings.

    Attributes:
        waveforms: One float32 [num_samples] at 16 kHz for each recording.
        words: The word that is spoken in each recording.
        speakers: The name of the speaker of each recording.
    """

    waveforms: Sequence[NDArray[np.float32]]
    words: tuple[str, ...]
    speakers: tuple[str, ...]


class _Strings(Sequence[NDArray[np.float32]]):
    """Joins recordings, with silence between them, when a string is read."""

    def __init__(
        self,
        waveforms: Sequence[NDArray[np.float32]],
        places: Sequence[NDArray[np.int64]],
        gaps: Sequence[NDArray[np.int64]],
    ) -> None:
        self._waveforms, self._places, self._gaps = waveforms, places, gaps

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        first, *others = (self._waveforms[place] for place in self._places[index])
        parts = [first]
        for gap, waveform in zip(self._gaps[index], others, strict=True):
            parts += [np.zeros(gap, dtype=np.float32), waveform]
        return np.concatenate(parts)


def compose_strings(recordings: Recordings, num_strings: int, seed: int, *, trains: bool) -> Instances:
    """Join recordings of one speaker into strings, with 0.05 to 0.2 s of silence between two words.

    A string has 3 to 7 words. A training string has 1 to 7 words, n words with a probability proportional to
    1/n, because short strings teach where a word begins and ends. Half of the training strings have no
    silence between words and the others up to 0.3 s, so that a network does not rely on silence.

    All else is drawn uniformly: the speaker, the number of words of other strings, the recordings (with
    replacement) and the length of each silence. Recordings are joined only when a string is read.

    Args:
        recordings: The recordings to draw from.
        num_strings: Number of strings.
        seed: Seed of the draws. The same seed and recordings give the same strings.
        trains: Whether they are training strings.
    """
    rng = np.random.default_rng(seed)
    speakers = sorted(set(recordings.speakers))
    by_speaker = [np.flatnonzero(np.array(recordings.speakers) == speaker) for speaker in speakers]
    shortest, longest = (int(gap * SAMPLE_RATE_HZ) for gap in (_TRAINING_GAPS_S if trains else _GAPS_S))
    share_without = _SHARE_WITHOUT_GAPS if trains else 0.0
    places, gaps = [], []
    numbers = np.arange(1 if trains else 3, 8)
    weights = 1 / numbers if trains else np.ones(len(numbers))
    for _ in range(num_strings):
        own = by_speaker[rng.integers(len(speakers))]
        num_words = rng.choice(numbers, p=weights / weights.sum())
        places.append(rng.choice(own, num_words))
        own_gaps = rng.integers(shortest, longest, num_words - 1, endpoint=True)
        runs_on = share_without > 0 and rng.random() < share_without
        gaps.append(np.zeros_like(own_gaps) if runs_on else own_gaps)
    transcripts = [" ".join(recordings.words[place] for place in string) for string in places]
    return Instances({"audio": one_each(_Strings(recordings.waveforms, places, gaps))}, transcripts)


def load_fsdd_recordings(root: Path, split: str) -> Recordings:
    """Read fsdd/recordings.tar.xz, with files <digit>_<speaker>_<index>.wav; see `Loader`."""
    store = cached_archive(root / "fsdd" / "recordings.tar.xz", "*.wav", as_samples)
    named = [PurePosixPath(name).stem.split("_") for name in store.names]
    own = [row for row, (_, _, index) in enumerate(named) if int(index) in _INDICES[split]]
    recordings = Waveforms(store)
    return Recordings(
        waveforms=[recordings[row] for row in own],
        words=tuple(DIGITS[int(named[row][0])] for row in own),
        speakers=tuple(named[row][1] for row in own),
    )


def load_fsdd(root: Path, split: str) -> Instances:
    """Compose strings of spoken digits with seed 0: 6,000 for training and 500 for each other split."""
    trains = split == "train"
    num_strings = _NUM_TRAINING_STRINGS if trains else _NUM_STRINGS
    return compose_strings(load_fsdd_recordings(root, split), num_strings, seed=0, trains=trains)


def load_speechcommands_recordings(root: Path, split: str) -> Recordings:
    """Read speechcommands/: recordings.tar with <word>_<speaker>_<n>.opus, and split.csv by speaker.

    A file that repeats another of the same speaker and word is left out.
    """
    folder = root / "speechcommands"
    with (folder / "split.csv").open(newline="", encoding="utf-8") as file:
        splits = {row["speaker"]: row["split"] for row in csv.DictReader(file)}
    stated = "val" if split == "validation" else split
    store = cached_archive(folder / "recordings.tar", "*.opus", as_samples)
    recordings = Waveforms(store)
    chosen: dict[tuple[str, str, bytes], int] = {}
    for row, name in enumerate(store.names):
        word, speaker, _ = PurePosixPath(name).stem.split("_")
        if splits[speaker] == stated:
            chosen.setdefault((word, speaker, store[row].tobytes()), row)
    return Recordings(
        waveforms=[recordings[row] for row in chosen.values()],
        words=tuple(word for word, *_ in chosen),
        speakers=tuple(speaker for _, speaker, _ in chosen),
    )


def load_speechcommands(root: Path, split: str) -> Instances:
    """Compose strings of words of one speaker with seed 0, as many as `load_fsdd` does."""
    trains = split == "train"
    num_strings = _NUM_TRAINING_STRINGS if trains else _NUM_STRINGS
    recordings = load_speechcommands_recordings(root, split)
    return compose_strings(recordings, num_strings, seed=0, trains=trains)


def load_speechocean762(root: Path, split: str) -> Instances:
    """Read English sentences of learners in speechocean762/: opus16k.tar and {train,test}/{text,utt2spk}."""
    folder = root / "speechocean762"
    store = cached_archive(folder / "opus16k.tar", "*.opus", as_samples)
    subset = folder / ("test" if split == "test" else "train")
    utterances = [line.split(maxsplit=1) for line in _lines(subset / "text")]
    if split != "test":
        speakers = dict(line.split() for line in _lines(subset / "utt2spk"))
        utterances = [row for row in utterances if in_split(speakers[row[0]], split)]
    rows = store.indices(f"opus16k/{number}.opus" for number, _ in utterances)
    transcripts = [" ".join(words.lower().split()) for _, words in utterances]
    return Instances({"audio": Column(Waveforms(store), rows)}, transcripts)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
