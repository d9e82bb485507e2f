"""Training's clips lose what must not tell their label and keep what may."""

from __future__ import annotations

import numpy as np
import torch

from experiments.training.clips import part_of, recolour, restage, zoom


def test_a_part_of_a_clip_repeats_no_frame_that_the_clip_does_not() -> None:
    generator = torch.Generator().manual_seed(0)
    clip = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    lengths = {len(part_of(clip, 16, generator)) for _ in range(200)}
    assert (min(lengths), max(lengths)) == (28, 40)
    starts = {int(part_of(clip, 16, generator)[0, 0, 0, 0]) for _ in range(200)}
    assert min(starts) == 0
    assert 8 <= max(starts) <= 12
    assert {len(part_of(clip[:20], 16, generator)) for _ in range(200)} == {16, 17, 18, 19, 20}
    assert {len(part_of(clip[:9], 16, generator)) for _ in range(20)} == {9}


def test_a_zoomed_picture_is_seen_from_nearer_or_farther() -> None:
    pixels = torch.zeros(40, 1, 64, 64)
    pixels[:, :, 22:42, 22:42] = 1.0
    zoomed = zoom(pixels, torch.Generator().manual_seed(0))
    for axis in (2, 3):
        sides = zoomed.sum(axis).amax((1, 2))
        assert 20 / 1.35 <= float(sides.min()) < 17 < 23 < float(sides.max()) <= 20 * 1.35
    torch.testing.assert_close(zoomed.flip(2, 3), zoomed, atol=1e-4, rtol=0)  # the middle stays


def test_clips_lose_their_colours_and_turn_negative() -> None:
    clips = torch.rand(400, 2, 3, 4, 4)
    seen = recolour(clips, torch.Generator().manual_seed(0))
    is_negative = (seen <= 0).flatten(1).all(1)
    assert 160 <= int(is_negative.sum()) <= 240
    seen = torch.where(is_negative[:, None, None, None, None], -seen, seen)
    is_grey = (seen == seen[:, :, :1]).flatten(1).all(1)
    assert 90 <= int(is_grey.sum()) <= 150
    assert torch.equal(seen[~is_grey], clips[~is_grey])
    torch.testing.assert_close(seen.mean(2), clips.mean(2))


def test_what_moves_stays_where_the_scene_changes() -> None:
    clips = torch.full((200, 16, 1, 64, 64), -0.5).expand(-1, -1, 3, -1, -1).clone()
    for frame in range(16):  # a box that crosses a wall
        clips[:, frame, :, 24:40, 3 * frame : 3 * frame + 10] = 1.5
    pictures = torch.randn(200, 3, 64, 64).clamp(-1, 1)
    seen = restage(clips, pictures, torch.Generator().manual_seed(0))
    boxes = torch.stack([seen[:, i, :, 26:38, 3 * i + 2 : 3 * i + 8] for i in range(16)], 1)
    assert (boxes.mean(2).abs() - 1.5).abs().max() < 1e-5  # as it was, or its negative
    far = seen[:, :, :, 56:]  # rows that no box is near
    assert torch.equal(far, far[:, :1].expand_as(far))
    is_wall = (far[:, 0].mean(1).abs() - 0.5).abs().flatten(1).amax(1) < 1e-5
    rows = torch.nn.functional.cosine_similarity(
        far[:, 0].mean(1).flatten(1), pictures[:, :, 56:].mean(1).flatten(1)
    )
    is_picture = rows.abs() > 0.999
    assert 30 <= int(is_wall.sum()) <= 70
    assert 50 <= int(is_picture.sum()) <= 100
    assert not (is_wall & is_picture).any()


def test_people_are_half_the_time_cut_out_with_what_is_near() -> None:
    clips = torch.zeros(200, 16, 3, 64, 64)
    clips[:, 8:, :, 28:36, 28:36] = 1.5  # the median over time is of the frames before
    seen = restage(clips, torch.full((200, 3, 64, 64), 1.0), torch.Generator().manual_seed(0))
    beside = seen[:, 0, :, 32, 24].abs().mean(1)  # four pixels off the box
    kept = (beside < 1e-5).float().mean().item()
    assert 0.5 < kept < 0.75  # a quarter stays where it was, half of the rest is cut with a margin
