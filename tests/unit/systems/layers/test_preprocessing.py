"""Media to tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shared.errors import TooLarge
from shared.tasks import TASKS
from systems.layers.preprocessing import (
    fbank,
    pad_pieces,
    pixels_to_tensor,
    resize,
    sample_frames,
)
from systems.layers.preprocessor import Preprocessor
from systems.layers.profiles import get_profile
from systems.layers.text import SPECIAL, Vocabulary

_LIMIT = 32
_LONG = " ".join(["ab"] * 16)  # two pieces a word: 34 with the marks


def test_fbank_frames_and_bins() -> None:
    seconds = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    features = fbank(seconds)
    assert features.shape == (98, 80)  # 25 ms windows every 10 ms
    edges = 1127 * np.log1p(np.array([20, 8000, 1000]) / 700)  # mel
    expected = (edges[2] - edges[0]) / (edges[1] - edges[0]) * 81 - 1
    assert abs(int(features.mean(0).argmax()) - expected) <= 1


def test_short_sound_becomes_one_token() -> None:
    assert len(fbank(np.zeros(10, dtype=np.float32))) >= 4


def test_resize_keeps_a_fitting_picture_bit_for_bit() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert resize(image, (32, 32)) is image
    assert resize(np.full((100, 50, 3), 77, dtype=np.uint8), (32, 32)).tolist() == [[[77] * 3] * 32] * 32


def test_pixels_are_centred() -> None:
    pixels = pixels_to_tensor(np.full((1, 4, 4, 3), round(0.47 * 255), dtype=np.uint8))
    assert pixels.shape == (1, 3, 4, 4)
    assert pixels.abs().max() < 0.01


def test_frames_are_sampled_evenly_and_short_clips_repeat() -> None:
    clip = np.arange(31, dtype=np.uint8)[:, None, None, None]
    assert sample_frames(clip, 16).ravel().tolist() == list(range(0, 31, 2))
    assert sample_frames(clip[:1], 4).ravel().tolist() == [0, 0, 0, 0]


def test_padding() -> None:
    numbers, mask = pad_pieces([[5, 6], [7]], pad_number=9)
    assert torch.equal(numbers, torch.tensor([[5, 6], [7, 9]]))
    assert mask.tolist() == [[True, True], [True, False]]


def _preprocessor() -> Preprocessor:
    return Preprocessor(get_profile("tiny"), Vocabulary([*SPECIAL, "a", "##b"], _LIMIT))


def test_a_text_to_bring_back_is_refused_beyond_the_limit() -> None:
    preprocess = _preprocessor()
    fitting = _LONG[: -len(" ab")]
    assert preprocess("text_reconstruction", [{"text": fitting}]).inputs["text"][0].shape == (1, _LIMIT)
    with pytest.raises(TooLarge, match="text = '34 word pieces' .*at most 32 word pieces"):
        preprocess("text_reconstruction", [{"text": "a"}, {"text": _LONG}])


@pytest.mark.parametrize(
    "task", [name for name, task in TASKS.items() if "text" in task.modalities and task.answer.kind != "text"]
)
def test_a_text_to_label_is_cut_and_only_what_is_read_counts(task: str) -> None:
    preprocess = _preprocessor()
    source = {"text": _LONG, "image": np.zeros((8, 8, 3), dtype=np.uint8)}
    assert preprocess(task, [source]).inputs["text"][0].shape == (1, _LIMIT)
    cut, whole = (preprocess.num_source_values(task, {**source, "text": text}) for text in (_LONG, "ab"))
    assert cut - whole == len(_LONG[: -len(" ab")]) - len("ab")
