"""PSNR and BLEU against closed forms."""

import math

import numpy as np
import pytest

from shared.scores import MAX_PSNR_DB, bleu, psnr_db


def test_psnr_of_a_constant_error_is_its_closed_form():
    reference = np.full((4, 4, 3), 100, np.uint8)
    assert psnr_db(reference, reference + np.uint8(5)) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr_db(np.zeros_like(reference), np.full_like(reference, 255)) == pytest.approx(0.0)
    assert psnr_db(reference, reference) == MAX_PSNR_DB


def test_bleu_4_is_the_geometric_mean_of_the_precisions():
    # 6 words, the last one wrong: precisions 5/6, 4/5, 3/4, 2/3; no brevity penalty.
    expected = (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    assert bleu("the cat sat on the mat", "the cat sat on the dog") == pytest.approx(expected, rel=1e-5)


def test_bleu_punishes_brevity():
    # All of the 5 words are right, but the reference has 6: exp(1 - 6/5).
    assert bleu("the cat sat on the mat", "the cat sat on the") == pytest.approx(math.exp(-0.2), rel=1e-5)


@pytest.mark.parametrize(
    ("reference", "text", "expected"),
    [
        ("It's a naïve, fine film.", "it's a naive , fine film .", 1.0),
        ("It’s “fine” – no… wait, fi\u00adne", 'it\'s "fine" -- no... wait, fine', 1.0),
        ("fine film", "fine film", 1.0),
        ("fine film", "dull book", 0.0),
        ("fine film", "", 0.0),
    ],
)
def test_bleu_of_short_texts_and_of_spellings(reference, text, expected):
    assert bleu(reference, text) == pytest.approx(expected)
