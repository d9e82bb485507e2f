"""Transcripts: the characters of the best path, or the best sequence of known words."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from systems.layers.transcripts import TRANSCRIPT_CHARACTERS, TranscriptReader

WORDS = ("one", "six", "three", "tree")


def _scores(path: str, certainty: float = 6.0) -> torch.Tensor:
    """Scores of one step a character; "_" is the blank."""
    numbers = [0 if c == "_" else TRANSCRIPT_CHARACTERS.index(c) for c in path]
    return certainty * torch.eye(len(TRANSCRIPT_CHARACTERS))[numbers]


def test_characters_merge_repeats_and_drop_blanks() -> None:
    assert TranscriptReader(()).read(_scores("hh_el_lo  a")) == "hello a"


def test_words_are_mended_and_parted() -> None:
    reader = TranscriptReader(WORDS)
    assert reader.read(_scores("_siixthre_e__")) == "six three"  # no space was heard
    assert reader.read(_scores("hhre_e_  onee")) == "three one"
    assert reader.read(_scores("__t_r_e_e__")) == "tree"
    assert reader.read(_scores("sssiiixxxx")) == "six"  # its last letter is held
    assert reader.read(_scores("ttrreeeee_eeee")) == "tree"
    assert reader.read(_scores("sixxx_six")) == "six six"
    assert reader.read(_scores("onex")) == "one"
    assert reader.read(_scores("_" * 9)) == ""
    assert reader.read(_scores("_")) == ""


def test_words_are_those_of_the_likeliest_path_of_all() -> None:
    """Held against every path of five steps, and what each spells."""
    words = ("a", "b", "ab")
    letters = ["<blank>", " ", "a", "b"]
    numbers = [TRANSCRIPT_CHARACTERS.index(letter) for letter in letters]
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = torch.full((5, len(TRANSCRIPT_CHARACTERS)), -50.0)
        scores[:, numbers] = torch.from_numpy(rng.normal(size=(5, 4))).float()
        log_probabilities = scores.log_softmax(-1)
        best, likeliest = -1e9, set()
        for path in itertools.product(numbers, repeat=5):
            score = float(log_probabilities[range(5), path].sum())
            spelled = TranscriptReader(()).read(_one_hot(path))
            ways = {" ".join(way) for way in _splits(spelled.replace(" ", "|"), words)}
            if ways and score > best + 1e-5:
                best, likeliest = score, ways
        assert TranscriptReader(words).read(scores) in likeliest


def _one_hot(path: tuple[int, ...]) -> torch.Tensor:
    return torch.eye(len(TRANSCRIPT_CHARACTERS))[list(path)]


def _splits(spelled: str, words: tuple[str, ...]) -> list[list[str]]:
    """Every way to part letters into words; "|" parts too."""
    if not spelled:
        return [[]]
    if spelled.startswith("|"):
        return _splits(spelled[1:], words)
    starts = [word for word in words if spelled.startswith(word)]
    return [[word, *rest] for word in starts for rest in _splits(spelled[len(word) :], words)]
