"""From scores of characters to a transcript: connectionist temporal classification (Graves et al., 2006)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor
from torchaudio.models.decoder import CTCDecoder, ctc_decoder

from receiver.heads import TRANSCRIPT_CHARACTERS

_BLANK, _SPACE, *_ = TRANSCRIPT_CHARACTERS
_BEAM_SIZE = 50


class TranscriptReader:
    """Reads the best sequence of known words, or the characters of the best path where none are known.

    Known words are all as likely, in any order: there is no language model. What is said beyond them comes
    back as the known words that sound most like it.

    Args:
        words: Known words, over a-z and apostrophe; a list of none reads characters.

    Source: Kahn et al., Flashlight, 2022 (beam search over a trie of words).
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._decoder = _word_decoder(words) if words else None
        self._lock = threading.Lock()  # a decoder keeps its beam in itself

    def read(self, scores: Tensor) -> str:
        """A transcript, words parted by one space; scores float [number of steps, number of characters]."""
        if self._decoder is None:
            path = [number for number, _ in groupby(scores.argmax(-1).tolist())]
            return " ".join("".join(TRANSCRIPT_CHARACTERS[number] for number in path if number).split())
        log_probabilities = scores.float().log_softmax(-1).cpu().contiguous()
        with self._lock:
            (best,) = self._decoder(log_probabilities[None])
        return " ".join(best[0].words) if best else ""


def _word_decoder(words: Sequence[str]) -> CTCDecoder:
    """Beam search over these words, each spelled by its letters; it reads its word list from a file."""
    with TemporaryDirectory() as folder:
        lexicon = Path(folder) / "lexicon.txt"
        lexicon.write_text("".join(f"{word} {' '.join(word)}\n" for word in words), encoding="utf-8")
        return ctc_decoder(
            lexicon=str(lexicon),
            tokens=list(TRANSCRIPT_CHARACTERS),
            lm=None,
            beam_size=_BEAM_SIZE,
            blank_token=_BLANK,
            sil_token=_SPACE,
        )
