"""The defining test: three real processes answer as the in-process link does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from channel_service.channels import Channel
from client.stack import Stack
from experiments.link import LinkAnswer, SemanticLink
from experiments.network_link import send_over_network
from shared.checkpoint import find_weights
from shared.tasks import TASKS

_SHIPPED = Path(__file__).parents[2] / "weights"
_CHANNELS = [
    Channel("awgn", "block", 12.0, seed=5),
    Channel("rayleigh", "block", 0.0, seed=6),
    Channel("rayleigh", "symbol", 6.0, seed=7),
    Channel("rician", "block", 3.0, k_factor_db=3.0, seed=8),
]


@pytest.fixture(scope="module")
def tiny_stack(tiny_weights: Path) -> Iterator[Stack]:
    with Stack.start(weights=tiny_weights, free_ports=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def shipped_stack() -> Iterator[Stack]:
    if not find_weights(_SHIPPED):
        pytest.skip("no weights are shipped")
    with Stack.start(weights=_SHIPPED, free_ports=True) as stack:
        yield stack


def _assert_same(over_network: LinkAnswer, in_process: LinkAnswer) -> None:
    assert over_network.channel_uses == in_process.channel_uses
    assert over_network.payload_bytes == in_process.payload_bytes
    assert over_network.realised_snr_db == pytest.approx(in_process.realised_snr_db, abs=1e-3)
    ours, theirs = in_process.answer, over_network.answer
    assert theirs.labels == ours.labels
    assert theirs.text == ours.text
    assert dict(theirs.scores) == pytest.approx(dict(ours.scores), abs=1e-4)
    if ours.image is not None:
        assert theirs.image is not None
        assert np.abs(theirs.image.astype(int) - ours.image.astype(int)).max() <= 1


@pytest.mark.parametrize("task", list(TASKS))
def test_tiny_profile(
    task: str, tiny_stack: Stack, tiny_weights: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_weights, "mfmsc")
    wanted = [{modality: source[modality] for modality in TASKS[task].modalities} for source in sources]
    with tiny_stack.client() as client:
        for number, channel in enumerate(_CHANNELS):
            numbers = [10 * number, 10 * number + 1]
            (expected,) = link.send(task, wanted, [channel], numbers)
            for source, frame_number, answer in zip(wanted, numbers, expected, strict=True):
                _assert_same(send_over_network(client, "mfmsc", task, source, channel, frame_number), answer)


def _drawn(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = np.full((64, 64, 3), 230, dtype=np.uint8)
    top, left = rng.integers(5, 30, 2)
    picture[top : top + 25, left : left + 20] = rng.integers(0, 200, 3)
    return np.asarray(Image.fromarray(picture))


_INSTANCES: dict[str, list[dict[str, Any]]] = {
    "sentiment": [{"text": text} for text in ("a warm and funny film", "dull from start to end", "hm .")],
    "image_classification": [{"image": _drawn(seed)[:32, :32]} for seed in range(3)],
    "vqa": [
        {"image": _drawn(seed), "text": question}
        for seed, question in enumerate(("what shape is this?", "is there a red shape?", "what color is it?"))
    ],
}


@pytest.mark.parametrize("task", list(_INSTANCES))
def test_shipped_weights(task: str, shipped_stack: Stack) -> None:
    link = SemanticLink.load(_SHIPPED, "mfmsc")
    with shipped_stack.client() as client:
        for number, channel in enumerate(_CHANNELS):
            numbers = list(range(100 * number, 100 * number + len(_INSTANCES[task])))
            (expected,) = link.send(task, _INSTANCES[task], [channel], numbers)
            for source, frame_number, answer in zip(_INSTANCES[task], numbers, expected, strict=True):
                _assert_same(send_over_network(client, "mfmsc", task, source, channel, frame_number), answer)
