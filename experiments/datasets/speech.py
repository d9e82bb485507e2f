"""Speech instead of LibriSpeech: digits, recorded (FSDD) and made (espeak-ng), and read sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.datasets.base import Column, Examples, one_each
from experiments.datasets.packed import Waveforms, as_samples, cached_archive
from transmitter.media import SAMPLE_RATE_HZ

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NUM_TEST_STRINGS, NUM_TRAIN_STRINGS = 500, 6000
_TEST_INDICES = range(1, 5)
_NUM_DIGITS: Mapping[str, tuple[int, ...]] = {"train": tuple(range(1, 8)), "test": tuple(range(3, 8))}
_GAPS_S: Mapping[str, tuple[float, float]] = {"train": (0.0, 0.3), "test": (0.05, 0.2)}
_SHARE_WITHOUT_GAPS = 0.5  # of training strings


@dataclass(frozen=True)
class Recordings:
    """Single words to join into strings.

    Attributes:
        dataset: Its name.
        split: train or test.
        waveforms: float32 [num_samples], 16 kHz, one a recording.
        words: What is said in each.
        speakers: Who says it.
    """

    dataset: str
    split: str
    waveforms: Sequence[NDArray[np.float32]]
    words: tuple[str, ...]
    speakers: tuple[str, ...]


class _Strings(Sequence[NDArray[np.float32]]):
    """Recordings joined when asked for, with silence between them."""

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


def compose_strings(recordings: Recordings, num_strings: int, seed: int) -> Examples:
    """Join recordings of one speaker into strings, 0.05 to 0.2 s of silence between two words.

    A string has 3 to 7 words, each number as often. For training it has 1 to 7, n with probability
    proportional to 1/n: short strings teach where a word begins and ends. Half of these strings run on
    without a gap, the others have up to 0.3 s: it is words that part words.

    Speaker, number of words, recordings (which may recur) and gaps are drawn evenly. Nothing is joined
    before it is asked for.

    Args:
        recordings: To draw from.
        num_strings: How many.
        seed: Of the draws: the same strings for the same seed and recordings.
    """
    rng = np.random.default_rng(seed)
    speakers = sorted(set(recordings.speakers))
    by_speaker = [np.flatnonzero(np.array(recordings.speakers) == speaker) for speaker in speakers]
    shortest, longest = (int(gap * SAMPLE_RATE_HZ) for gap in _GAPS_S[recordings.split])
    share_without = _SHARE_WITHOUT_GAPS if recordings.split == "train" else 0.0
    places, gaps = [], []
    numbers = np.array(_NUM_DIGITS[recordings.split])
    weights = 1 / numbers if recordings.split == "train" else np.ones(len(numbers))
    for _ in range(num_strings):
        own = by_speaker[rng.integers(len(speakers))]
        num_words = rng.choice(numbers, p=weights / weights.sum())
        places.append(rng.choice(own, num_words))
        own_gaps = rng.integers(shortest, longest, num_words - 1, endpoint=True)
        runs_on = share_without > 0 and rng.random() < share_without
        gaps.append(np.zeros_like(own_gaps) if runs_on else own_gaps)
    return Examples(
        dataset=recordings.dataset,
        split=recordings.split,
        task="speech_recognition",
        labels=(),
        columns={"audio": one_each(_Strings(recordings.waveforms, places, gaps))},
        targets=[" ".join(recordings.words[place] for place in string) for string in places],
    )


def load_fsdd_recordings(root: Path, split: str) -> Recordings:
    """Read recordings.tar.xz, <digit>_<speaker>_<index>.wav: index 1-4 is test, 5 and up train.

    Args:
        root: Folder that holds `fsdd/`.
        split: "train" (2,700 recordings) or "test" (240), of the same six speakers.

    Raises:
        BrokenFile: If a recording does not decode.
    """

    def is_wanted(name: str) -> bool:
        if not name.endswith(".wav"):
            return False
        index = int(PurePosixPath(name).stem.split("_")[2])
        return index in _TEST_INDICES if split == "test" else index >= _TEST_INDICES.stop

    store = cached_archive(
        root / "fsdd" / "recordings.tar.xz", split, dataset="fsdd", wanted=is_wanted, decode=as_samples
    )
    parts = [PurePosixPath(name).stem.split("_") for name in store.names]
    return Recordings(
        dataset="fsdd",
        split=split,
        waveforms=Waveforms(store),
        words=tuple(DIGITS[int(digit)] for digit, _, _ in parts),
        speakers=tuple(speaker for _, speaker, _ in parts),
    )


def load_fsdd(root: Path, split: str) -> Examples:
    """Strings of spoken digits, drawn with seed 0: 6,000 of training recordings or 500 of test recordings."""
    num_strings = NUM_TEST_STRINGS if split == "test" else NUM_TRAIN_STRINGS
    return compose_strings(load_fsdd_recordings(root, split), num_strings, seed=0)


def load_speechocean762(root: Path, split: str) -> Examples:
    """Read English sentences of learners: opus16k.tar and, in the Kaldi layout, {train,test}/text.

    Args:
        root: Folder that holds `speechocean762/`.
        split: "train" or "test", 2,500 utterances each, of 125 speakers each.

    Raises:
        BrokenFile: If an utterance does not decode.
    """
    folder = root / "speechocean762"
    store = cached_archive(
        folder / "opus16k.tar",
        "utterances",
        dataset="speechocean762",
        wanted=lambda name: name.endswith(".opus"),
        decode=as_samples,
    )
    place = {PurePosixPath(name).stem: number for number, name in enumerate(store.names)}
    lines = (folder / split / "text").read_text(encoding="utf-8").splitlines()
    utterances = [line.split(maxsplit=1) for line in lines]
    return Examples(
        dataset="speechocean762",
        split=split,
        task="speech_recognition",
        labels=(),
        columns={
            "audio": Column(
                Waveforms(store), np.array([place[number] for number, _ in utterances], dtype=np.int64)
            )
        },
        targets=[" ".join(words.lower().split()) for _, words in utterances],
    )


def load_espeak_digits(root: Path, split: str) -> Examples:
    """Read utterances.tar, <number>_<digits>.wav.

    Args:
        root: Folder that holds `espeak-digits/`.
        split: "train"; figures are of recorded people.

    Raises:
        BrokenFile: If a recording does not decode.
    """
    store = cached_archive(
        root / "espeak-digits" / "utterances.tar",
        "utterances",
        dataset="espeak-digits",
        wanted=lambda name: name.endswith(".wav"),
        decode=as_samples,
    )
    strings = [PurePosixPath(name).stem.split("_")[1] for name in store.names]
    return Examples(
        dataset="espeak-digits",
        split=split,
        task="speech_recognition",
        labels=(),
        columns={"audio": one_each(Waveforms(store))},
        targets=[" ".join(DIGITS[int(digit)] for digit in string) for string in strings],
    )
