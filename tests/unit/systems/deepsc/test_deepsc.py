"""U-DeepSC and T-DeepSC: what they send, what they refuse, and that they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from experiments.training.trainable import get_trainable
from shared.errors import InvalidField, UnknownName
from shared.tasks import TASKS, get_task
from systems.base import Received
from systems.deepsc.config import get_sizes, grid_of
from systems.deepsc.networks import pool
from systems.layers.batch import Batch
from systems.layers.layers import Tokens
from systems.layers.profiles import get_profile

TINY = get_profile("tiny")
_CHANNEL = Channel("awgn", "block", 40.0, seed=1)
_FRAMES = {
    "vqa": (1, 30),
    "movie_genres": (1, 44),
    "image_classification": (1, 8),
    "sentiment": (1, 3),
    "image_reconstruction": (64, 8),
    "video_classification": (8, 8),
}


def _wanted(task: str, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{modality: source[modality] for modality in TASKS[task].modalities} for source in sources]


@pytest.mark.parametrize("task", list(TASKS))
def test_frames_have_the_papers_size_and_unit_power(
    task: str, tiny_deepsc: Path, sources: list[dict[str, Any]]
) -> None:
    wanted = _wanted(task, sources)
    encoded = SemanticLink.load(tiny_deepsc, "udeepsc").transmitter.encode(task, wanted, {})
    for source, instance in zip(wanted, encoded, strict=True):
        symbols = instance.symbols
        assert symbols.dtype == np.complex64
        assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1.0, abs=1e-5)
        if task in _FRAMES:
            assert symbols.shape == _FRAMES[task]
        elif task == "speech_recognition":
            num_frames = 1 + (len(source["audio"]) - 400) // 160
            assert symbols.shape == (-(-num_frames // 4), 8)
        else:
            assert symbols.shape[1] == 3
    if task == "text_reconstruction":
        assert len(encoded[0].symbols) < len(encoded[1].symbols)


def test_each_task_of_the_independent_system_has_its_own_half(
    tiny_deepsc: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_deepsc, "tdeepsc")
    (answers,) = link.send("vqa", _wanted("vqa", sources), [_CHANNEL], [0, 1])
    assert [answer.channel_uses for answer in answers] == [30, 30]


@pytest.mark.parametrize(
    ("task", "shape", "allowed"),
    [
        ("vqa", (1, 16), r"\[1, 30\] for vqa"),
        ("vqa", (2, 30), r"\[1, 30\] for vqa"),
        ("vqa", (0, 30), r"\[1, 30\] for vqa"),
        ("image_reconstruction", (63, 8), r"\[64, 8\]"),
        ("video_classification", (9, 8), r"\[8, 8\]"),
        ("text_reconstruction", (65, 3), r"\[1 to 64, 3\]"),
        ("text_reconstruction", (0, 3), r"\[1 to 64, 3\]"),
        ("speech_recognition", (5000, 8), r"\[1 to 2048, 8\]"),
        ("speech_recognition", (5, 16), r"\[1 to 2048, 8\]"),
    ],
)
def test_a_false_shape_is_refused(task: str, shape: tuple[int, int], allowed: str, tiny_deepsc: Path) -> None:
    receiver = SemanticLink.load(tiny_deepsc, "udeepsc").receiver
    frame = Received(np.zeros(shape, np.complex64), np.ones(shape, np.float32))
    with pytest.raises(InvalidField, match=allowed) as refused:
        receiver.decode(task, [frame])
    assert refused.value.field == "symbols.shape"


def test_a_profile_without_sizes_is_refused() -> None:
    with pytest.raises(UnknownName, match="paper.*tiny, compact"):
        get_sizes(get_profile("paper"))


@pytest.mark.parametrize(
    ("size", "grid"), [((32, 32), (4, 8, 8)), ((64, 64), (8, 8, 8)), ((144, 96), (16, 9, 6))]
)
def test_pictures_are_cut_into_at_most_64_patches(size: tuple[int, int], grid: tuple[int, int, int]) -> None:
    assert grid_of(size) == grid


def test_a_strong_query_picks_the_token_like_it_and_no_padding() -> None:
    values = torch.eye(4)[None]
    mask = torch.tensor([[True, True, False, True]])
    queries = 100 * torch.eye(4)[[1, 2]]
    picked = pool(Tokens(values, mask), queries)
    torch.testing.assert_close(picked[0, 0], values[0, 1])
    torch.testing.assert_close(picked[0, 1], values[0, mask[0]].mean(0))  # alike to none that is there


def _inputs(task: str) -> dict[str, tuple[Tensor, ...]]:
    """Two inputs of each modality of a task."""
    mask = torch.arange(9)[None] < torch.tensor([[9], [5]])
    made = {
        "text": (torch.randint(0, 30, (2, 9)), mask),
        "image": (torch.randn(2, 3, *get_task(task).image_size),),
        "audio": (torch.randn(2, 36, 80), mask.repeat_interleave(4, 1)),
        "video": (torch.randn(2, TINY.video_frames, 3, 64, 64),),
    }
    return {modality: made[modality] for modality in get_task(task).modalities}


@pytest.mark.parametrize("task", list(TASKS))
def test_every_task_learns_with_the_parameters_it_names(task: str) -> None:
    """A few steps bring the scores of two instances nearer to targets drawn at random."""
    torch.manual_seed(1)
    system = get_trainable("udeepsc").build(TINY, list(TASKS), dict.fromkeys(TASKS, ("a", "b")), 30)
    batch, own = Batch(_inputs(task)), system.parameters_of(task)
    optimiser = torch.optim.Adam(own.values(), lr=3e-3)
    losses, target = [], None
    for _ in range(25):
        symbols, mask = system.encode(task, batch, 16)
        scores = system.decode(task, symbols, mask)
        target = torch.randn_like(scores) if target is None else target
        loss = (scores - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    named = {id(parameter) for parameter in own.values()}
    for half in system.halves.values():
        for name, parameter in half.named_parameters():
            assert parameter.grad is None or id(parameter) in named, name
