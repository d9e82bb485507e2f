"""Where a text is cut, and how much of it is left."""

from __future__ import annotations

from systems.layers.text import END, SPECIAL, START, Vocabulary

_WORDS = ("one", "two", "three", "é", "e", "##s")
_MAX_TOKENS = 5


def _vocabulary() -> Vocabulary:
    return Vocabulary([*SPECIAL, *_WORDS], _MAX_TOKENS)


def test_a_text_that_fits_is_whole() -> None:
    vocabulary = _vocabulary()
    (numbers,) = vocabulary.encode(["one  Twos"])
    assert [vocabulary.pieces[number] for number in numbers] == [START, "one", "two", "##s", END]
    assert vocabulary.num_pieces("one  Twos") == _MAX_TOKENS
    assert vocabulary.num_kept_characters("one  Twos") == len("one  Twos")


def test_a_longer_text_loses_its_end_and_keeps_its_marks() -> None:
    vocabulary = _vocabulary()
    cut, short = vocabulary.encode(["é one twos three", "one"])
    assert [vocabulary.pieces[number] for number in cut] == [START, "e", "one", "two", END]
    assert len(short) == 3
    assert vocabulary.num_pieces("é one twos three") == 7
    assert vocabulary.num_kept_characters("é one twos three") == len("é one two")


def test_what_no_piece_spells_is_counted_up_to_the_cut() -> None:
    vocabulary = _vocabulary()
    assert vocabulary.num_unknown_pieces("one 😀 two 中") == 1
    assert vocabulary.num_unknown_pieces("😀 中 one") == 2
    assert vocabulary.num_unknown_pieces("one twos") == 0


def test_what_is_dropped_is_counted_too() -> None:
    vocabulary = _vocabulary()
    assert vocabulary.num_unknown_pieces("one\ue000 e\u0301 \ufffd") == 2  # not the accent
    assert vocabulary.num_unknown_pieces("x\u0302") == 2  # no piece, and a mark that makes no letter
    assert vocabulary.num_unknown_pieces("one two one \ue000") == 1
    assert vocabulary.num_unknown_pieces("one two one one \ue000") == 0  # behind the cut


def test_typographic_characters_are_read_as_plain_ones() -> None:
    vocabulary = _vocabulary()
    assert vocabulary.encode(["one\u00a0tw\u200bo"]) == vocabulary.encode(["one two"])
    assert vocabulary.num_pieces("\ufb03") == vocabulary.num_pieces("ffi")
    assert vocabulary.num_kept_characters("\ufb01ne") == len("fine")


def test_words_come_back_with_the_spacing_of_english() -> None:
    vocabulary = Vocabulary([*SPECIAL, "don", "'", "t", "well", "-", "known", "."], 64)
    (numbers,) = vocabulary.encode(["Don’t well‑known."])
    assert vocabulary.decode(numbers) == "don't well-known."
