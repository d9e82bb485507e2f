"""Typographic characters to the plain ones that a vocabulary knows, and words back to English spacing.

Both work on what a reader sees: a curly apostrophe is an apostrophe, and a zero-width blank is nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛‹›′ʹʻʼˈ´", "'"),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        **dict.fromkeys("—―", "--"),
        "⁄": "/",
        # Letters by their category that show nothing: fillers of Hangul, and Braille without a dot.
        **dict.fromkeys("\u115f\u1160\u3164\uffa0\u2800", " "),
    }
)
# Compatible characters that say the same; not powers, fractions and circled ones, which say more.
_SAME = ("<compat>", "<noBreak>", "<wide>", "<narrow>", "<font>", "<initial>", "<medial>", "<final>")
_SPACING_ACCENT = re.compile(r"<compat> 0020 0")
_SPACED_DASH = re.compile(r"(?<=\s)–(?=\s)")
_VARIATIONS = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")

_TOKEN = re.compile(r"\w+|[^\w\s]")
_CLITICS = frozenset(("s", "t", "m", "d", "re", "ve", "ll"))
_ELIDED = frozenset(("o", "d", "l"))
_NEGATED = {
    **{verb: f"{verb}n" for verb in ("do", "does", "did", "is", "are", "was", "were", "has", "have", "had")},
    **{verb: f"{verb}n" for verb in ("would", "could", "should", "must", "need", "might")},
    "will": "won",
}
_SPELLED_NOT = re.compile(rf"\b({'|'.join((*_NEGATED.values(), 'can'))}) ' not\b")
_SPELLED_VERB = re.compile(rf"\b({'|'.join(_NEGATED)}) ' t\b")
_CLOSING, _OPENING, _JOINING = frozenset(".,;:?!%)]}"), frozenset("([{$£€#"), frozenset("-/@")
_QUOTES = frozenset("'\"")
_MAX_SHOWN_CHARS = 60


def to_plain(text: str) -> str:
    """Quotes, dashes, ellipses, ligatures and blanks as plain ones; zero-width characters left out."""
    if text.isascii():
        return text
    text = _VARIATIONS.sub("", _SPACED_DASH.sub("—", text)).translate(_PLAIN)
    return "".join(map(_plain_character, text))


def _plain_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    if category == "Zs":
        return " "
    decomposition = unicodedata.decomposition(char)
    if not decomposition.startswith(_SAME) or _SPACING_ACCENT.match(decomposition):
        return char
    return unicodedata.normalize("NFKC", char)


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing: blanks, zero-width characters, and marks without a letter."""
    return all(char.isspace() or unicodedata.category(char)[0] == "M" for char in to_plain(text))


def num_dropped(text: str) -> int:
    """Characters that BERT's tokenizer drops without a trace, accents that make one letter not among them."""
    composed = unicodedata.normalize("NFC", to_plain(text))
    return sum(char == "\ufffd" or unicodedata.category(char) in ("Mn", "Co", "Cn") for char in composed)


def contract(text: str) -> str:
    """Half spelled-out contractions, as in "don ' not" and "will ' t", to "don ' t" and "won ' t".

    Networks that saw few contractions answer so. "do ' not" stays: it may begin a quotation. "can ' not" is
    changed, for "can" has no other contraction: a quotation that begins there loses its mark.
    """
    text = _SPELLED_NOT.sub(r"\1 ' t", text)
    return _SPELLED_VERB.sub(lambda found: f"{_NEGATED[found[1]]} ' t", text)


def join_words(text: str) -> str:
    """Words and punctuation marks, each parted by blanks, with the spacing of English.

    No two words are joined to one, so the words that BLEU counts stay the same.
    """
    tokens = _TOKEN.findall(text)
    joined: list[str] = []
    open_quotes: set[str] = set()
    glued = True  # to what comes before; the first is
    for number, token in enumerate(tokens):
        before, after = tokens[number - 1] if number else "", tokens[number + 1 : number + 2]
        glues_next = token in _OPENING
        if token in _QUOTES:
            left, glues_next = _quote(token, before, after, open_quotes)
            glued = glued or left
        elif _is_inner(token, before, after):
            glued = glues_next = True
        elif token == "-":  # of a dash, or a minus
            glued = glued or before == "-"
            glues_next = before != "-" and bool(after) and (after[0] == "-" or after[0].isdecimal())
        else:
            glued = glued or token in _CLOSING
        joined.append(token if glued else f" {token}")
        glued = glues_next
    return "".join(joined)


def _is_inner(mark: str, before: str, after: Sequence[str]) -> bool:
    """Whether a mark parts what is one word or number: well-known, and/or, 3.5, 1,000, 10:30."""
    if not after or not before[-1:].isalnum() or not after[0][0].isalnum():
        return False
    if mark in _JOINING:
        return True
    if not (before.isdecimal() and after[0][0].isdecimal()):
        return False
    digits = len(after[0])
    return mark == "." or (mark == ":" and digits == 2) or (mark == "," and digits == 3 and len(before) <= 3)


def _quote(mark: str, before: str, after: Sequence[str], open_quotes: set[str]) -> tuple[bool, bool]:
    """Whether a quote or an apostrophe has no blank before it, and none behind it."""
    if mark == "'" and before[-1:].isalnum():
        follows = after[0] if after else ""
        if follows in _CLITICS or (before in _ELIDED and follows[:1].isalpha()):
            return True, True
        if before.endswith("s") and mark not in open_quotes:  # the members' rights
            return True, False
    if mark in open_quotes:
        open_quotes.remove(mark)
        return True, False
    open_quotes.add(mark)
    return False, bool(after)


def shorten(text: str) -> str:
    """The text's beginning, at most 60 characters."""
    return text if len(text) <= _MAX_SHOWN_CHARS else text[: _MAX_SHOWN_CHARS - 1] + "…"
