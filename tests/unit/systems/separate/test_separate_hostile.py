"""Symbols that no transmitter sent: the receiver answers an outage, and never fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from systems.base import Received, ReceiverSystem
from systems.loading import load_receiver
from systems.separate.frame import encode_frame
from systems.separate.header import HEADER_SYMBOLS, Header, encode_header
from systems.separate.mcs import MCS
from systems.separate.qam import modulate


@pytest.fixture(scope="module")
def receiver(tiny_systems: Path) -> ReceiverSystem:
    return load_receiver(tiny_systems / "separate")


def _received(symbols: Any, noise_variance: float = 0.01) -> Received:
    x = np.asarray(symbols, np.complex64)
    return Received(x, np.full(x.shape, noise_variance, np.float32))


def _header(payload_bytes: int) -> np.ndarray:
    return modulate(encode_header(Header(payload_bytes, MCS["qpsk-1/2"], "ldpc")), 2).numpy()


@pytest.mark.parametrize(
    "symbols",
    [
        np.zeros((1, 1)),
        np.zeros((3, 50)),
        np.ones((1, HEADER_SYMBOLS - 1)),
        np.full((1, 400), np.nan),
        np.full((1, 400), np.inf),
        np.full((1, 400), 1e30),
        np.random.default_rng(0).standard_normal((1, 5000)),
    ],
)
@pytest.mark.parametrize("task", ["vqa", "text_reconstruction", "video_classification"])
def test_symbols_that_are_no_frame_are_an_outage(receiver: ReceiverSystem, task: str, symbols: Any) -> None:
    (answer,) = receiver.decode(task, [_received(symbols)])
    assert answer.outage


@pytest.mark.parametrize("noise_variance", [0.0, np.inf, np.nan])
def test_a_noise_variance_at_its_ends_is_answered(receiver: ReceiverSystem, noise_variance: float) -> None:
    frame = encode_frame(b"a film", MCS["qpsk-1/2"], "turbo", 0)[None]
    assert len(receiver.decode("text_reconstruction", [_received(frame, noise_variance)])) == 1


def test_a_header_that_promises_more_than_came_is_an_outage(receiver: ReceiverSystem) -> None:
    """16 MB are promised, and nothing follows."""
    (answer,) = receiver.decode("image_reconstruction", [_received(_header(2**24 - 1)[None])])
    assert (answer.outage, answer.blocks_in_error) == (True, 0)


@pytest.mark.parametrize("task", ["image_reconstruction", "vqa"])
def test_a_payload_that_no_codec_reads_is_an_outage(receiver: ReceiverSystem, task: str) -> None:
    frames = [
        encode_frame(np.random.default_rng(seed).bytes(80), MCS["qpsk-1/2"], "ldpc", codec)[None]
        for seed, codec in enumerate((0, 1, 2, 3, 255))
    ]
    assert all(answer.outage for answer in receiver.decode(task, [_received(frame) for frame in frames]))
