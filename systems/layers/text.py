"""Word pieces: text to token numbers and back, the same at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import BertWordPieceTokenizer

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SPECIAL = (PAD, UNKNOWN, START, END)
VOCABULARY_FILE = "vocab.txt"


class Vocabulary:
    """A lower-cased WordPiece vocabulary (BERT).

    Args:
        pieces: Every word piece; its place is its number. Holds the four marks of SPECIAL.
        max_tokens: Texts are cut to so many pieces, marks included.
    """

    def __init__(self, pieces: Sequence[str], max_tokens: int) -> None:
        self.pieces = tuple(pieces)
        numbers = {piece: number for number, piece in enumerate(self.pieces)}
        self._tokenizer = BertWordPieceTokenizer(vocab=numbers, lowercase=True)
        self.max_tokens = max_tokens
        self.pad_number, self._end_number = numbers[PAD], numbers[END]
        self._unknown_number = numbers[UNKNOWN]

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def word_numbers(self) -> list[int]:
        """Numbers of the pieces that stand for text: no marks such as [CLS], no places left unused."""
        return [
            number
            for number, piece in enumerate(self.pieces)
            if not (piece.startswith("[") and piece.endswith("]"))
        ]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of each text's pieces, with [CLS] before and [SEP] after; cut to `max_tokens`."""
        return [self._cut(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]

    def _cut(self, numbers: list[int]) -> list[int]:
        if len(numbers) <= self.max_tokens:
            return numbers
        return [*numbers[: self.max_tokens - 1], self._end_number]

    def num_pieces(self, text: str) -> int:
        """Pieces of the whole text, marks included."""
        return len(self._tokenizer.encode(text).ids)

    def num_unknown_pieces(self, text: str) -> int:
        """Pieces of a text, up to where `encode` cuts it, that no entry of the vocabulary spells."""
        (numbers,) = self.encode([text])
        return numbers.count(self._unknown_number)

    def num_kept_characters(self, text: str) -> int:
        """Characters of a text up to where `encode` cuts it: all of them where it does not."""
        encoding = self._tokenizer.encode(text)
        if len(encoding.ids) <= self.max_tokens:
            return len(text)
        _, end = encoding.offsets[self.max_tokens - 2]  # of the last piece before [SEP]
        return int(end)

    def decode(self, numbers: Sequence[int]) -> str:
        """Text of a sequence of piece numbers, marks left out."""
        return str(self._tokenizer.decode(list(numbers), skip_special_tokens=True))

    def save(self, folder: Path) -> None:
        """Write the pieces to `folder`/vocab.txt, one a line."""
        (folder / VOCABULARY_FILE).write_text("\n".join(self.pieces) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, max_tokens: int) -> Vocabulary:
        """Read `folder`/vocab.txt."""
        return cls((folder / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines(), max_tokens)
