"""Impairments of the network between channel and receiver: delay, jitter and loss of frames.

They are independent of the radio channel. They are drawn from their own substream, so the draw of the radio
channel is the same with and without them, and a replayed frame has the same delay and loss again.
"""

from __future__ import annotations

from dataclasses import dataclass

from channel_service.radio.random_streams import Substream, generator


@dataclass(frozen=True)
class Network:
    """Settings of a link's network.

    Attributes:
        delay_ms: Mean delay of a frame [ms].
        jitter_ms: Largest difference between a frame's delay and the mean, uniformly distributed [ms].
        loss_rate: Probability that a frame is lost, 0 to 1.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_rate: float = 0.0


@dataclass(frozen=True)
class Impairment:
    """Impairment of one frame.

    Attributes:
        delay_ms: Delay of the frame, at least 0 [ms].
        is_lost: True if the frame is lost.
    """

    delay_ms: float
    is_lost: bool


_NO_IMPAIRMENT = Impairment(0.0, is_lost=False)


def impair(network: Network | None, seed: int, frame_number: int) -> Impairment:
    """Draw one frame's delay and loss: max(0, delay + jitter u), u ~ U(-1, 1); lost with P = loss_rate.

    Args:
        network: Settings of the network; None if it has no impairments.
        seed: Seed of the link, uint64; the draw depends on the seed and the frame number.
        frame_number: Number of the frame, uint64.
    """
    if network is None:
        return _NO_IMPAIRMENT
    for_loss, for_jitter = generator(seed, frame_number, Substream.NETWORK).random(2)
    delay_ms = max(0.0, network.delay_ms + network.jitter_ms * (2 * float(for_jitter) - 1))
    return Impairment(delay_ms, is_lost=bool(for_loss < network.loss_rate))
