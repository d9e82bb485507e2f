"""Inputs of a training split: what is changed from step to step, and what is made once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments.data.base import Column
from experiments.training.augmentation import (
    add_noise,
    blank_square,
    change_band,
    change_voice,
    flip_and_shift,
)
from experiments.training.inputs import ClipInputs, TextInputs
from systems.layers.profiles import get_profile
from systems.layers.text import SPECIAL, Vocabulary


def test_a_share_of_the_pieces_is_replaced_and_marks_never() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = Vocabulary([*SPECIAL, "[unused0]", *letters, *("##" + letter for letter in letters)], 32)
    texts = ["a b c d e f g h i j"] * 200
    rows = np.arange(len(texts))
    plain, mask = TextInputs(texts, vocabulary).tensors(rows, torch.Generator())
    changed, same_mask = TextInputs(texts, vocabulary, replaced_share=0.25).tensors(
        rows, torch.Generator().manual_seed(0)
    )
    assert torch.equal(mask, same_mask)
    is_word = torch.isin(plain, torch.tensor(vocabulary.word_numbers))
    assert torch.equal(changed[~is_word], plain[~is_word])
    share = float((changed != plain)[is_word].float().mean())
    assert share == pytest.approx(0.25 * (1 - 1 / len(vocabulary.word_numbers)), abs=0.03)
    drawn = set(changed[changed != plain].tolist())
    assert drawn <= set(vocabulary.word_numbers)
    assert len(drawn) > 40


def test_half_of_the_pictures_are_mirrored_and_all_are_shifted_by_up_to_three_pixels() -> None:
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    pixels = torch.stack([rows, columns, rows + columns]).repeat(200, 1, 1, 1)
    changed = flip_and_shift(pixels, torch.Generator().manual_seed(0))
    assert changed.shape == pixels.shape
    middle, steps = changed[:, :, 16, 16], changed[:, 1, 16, 17] - changed[:, 1, 16, 16]
    assert set(steps.tolist()) == {1.0, -1.0}
    assert 70 <= int((steps < 0).sum()) <= 130  # a mirrored picture counts its columns down
    assert torch.equal(middle[:, 2], middle[:, 0] + middle[:, 1])
    assert set((middle[:, 0] - 16).tolist()) == {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0}
    unmirrored = torch.where(steps < 0, 31 - middle[:, 1], middle[:, 1])
    assert set(unmirrored.tolist()) <= {13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0}
    assert len(set(unmirrored.tolist())) >= 7


def test_a_blank_square_is_a_quarter_of_the_side() -> None:
    pixels = torch.ones(5, 3, 32, 32)
    blanked = blank_square(pixels, torch.Generator().manual_seed(0))
    assert (blanked == 0).sum((1, 2, 3)).tolist() == [3 * 8 * 8] * 5


def test_a_changed_voice_has_another_pace_and_the_same_bins() -> None:
    features = torch.linspace(-2, 2, 80).expand(100, 80)
    changed = [change_voice(features, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert {own.shape[1] for own in changed} == {80}
    assert 75 <= min(len(own) for own in changed) < 85
    assert 130 < max(len(own) for own in changed) <= 150
    middles = [float(own[0, 40]) for own in changed]
    assert min(middles) < -0.1 < 0.1 < max(middles)  # a longer tract moves every formant down, a shorter up
    assert all(-2 <= float(own.min()) <= float(own.max()) <= 2 for own in changed)


def test_a_changed_band_is_as_it_was_or_empty_above_4_khz_or_folded() -> None:
    features = torch.linspace(1, 2, 80).expand(10, 80)
    seen = set()
    for seed in range(30):
        changed = change_band(features, torch.Generator().manual_seed(seed))
        assert torch.equal(changed[:, :60], features[:, :60])
        upper = changed[:, 60:]
        loss = float(features[0, 59] - upper[0, 0])
        if torch.equal(upper, features[:, 60:]):
            seen.add("whole")
        elif bool((upper == -2.5).all()):
            seen.add("narrow")
        else:
            seen.add("folded")
            assert 0 <= loss <= 1.5
            torch.testing.assert_close(upper, features[:, 40:60].flip(1) - loss)
    assert seen == {"whole", "narrow", "folded"}


def test_noise_lies_below_the_loudest_and_fills_silence() -> None:
    features = torch.full((400, 80), -2.5)
    features[100:200] = 1.0
    noisy = [add_noise(features, torch.Generator().manual_seed(seed)) for seed in range(40)]
    silent = torch.tensor([float(own[:100].mean()) for own in noisy])
    assert all(torch.all(own >= features - 1e-5) for own in noisy)  # energies add
    assert -2.5 <= float(silent.min()) < -2 < 0 < float(silent.max()) < 0.3
    spoken = torch.stack([own[100:200].mean() for own in noisy])
    assert float(spoken.max()) < 1.1  # at least 13 dB below: hardly louder
    colours = torch.stack([own[:100, 70:].mean() - own[:100, :10].mean() for own in noisy])
    assert float(colours.min()) < -0.3 < 0.3 < float(colours.max())


def test_only_clips_whose_cue_is_motion_change_their_scene() -> None:
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 256, (2, 1, 1, 1, 3), dtype=np.uint8)  # two walls
    clips = [np.broadcast_to(scenes[number % 2], (16, 64, 64, 3)) for number in range(40)]
    rows, number = np.arange(40), np.arange(40)
    column = Column(clips, rows, label_cue=np.where(number < 20, "motion", "all"))
    inputs = ClipInputs(column, get_profile("tiny"), augment=True)
    expected = torch.tensor(scenes.reshape(2, 3) / 127.5 - 1).float()
    expected = (expected - expected.mean(1, keepdim=True))[number % 2]

    def is_own(clips: torch.Tensor) -> torch.Tensor:
        # contrast and brightness change too
        walls = clips.flatten(3).median(3).values.median(1).values  # [40, 3]
        colours = walls - walls.mean(1, keepdim=True)
        return torch.nn.functional.cosine_similarity(colours, expected) > 0.999

    batches = [inputs.tensors(rows, torch.Generator().manual_seed(seed)) for seed in range(8)]
    seen, beside = (torch.stack([is_own(clips) for clips in kind]) for kind in zip(*batches, strict=True))
    assert seen[:, 20:].all()
    assert beside[:, 20:].all()
    assert 0.1 < float(seen[:, :20].float().mean()) < 0.4
    share = 1 - 0.35 / 2  # 0.35 have another clip's scene, and half of those the other wall
    assert float(beside[:, :20].float().mean()) == pytest.approx(share, abs=0.08)


def test_a_clip_whose_cue_is_appearance_comes_with_the_motion_of_another() -> None:
    rows = np.arange(80)
    blinks = (rows < 40) & (rows % 2 == 1)  # every other one whose cue is appearance; all others stand still
    black, blinking = np.zeros((16, 64, 64, 3), np.uint8), np.zeros((16, 64, 64, 3), np.uint8)
    blinking[::2] = 255
    cues = np.where(rows < 40, "appearance", "all")
    column = Column([blinking if does else black for does in blinks], rows, cues)
    inputs = ClipInputs(column, get_profile("tiny"), augment=True)
    motion, scenes = map(_blinks, inputs.tensors(rows, torch.Generator().manual_seed(0)))
    assert torch.equal(scenes, torch.from_numpy(blinks))
    assert not motion[40:].any()
    assert 10 <= int((motion[:40] == scenes[:40]).sum()) <= 30
    assert 10 <= int(motion[:40].sum()) <= 30
    still = inputs.tensors(rows[40:], torch.Generator().manual_seed(0))
    plain = ClipInputs(column, get_profile("tiny"), augment=False).tensors(rows, torch.Generator())
    assert (len(still), len(plain)) == (1, 1)


def _blinks(clips: torch.Tensor) -> torch.Tensor:
    return clips.diff(dim=1).abs().flatten(1).amax(1) > 0.5
