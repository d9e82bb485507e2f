"""From scores of characters to a transcript: connectionist temporal classification (Graves et al., 2006).

Shapes: T steps, C characters, W known words, N letters of all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

TRANSCRIPT_CHARACTERS = ("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz")
"""Classes of the speech head; the first is the blank of connectionist temporal classification."""

_BLANK, _SPACE = 0, 1
_Scores = NDArray[np.float32]


class TranscriptReader:
    """Reads the likeliest path that spells known words, or simply the likeliest where none are known.

    Known words are all as likely, in any order: there is no language model. What is said beyond them comes
    back as the known words that sound most like it.

    Args:
        words: Known words, over a-z and apostrophe; a list of none reads characters.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = _WordGraph(words) if words else None

    def read(self, scores: Tensor) -> str:
        """A transcript, words parted by one space; scores float [T, C]."""
        if self._words is not None:
            return " ".join(self._words.likeliest(scores.float().log_softmax(-1).numpy(force=True)))
        path = [number for number, _ in groupby(scores.argmax(-1).tolist())]
        return " ".join("".join(TRANSCRIPT_CHARACTERS[number] for number in path if number).split())


class _WordGraph:
    """All paths that spell known words, one after the other, with blanks or spaces between or without.

    A path is always in one of three places: on a letter, on the blank after a letter within a word, or
    between words. The likeliest path to each is kept, with the words it has ended (Viterbi; token passing:
    Young, Russell and Thornton, 1989).
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        lengths = np.array([len(word) for word in words])
        self._letters = np.array([TRANSCRIPT_CHARACTERS.index(letter) for word in words for letter in word])
        self._last = lengths.cumsum() - 1  # [W], places in the letters
        self._first = self._last - lengths + 1
        is_first = np.isin(np.arange(len(self._letters)), self._first)
        is_double = self._letters == np.roll(self._letters, 1)
        self._may_step = ~is_first & ~is_double  # from the letter before; a blank must part a double one
        self._may_skip = ~is_first  # from the blank before

    def likeliest(self, log_probabilities: _Scores) -> list[str]:
        """Words of the likeliest path; log_probabilities float [T, C]."""
        count = len(self._letters)
        on_letter, on_blank = np.full((2, count), -np.inf, dtype=np.float32)
        said_letter, said_blank = np.full((2, count), -1)  # the last of the words ended so far, in `ended`
        between, said_between = np.float32(0.0), -1
        ended: list[tuple[int, int]] = []  # of each: the one before it, and the word

        def end(word: int) -> int:
            ended.append((int(said_letter[self._last[word]]), word))
            return len(ended) - 1

        for step in log_probabilities:
            best, other = self._best_ends(on_letter)
            ends, said_ends = on_letter[self._last[[best, other]]], np.array([end(best), end(other)])
            joins = (self._letters[self._first] == self._letters[self._last[best]]).astype(int)  # [W]
            if self._letters[self._last[best]] == self._letters[self._last[other]]:
                ends[1] = -np.inf  # all words end alike
            entries = np.full((2, count), -np.inf, dtype=np.float32)  # from between words, from a word's end
            entries[0, self._first], entries[1, self._first] = between, ends[joins]
            said_entries = np.full((2, count), said_between)
            said_entries[1, self._first] = said_ends[joins]
            routes = np.stack(
                [
                    on_letter,
                    np.where(self._may_step, np.roll(on_letter, 1), -np.inf),
                    np.where(self._may_skip, np.roll(on_blank, 1), -np.inf),
                    *entries,
                ]
            )
            said_routes = np.stack(
                [said_letter, np.roll(said_letter, 1), np.roll(said_blank, 1), *said_entries]
            )
            chosen = routes.argmax(0)
            is_new = on_letter > on_blank
            said_blank = np.where(is_new, said_letter, said_blank)
            on_blank = np.where(is_new, on_letter, on_blank) + step[_BLANK]
            if ends[0] > between:
                between, said_between = ends[0], int(said_ends[0])
            between = between + max(step[_BLANK], step[_SPACE])
            said_letter = said_routes[chosen, np.arange(count)]
            on_letter = routes[chosen, np.arange(count)] + step[self._letters]
        best, _ = self._best_ends(on_letter)
        said = end(best) if on_letter[self._last[best]] > between else said_between
        words: list[str] = []
        while said >= 0:
            said, word = ended[said]
            words.append(self._words[word])
        return words[::-1]

    def _best_ends(self, on_letter: _Scores) -> tuple[int, int]:
        """The word whose last letter is likeliest, and the likeliest of those that end on another letter."""
        ends, finals = on_letter[self._last], self._letters[self._last]
        best = int(ends.argmax())
        return best, int(np.where(finals == finals[best], -np.inf, ends).argmax())
