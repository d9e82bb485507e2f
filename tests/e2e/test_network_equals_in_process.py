"""The defining test: three real processes answer as the in-process link does."""

from __future__ import annotations

from dataclasses import replace
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
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.source import Source
from shared.tasks import TASKS
from shared.weights import find_weights, load_manifest
from systems.registry import DEFAULT_SYSTEM, SYSTEMS
from transmitter.media import decode_media

_CHANNELS = [
    Channel("awgn", "block", 12.0, seed=5),
    Channel("rayleigh", "symbol", 3.0, seed=7),
    Channel("rayleigh", "block", 0.0, seed=6),
    Channel("rician", "block", 3.0, k_factor_db=3.0, seed=8),
]


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


def _cut(source: Source) -> Source:
    """A tenth of a second of sound: the digital chain codes every sample."""
    return {**source, "audio": source["audio"][:1600]} if "audio" in source else source


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_every_system_and_task(
    system: str, tiny_stack: Stack, tiny_systems: Path, sources: list[dict[str, Any]]
) -> None:
    link = SemanticLink.load(tiny_systems, system)
    with tiny_stack.client() as client:
        (tasks,) = (row["tasks"] for row in client.systems() if row["name"] == system)
        assert tasks
        for task in tasks:
            source = _cut({modality: sources[0][modality] for modality in TASKS[task].modalities})
            for number, channel in enumerate(_CHANNELS[:2]):
                ((expected,),) = link.send(task, [source], [channel], [number])
                _assert_same(send_over_network(client, system, task, source, channel, number), expected)


@pytest.mark.parametrize("channel", _CHANNELS[2:], ids=lambda channel: f"{channel.model}-{channel.fading}")
@pytest.mark.parametrize(
    ("csi", "told"),
    [
        ("perfect", {}),
        ("none", {}),
        ("estimated", {"num_pilots": 4}),
        ("mismatched", {"csi_error_db": -10.0}),
    ],
)
def test_every_csi_mode(
    csi: str,
    told: dict[str, Any],
    channel: Channel,
    tiny_stack: Stack,
    tiny_systems: Path,
    sources: list[dict[str, Any]],
) -> None:
    link, channel = SemanticLink.load(tiny_systems, DEFAULT_SYSTEM), replace(channel, **told)
    source: Source = {"image": sources[0]["image"]}
    ((expected,),) = link.send("image_reconstruction", [source], [channel], [0], csi=csi)
    ((informed,),) = link.send("image_reconstruction", [source], [channel], [0])
    with tiny_stack.client() as client:
        sent = send_over_network(client, DEFAULT_SYSTEM, "image_reconstruction", source, channel, 0, csi=csi)
    _assert_same(sent, expected)
    assert expected.answer.image is not None
    assert (expected.answer.image != informed.answer.image).any() == (csi != "perfect")


def test_options_of_the_system_reach_it_over_the_network(
    tiny_stack: Stack, tiny_systems: Path, sources: list[dict[str, Any]]
) -> None:
    link, channel, options = (
        SemanticLink.load(tiny_systems, DEFAULT_SYSTEM), _CHANNELS[0], {"symbols_per_token": 5}
    )  # fmt: skip
    source: Source = {"image": sources[0]["image"]}
    ((expected,),) = link.send("image_reconstruction", [source], [channel], [0], options)
    assert expected.channel_uses == 5 * 64
    with tiny_stack.client() as client:
        sent = send_over_network(client, DEFAULT_SYSTEM, "image_reconstruction", source, channel, 0, options)
    _assert_same(sent, expected)


def test_the_scheme_follows_the_link_and_the_answer_names_it(tiny_stack: Stack) -> None:
    with tiny_stack.client() as client:
        robust, fast = (
            client.transmit(
                "text_reconstruction", text="a fine film", system="separate", options={"mcs": "auto"},
                channel="awgn", snr_db=snr_db,
            )
            for snr_db in (-6.0, 18.0)
        )  # fmt: skip
    assert (robust["options"]["mcs"], fast["options"]["mcs"]) == ("qpsk-1/3", "64qam-1/2")
    assert robust["overhead"]["channel_uses"] > fast["overhead"]["channel_uses"]
    assert fast["answer"]["text"] == "a fine film"
    assert not fast["outage"]


def _shipped() -> list[tuple[str, str]]:
    """Systems and tasks whose weights lie in the repository."""
    return [
        (name, task)
        for name, folders in find_weights(DEFAULT_WEIGHTS).items()
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
    return SemanticLink.load(DEFAULT_WEIGHTS, system)


@pytest.mark.parametrize(("system", "task"), _shipped())
def test_shipped_weights(system: str, task: str, shipped_stack: Stack) -> None:
    source, link, channel = _shortest_of(task), _shipped_link(system), _CHANNELS[1]
    ((expected,),) = link.send(task, [source], [channel], [1])
    with shipped_stack.client() as client:
        _assert_same(send_over_network(client, system, task, source, channel, 1), expected)
