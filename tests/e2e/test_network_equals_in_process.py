"""The defining test: three real processes answer as the in-process link does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.link import LinkAnswer, SemanticLink
from experiments.evaluation.network_link import send_over_network
from semcom.demo import Sample, load_samples
from semcom.stack import Stack
from shared.source import Source
from shared.tasks import TASKS
from shared.weights import find_weights, load_manifest
from transmitter.media import decode_media

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
    assert (theirs.image is None) == (ours.image is None)
    if ours.image is not None and theirs.image is not None:
        # Rounding to whole pixel values may fall to the other side.
        np.testing.assert_allclose(theirs.image.astype(int), ours.image.astype(int), rtol=0, atol=1)


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


@pytest.fixture(scope="module")
def kin_stack(tiny_variants: Path) -> Iterator[Stack]:
    with Stack.start(weights=tiny_variants, free_ports=True) as stack:
        yield stack


@pytest.mark.parametrize("task", ["sentiment", "vqa", "movie_genres"])
@pytest.mark.parametrize("system", ["mfsc", "mmsc"])
def test_systems_made_from_the_same_network(
    system: str, task: str, kin_stack: Stack, tiny_variants: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_variants, system)
    wanted = [{modality: source[modality] for modality in TASKS[task].modalities} for source in sources]
    with kin_stack.client() as client:
        for channel in _CHANNELS:
            (expected,) = link.send(task, wanted, [channel], [0, 1])
            for source, frame_number, answer in zip(wanted, (0, 1), expected, strict=True):
                _assert_same(send_over_network(client, system, task, source, channel, frame_number), answer)


@pytest.fixture(scope="module")
def deepsc_stack(tiny_deepsc: Path) -> Iterator[Stack]:
    with Stack.start(weights=tiny_deepsc, free_ports=True) as stack:
        yield stack


@pytest.mark.parametrize(
    ("system", "task"), [*(("udeepsc", task) for task in TASKS), ("tdeepsc", "sentiment"), ("tdeepsc", "vqa")]
)
def test_systems_with_a_network_of_their_own(
    system: str, task: str, deepsc_stack: Stack, tiny_deepsc: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_deepsc, system)
    wanted = [{modality: source[modality] for modality in TASKS[task].modalities} for source in sources]
    with deepsc_stack.client() as client:
        for channel in _CHANNELS:
            (expected,) = link.send(task, wanted, [channel], [0, 1])
            for source, frame_number, answer in zip(wanted, (0, 1), expected, strict=True):
                _assert_same(send_over_network(client, system, task, source, channel, frame_number), answer)


@pytest.mark.parametrize(
    ("csi", "told"),
    [("none", {}), ("estimated", {"num_pilots": 4}), ("mismatched", {"csi_error_db": -10.0})],
)
def test_every_csi_mode(
    csi: str, told: dict[str, Any], tiny_stack: Stack, tiny_weights: Path, sources: list[dict[str, Any]]
) -> None:
    link, channel = (
        SemanticLink.load(tiny_weights, "mfmsc"),
        Channel("rayleigh", "block", 6.0, seed=9, **told),
    )
    source: Source = {"image": sources[0]["image"]}
    ((expected,),) = link.send("image_reconstruction", [source], [channel], [0], csi=csi)
    ((informed,),) = link.send("image_reconstruction", [source], [channel], [0])
    with tiny_stack.client() as client:
        sent = send_over_network(client, "mfmsc", "image_reconstruction", source, channel, 0, csi=csi)
    _assert_same(sent, expected)
    assert expected.answer.image is not None
    assert (expected.answer.image != informed.answer.image).any()


def test_options_of_the_system_reach_it_over_the_network(
    tiny_stack: Stack, tiny_weights: Path, sources: list[dict[str, Any]]
) -> None:
    link, channel, options = SemanticLink.load(tiny_weights, "mfmsc"), _CHANNELS[0], {"symbols_per_token": 5}
    source: Source = {"image": sources[0]["image"]}
    ((expected,),) = link.send("image_reconstruction", [source], [channel], [0], options)
    assert expected.channel_uses == 5 * 64
    with tiny_stack.client() as client:
        sent = send_over_network(client, "mfmsc", "image_reconstruction", source, channel, 0, options)
    _assert_same(sent, expected)


def _shipped() -> list[tuple[str, str]]:
    """Systems and tasks whose weights lie in the repository."""
    return [
        (name, task)
        for name, folders in find_weights(_SHIPPED).items()
        for folder in folders
        for task in load_manifest(folder).tasks
    ]


def _shortest_of(task: str) -> Source:
    """The smallest sample of a task, decoded as the transmitter decodes it."""
    sources = [_source_of(sample) for sample in load_samples() if sample.task == task]
    return min(sources, key=lambda source: sum(map(len, source.values())))


def _source_of(sample: Sample) -> Source:
    data = {modality: path.read_bytes() for modality, path in sample.files.items()}
    if sample.text is not None:
        data["text"] = sample.text.encode()
    return {modality: decode_media(modality, data[modality]) for modality in TASKS[sample.task].modalities}


@lru_cache
def _shipped_link(system: str) -> SemanticLink:
    return SemanticLink.load(_SHIPPED, system)


@pytest.mark.parametrize(("system", "task"), _shipped())
def test_shipped_weights(system: str, task: str, shipped_stack: Stack) -> None:
    source, link = _shortest_of(task), _shipped_link(system)
    with shipped_stack.client() as client:
        for number, channel in enumerate((_CHANNELS[0], _CHANNELS[2])):
            ((expected,),) = link.send(task, [source], [channel], [number])
            _assert_same(send_over_network(client, system, task, source, channel, number), expected)
