"""Typographic characters to plain ones, and words back to English."""

from __future__ import annotations

import pytest

from shared.scores import split_words
from shared.typography import contract, is_blank, join_words, num_dropped, to_plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("don’t ‘so’", "don't 'so'"),
        ("don´t", "don't"),
        ("“a” „b“ «c»", '"a" "b" "c"'),
        ("10–15, well‑known, −5", "10-15, well-known, -5"),
        ("yes – no—so", "yes -- no--so"),
        ("wait…", "wait..."),
        ("100\u202f000\u00a0kg\u3000x", "100 000 kg x"),
        ("zero\u200bwi\u00addth\ufeff \u200fx\ufe0f", "zerowidth x"),
        ("\ufb01ne Ｈｉ Ⅳ №", "fine Hi IV No"),
        ("café, m², ½, ①, 中, 😀, ¨", "café, m², ½, ①, 中, 😀, ¨"),
    ],
)
def test_what_a_reader_takes_for_the_same_becomes_plain(text: str, plain: str) -> None:
    assert to_plain(text) == plain
    assert to_plain(plain) == plain


def test_blank_is_what_shows_nothing() -> None:
    assert all(
        map(is_blank, ("", " \u00a0", "\u200b\u200d", "\u0301", "\u20dd\ufe0f", "\u115f\u3164", "\u2800"))
    )
    assert not any(map(is_blank, ("a", "e\u0301", ".", "😀", "中")))


def test_accents_that_make_no_letter_and_private_characters_are_dropped() -> None:
    assert num_dropped("cafe\u0301 \u1ec7 zero\u200bwidth") == 0
    assert num_dropped("x\u0302 \ue000 \ufffd \U000e0fff") == 4


@pytest.mark.parametrize(
    ("answered", "meant"),
    [
        ("don ' not, can ' not", "don ' t, can ' t"),
        ("will ' t could ' t", "won ' t couldn ' t"),
        ("it is ' not so ' and i do not", "it is ' not so ' and i do not"),
        ("undo ' t do ' the", "undo ' t do ' the"),
    ],
)
def test_half_a_contraction_is_a_whole_one(answered: str, meant: str) -> None:
    assert contract(answered) == meant
    assert contract(meant) == meant


@pytest.mark.parametrize(
    "text",
    [
        "i don't think we can't, isn't it?",
        "it's parliament's; we've, they're, i'm, he'll, i'd.",
        "the members' rights and rock 'n' roll",
        "at 10:30 o'clock in 1997, 15 states and d'estaing",
        "\"quoted\" text, 'i would,' he said (so).",
        "a well-known e-mail, 10-15, 1,000 and 3.5 and/or 50% for $5",
        "wait... what?! yes -- no: (-5)",
        "",
    ],
)
def test_words_and_marks_get_the_spacing_of_english(text: str) -> None:
    parted = " ".join(split_words(text))
    assert join_words(parted) == text
    assert join_words(text) == text


@pytest.mark.parametrize(
    "text", ["##s a _ b", "' ' ' \" - - - . ( ' s", "3 . 5 , 000 : a / / b", "o ' ' t - ."]
)
def test_joining_keeps_the_words_that_bleu_counts(text: str) -> None:
    assert split_words(join_words(text)) == split_words(text)
