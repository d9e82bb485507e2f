"""Each encoder gives tokens of the right shape and keeps the promise its equation makes."""

from __future__ import annotations

import math

import pytest
import torch

from systems.layers.profiles import get_profile
from systems.mfmsc.encoders.image import ImageEncoder
from systems.mfmsc.encoders.speech import CausalVgg, SpeechEncoder
from systems.mfmsc.encoders.video import (
    SpaceTimeLayer,
    Stream,
    TubeletEmbedding,
    VideoEncoder,
    _attend,
    measure_changes,
)

TINY = get_profile("tiny")


@pytest.mark.parametrize(
    ("size", "fine", "num_tokens"),
    [((32, 32), False, 16), ((32, 32), True, 64), ((64, 64), False, 16), ((144, 96), False, 16)],
)
def test_image_tokens(size: tuple[int, int], fine: bool, num_tokens: int) -> None:
    tokens = ImageEncoder(TINY)(torch.randn(2, 3, *size), fine=fine)
    assert tokens.values.shape == (2, num_tokens, TINY.width)
    assert tokens.mask.all()


def test_read_both_ways_a_picture_and_its_mirror_image_are_one() -> None:
    encoder, pictures = ImageEncoder(TINY).eval(), _pictures(3)
    grids = [
        encoder(pixels, both_ways=True).values.unflatten(1, (4, 4)) for pixels in (pictures, pictures.flip(3))
    ]
    torch.testing.assert_close(grids[0], grids[1].flip(2), atol=1e-5, rtol=1e-4)
    both = encoder(pictures, both_ways=True).values.mean(1)
    each = [encoder(pixels).values.mean(1) for pixels in (pictures, pictures.flip(3))]
    torch.testing.assert_close(both, (each[0] + each[1]) / 2, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(each[0], each[1], atol=1e-3)


def _pictures(count: int) -> torch.Tensor:
    """Noise around a colour, another one in each."""
    return torch.randn(count, 3, 1, 1) + torch.randn(count, 3, 32, 32)


def _image_encoder_that_saw_pictures() -> ImageEncoder:
    encoder = ImageEncoder(TINY).train()
    for _ in range(40):
        encoder(_pictures(16))
    return encoder


def test_norms_learn_of_batches_only_when_told() -> None:
    encoder = _image_encoder_that_saw_pictures()
    learnt = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder.follow_batches(False)
    encoder(_pictures(4))
    assert all(torch.equal(value, learnt[name]) for name, value in encoder.named_buffers())
    encoder.follow_batches(True)
    encoder(_pictures(4))
    name = "stem.1.running_mean"
    assert not torch.equal(dict(encoder.named_buffers())[name], learnt[name])


@pytest.mark.parametrize("fine", [False, True])
def test_an_image_keeps_its_contrast(fine: bool) -> None:
    """Norms of a picture's own values would take it away: grey for black, and yellow for green."""
    encoder, pictures = _image_encoder_that_saw_pictures().eval(), _pictures(8)
    bright, pale = (encoder(pixels, fine=fine).values.detach() for pixels in (pictures, pictures / 2))
    assert float((bright - pale).norm() / (bright - bright.mean(0)).norm()) > 0.2


@pytest.mark.parametrize("token", [0, 1, 3])
def test_speech_convolutions_cannot_see_the_future(token: int) -> None:
    """Token k depends on frames 0 to 4k alone."""
    vgg = CausalVgg(TINY)
    fbank = torch.randn(1, 32, 80, requires_grad=True)
    vgg(fbank)[0, token].sum().backward()
    assert fbank.grad is not None
    seen = fbank.grad[0].abs().sum(1) > 0
    assert seen[4 * token]
    assert not seen[4 * token + 1 :].any()


@pytest.mark.parametrize("num_frames", [4, 31, 32, 33])
def test_speech_tokens_are_a_quarter_of_the_frames(num_frames: int) -> None:
    mask = torch.ones(2, num_frames, dtype=torch.bool)
    tokens = SpeechEncoder(TINY).eval()(torch.randn(2, num_frames, 80), mask)
    assert tokens.values.shape[1] == tokens.mask.shape[1]
    assert abs(tokens.values.shape[1] - num_frames / 4) < 1


def test_tubelets_do_not_overlap_and_cover_the_clip() -> None:
    embed = TubeletEmbedding(TINY)
    clip = torch.randn(1, TINY.video_frames, 3, TINY.video_size, TINY.video_size, requires_grad=True)
    tubes = embed(clip)
    assert tubes.shape == (1, 8, 16, TINY.width)
    tubes[0, 2, 5].sum().backward()
    assert clip.grad is not None
    touched = (clip.grad[0].abs().sum(1) > 0).nonzero()
    low, high = touched.min(0).values.tolist(), touched.max(0).values.tolist()
    assert low == [4, 16, 16]
    assert high == [5, 31, 31]


def test_spatial_attention_does_not_cross_frames() -> None:
    layer = SpaceTimeLayer(TINY).eval()
    tubes = torch.randn(1, 8, 16, TINY.width)
    changed = tubes.clone()
    changed[:, 3] += 1
    before, after = _attend(layer.spatial, tubes), _attend(layer.spatial, changed)
    others = [moment for moment in range(8) if moment != 3]
    torch.testing.assert_close(before[:, others], after[:, others])
    assert not torch.allclose(before[:, 3], after[:, 3])


def test_temporal_attention_does_not_cross_places() -> None:
    layer = SpaceTimeLayer(TINY).eval()
    tubes = torch.randn(1, 16, 8, TINY.width)  # places first, as the layer turns them
    changed = tubes.clone()
    changed[:, 5] += 1
    before, after = _attend(layer.temporal, tubes), _attend(layer.temporal, changed)
    others = [place for place in range(16) if place != 5]
    torch.testing.assert_close(before[:, others], after[:, others])
    assert not torch.allclose(before[:, 5], after[:, 5])


def test_tokens_of_a_stream_mix_space_and_time() -> None:
    stream = Stream(TINY).eval()
    pictures = torch.randn(1, 16, 3, 64, 64, requires_grad=True)
    tokens = stream(pictures)
    assert tokens.shape == (1, 8 * 16, TINY.width)
    tokens[0, 0].square().sum().backward()
    assert pictures.grad is not None
    assert (pictures.grad[0].abs().sum((1, 2, 3)) > 0).all()


def test_motion_is_the_same_before_any_wall() -> None:
    encoder = VideoEncoder(TINY).eval()
    clip, wall, scene = (
        torch.randn(1, 16, 3, 64, 64),
        torch.randn(1, 1, 3, 64, 64),
        torch.randn(1, 16, 3, 64, 64),
    )
    before = encoder(clip, scene).values
    torch.testing.assert_close(encoder(clip + wall, scene).values, before, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(encoder(clip.flip(1), scene).values, before, atol=1e-2)
    assert not torch.allclose(encoder(clip, scene + wall).values, before, atol=1e-2)


def test_changes_are_measured_where_and_when_they_happen() -> None:
    clip = torch.zeros(1, 16, 3, 64, 64)
    clip[:, 7:, :, 16:32, 48:] = 1.25  # from the eighth frame on, in one place
    clip += 0.24 * (torch.rand_like(clip) - 0.5)  # a camera's noise is not a change
    clip[:, 6:8, :, 16:32, 48:] = torch.tensor([0.0, 1.25]).view(2, 1, 1, 1)
    changes = measure_changes(clip)
    expected = torch.full((1, 15, 4, 4), math.log(0.02) + 2.5)
    expected[0, 6, 1, 3] = math.log(1.25 - 0.25 + 0.02) + 2.5
    torch.testing.assert_close(changes, expected)


def test_a_clip_is_read_with_its_own_scene_unless_given_another() -> None:
    encoder = VideoEncoder(TINY).eval()
    clip, other = torch.randn(2, 1, 16, 3, 64, 64)
    own, changed = encoder(clip).values, encoder(clip, other).values
    torch.testing.assert_close(encoder(clip, clip).values, own)
    pace = encoder.pace(measure_changes(clip)) - encoder.pace(measure_changes(other))
    scene = encoder.project_scene(encoder.scene(clip)) - encoder.project_scene(encoder.scene(other))
    torch.testing.assert_close(own - changed, scene + pace[:, None], atol=1e-4, rtol=1e-4)
