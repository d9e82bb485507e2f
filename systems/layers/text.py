"""Word pieces: text to token numbers and back, the same at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import BertWordPieceTokenizer, Encoding

from shared.typography import contract, join_words, num_dropped, to_plain
from shared.weights import VOCABULARY_FILE, Manifest, find_vocabulary

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SPECIAL = (PAD, UNKNOWN, START, END)


class Vocabulary:
    """A lower-cased WordPiece vocabulary (BERT); typographic characters are read as plain ones.

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
        encodings = self._tokenizer.encode_batch([to_plain(text) for text in texts])
        return [self._cut(encoding.ids) for encoding in encodings]

    def _cut(self, numbers: list[int]) -> list[int]:
        if len(numbers) <= self.max_tokens:
            return numbers
        return [*numbers[: self.max_tokens - 1], self._end_number]

    def num_pieces(self, text: str) -> int:
        """Pieces of the whole text, marks included."""
        return len(self._tokenizer.encode(to_plain(text)).ids)

    def num_unknown_pieces(self, text: str) -> int:
        """What of a text, up to where `encode` cuts it, cannot come back.

        Pieces that no entry of the vocabulary spells, and characters that are dropped before.
        """
        plain = to_plain(text)
        encoding = self._tokenizer.encode(plain)
        num_unknown = self._cut(encoding.ids).count(self._unknown_number)
        return num_unknown + num_dropped(plain[: self._end(plain, encoding)])

    def num_kept_characters(self, text: str) -> int:
        """Characters of a text, made plain, up to where `encode` cuts it: all of them where it does not."""
        plain = to_plain(text)
        return self._end(plain, self._tokenizer.encode(plain))

    def _end(self, plain: str, encoding: Encoding) -> int:
        if len(encoding.ids) <= self.max_tokens:
            return len(plain)
        _, end = encoding.offsets[self.max_tokens - 2]  # of the last piece before [SEP]
        return int(end)

    def decode(self, numbers: Sequence[int]) -> str:
        """Text of a sequence of piece numbers, marks left out, with the spacing of English."""
        return join_words(contract(str(self._tokenizer.decode(list(numbers), skip_special_tokens=True))))

    def save(self, folder: Path) -> None:
        """Write the pieces to `folder`/vocab.txt, one a line."""
        (folder / VOCABULARY_FILE).write_text("\n".join(self.pieces) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, max_tokens: int) -> Vocabulary:
        """Read `folder`/vocab.txt."""
        return cls((folder / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines(), max_tokens)


def load_vocabulary(folder: Path, manifest: Manifest, max_tokens: int) -> Vocabulary | None:
    """The word pieces that a folder's manifest speaks of; None without text.

    Raises:
        InvalidField: If the file is missing or was changed.
    """
    return None if find_vocabulary(folder, manifest) is None else Vocabulary.load(folder, max_tokens)
