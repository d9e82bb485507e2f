"""What the network between channel and receiver does to a frame; it knows nothing of the radio.

It draws from a substream of its own, so that the radio's draw is the same with and without it, and a frame
that was lost, or late, is so again when it is replayed.
"""

from __future__ import annotations

from dataclasses import dataclass

from channel_service.radio.random_streams import Substream, generator


@dataclass(frozen=True)
class Network:
    """Settings of a link's network.

    Attributes:
        delay_ms: Mean time a frame takes [ms].
        jitter_ms: A frame's delay differs from it by up to so much, uniformly [ms].
        loss_rate: Share of frames that never arrive, 0 to 1.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_rate: float = 0.0


@dataclass(frozen=True)
class Impairment:
    """What one frame meets.

    Attributes:
        delay_ms: Never below 0 [ms].
        is_lost: It never arrives.
    """

    delay_ms: float
    is_lost: bool


_NOTHING = Impairment(0.0, is_lost=False)


def impair(network: Network | None, seed: int, frame_number: int) -> Impairment:
    """Draw one frame's delay and loss: max(0, delay + jitter u), u ~ U(-1, 1); lost with P = loss_rate.

    Args:
        network: Settings; None where it does nothing.
        seed: Of the link; with the frame number it fixes the draw.
        frame_number: uint64.
    """
    if network is None:
        return _NOTHING
    for_loss, for_jitter = generator(seed, frame_number, Substream.NETWORK).random(2)
    delay_ms = max(0.0, network.delay_ms + network.jitter_ms * (2 * float(for_jitter) - 1))
    return Impairment(delay_ms, is_lost=bool(for_loss < network.loss_rate))
