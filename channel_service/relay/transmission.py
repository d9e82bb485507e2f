"""Transmission of one frame over a link: first the radio channel, new or replayed, then the network."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from channel_service.links.impairments import Impairment, impair
from channel_service.links.links import Links
from channel_service.links.recording import Entry, digest
from channel_service.links.settings import LinkSettings
from channel_service.radio.channels import Complex, Draw, apply, draw, draw_with_gains
from shared.errors import InvalidField


class Transmission(NamedTuple):
    """One frame's transmission and its result.

    Attributes:
        frame_number: Number of the frame, uint64.
        settings: The settings used for this frame: those of the link with the schedule's SNR filled in,
            or those of the recording.
        drawn: The draw of the radio channel.
        impairment: The delay and loss that the network gave the frame.
        x: Sent symbols, complex64, [L, S].
        y: Received symbols, complex64, [L, S].
        realised_snr_db: SNR measured on this frame [dB].
    """

    frame_number: int
    settings: LinkSettings
    drawn: Draw
    impairment: Impairment
    x: Complex
    y: Complex
    realised_snr_db: float

    @property
    def is_lost(self) -> bool:
        """True if the network lost the frame."""
        return self.impairment.is_lost

    def to_entry(self) -> Entry:
        """The transmission as an entry of a recording."""
        return Entry(
            self.frame_number,
            replace(self.settings, record=""),
            self.drawn.noise_variance,
            self.drawn.gains,
            digest(self.x),
            digest(self.y),
        )


def transmit(
    links: Links, settings: LinkSettings, elapsed_s: float, frame_number: int, x: Complex
) -> Transmission:
    """Send one frame over a link.

    Args:
        links: All links, with their traces and recordings.
        settings: Settings of the link.
        elapsed_s: Time since the link's schedule was set [s].
        frame_number: Number of the frame, uint64.
        x: Sent symbols, complex64, [L, S], unit mean power.

    Raises:
        UnknownName: If the trace or recording of the settings no longer exists.
        InvalidField: If the recording to replay does not hold this frame number, holds gains for a frame of
            another shape, or gives other symbols than it gave when it was made.
    """
    shape = (x.shape[0], x.shape[1])
    recorded = links.recordings.find(settings.replay, frame_number) if settings.replay else None
    if recorded is None:
        frame_settings = settings.at(frame_number, elapsed_s)
        trace_gains = links.traces.get(frame_settings.trace) if frame_settings.trace else None
        drawn = draw(frame_settings.to_channel(trace_gains), frame_number, shape)
    else:
        frame_settings = recorded.settings
        channel = frame_settings.to_channel()
        drawn = draw_with_gains(channel, frame_number, shape, recorded.gains, recorded.noise_variance)
    y, realised_snr_db = apply(x, drawn)
    if recorded is not None:
        _check_replay(settings.replay, recorded, x, y)
    impairment = impair(frame_settings.network, frame_settings.seed, frame_number)
    return Transmission(frame_number, frame_settings, drawn, impairment, x, y, realised_snr_db)


def _check_replay(name: str, recorded: Entry, x: Complex, y: Complex) -> None:
    """If the recorded symbols are sent again, the same symbols must be received; others are not checked."""
    if digest(x) == recorded.sent_sha256 and digest(y) != recorded.received_sha256:
        raise InvalidField(
            "replay",
            name,
            "a recording that gives the same symbols on this machine; "
            f"the symbols of frame {recorded.frame_number} differ",
        )
