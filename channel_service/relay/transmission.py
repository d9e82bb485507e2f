"""One frame's symbols across a link: drawn anew or replayed, through the radio and then the network."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from channel_service.links.impairments import Impairment, impair
from channel_service.links.links import Links
from channel_service.links.recording import Entry, digest
from channel_service.links.settings import LinkSettings
from channel_service.radio.channels import Complex, Draw, apply, complete, draw
from shared.errors import InvalidField


class Crossing(NamedTuple):
    """What one frame met.

    Attributes:
        frame_number: uint64.
        settings: That held for this frame: its schedule's SNR put in, or those of the recording.
        drawn: The radio's draw.
        impairment: The network's.
        x: Sent symbols, complex64, [L, S].
        y: Received symbols, complex64, [L, S].
        realised_snr_db: Measured on this frame [dB].
    """

    frame_number: int
    settings: LinkSettings
    drawn: Draw
    impairment: Impairment
    x: Complex
    y: Complex
    realised_snr_db: float

    def to_entry(self) -> Entry:
        """As a line of a recording."""
        return Entry(
            self.frame_number,
            replace(self.settings, record=""),
            self.drawn.noise_variance,
            self.drawn.gains,
            digest(self.x),
            digest(self.y),
        )


def cross(links: Links, settings: LinkSettings, elapsed_s: float, frame_number: int, x: Complex) -> Crossing:
    """Send one frame across.

    Args:
        links: For its traces and recordings.
        settings: Of the link.
        elapsed_s: Since its schedule was set [s].
        frame_number: uint64.
        x: Sent symbols, complex64, [L, S], unit mean power.

    Raises:
        UnknownName: If its trace or recording is gone.
        InvalidField: If the recording to replay holds no such frame, or another one.
    """
    shape = (x.shape[0], x.shape[1])
    kept = links.recordings.find(settings.replay, frame_number) if settings.replay else None
    if kept is None:
        held = settings.at(frame_number, elapsed_s)
        trace_gains = links.traces.get(held.trace) if held.trace else None
        drawn = draw(held.to_channel(trace_gains), frame_number, shape)
    else:
        held = kept.settings
        drawn = complete(held.to_channel(), frame_number, shape, kept.gains, kept.noise_variance)
    y, realised_snr_db = apply(x, drawn)
    if kept is not None:
        _check_replay(settings.replay, kept, x, y)
    impairment = impair(held.network, held.seed, frame_number)
    return Crossing(frame_number, held, drawn, impairment, x, y, realised_snr_db)


def _check_replay(name: str, kept: Entry, x: Complex, y: Complex) -> None:
    """The same symbols must have come out the same; others may come out as they will."""
    if digest(x) == kept.sent_sha256 and digest(y) != kept.received_sha256:
        raise InvalidField(
            "replay",
            name,
            f"a recording this service draws alike; frame {kept.frame_number} came out different",
        )
