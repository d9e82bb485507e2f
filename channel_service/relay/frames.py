"""Frames of one request: checked, sent through a link, and written into the message for the receiver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from channel_service.links.impairments import Impairment
from channel_service.links.links import Link, Links
from channel_service.radio.channels import Complex, Draw
from channel_service.relay.transmission import Transmission, transmit
from channel_service.relay.validation import check_frames
from protos.semcom.v1 import frame_pb2
from shared.errors import FrameLost
from shared.ledger import Overhead, overhead_of, wire_shares
from shared.wire import write_symbols

# The fields of a frame that the channel does not change.
_UNCHANGED_FIELDS = tuple(
    field.name for field in frame_pb2.Frame.DESCRIPTOR.fields if field.name not in ("frame_number", "symbols")
)


class ReceivedFrames(Protocol):
    """The repeated field of a message to which received frames are added."""

    def add(self) -> frame_pb2.ReceivedFrame:
        """Append an empty received frame and return it."""


class RelayedFrame(NamedTuple):
    """One frame before and after its link.

    Attributes:
        sent: The frame as the transmitter sent it.
        received: The frame as the receiver gets it, with the symbols after the channel. A lost frame has no
            symbols.
        overhead: What the frame cost, as the transmitter sent it.
        impairment: The delay and loss that the network gave the frame.
    """

    sent: frame_pb2.Frame
    received: frame_pb2.ReceivedFrame
    overhead: Overhead
    impairment: Impairment

    @property
    def is_lost(self) -> bool:
        """True if the network lost the frame."""
        return self.impairment.is_lost


def send_frames(
    links: Links,
    link: Link,
    frames: Sequence[frame_pb2.Frame],
    request_bytes: int,
    arrived: ReceivedFrames,
    lost: ReceivedFrames,
) -> list[RelayedFrame]:
    """Send frames through a link. All frames are checked before the first one takes a frame number.

    Args:
        links: All links, with their traces and recordings.
        link: The link, as it was when the request came in.
        frames: The frames as the transmitter sent them; they are not changed.
        request_bytes: Size of the request message [bytes], to share its bytes on the wire among the frames.
        arrived: The frames that the network delivers are added here, in the message for the receiver.
        lost: The frames that the network loses are added here, without their symbols.

    Returns:
        One relayed frame for each frame, in the same order.

    Raises:
        InvalidField: If a field of a frame or its power is not allowed, or a frame cannot be recorded.
        TooLarge: If there are too many frames or too many symbols.
    """
    symbols = check_frames(frames)
    elapsed_s = links.clock() - link.schedule_since_s
    transmissions = []
    for frame, x in zip(frames, symbols, strict=True):
        number = frame.frame_number if frame.HasField("frame_number") else next(link.numbers)
        transmissions.append(transmit(links, link.settings, elapsed_s, number, x))
    if link.settings.record:
        entries = [transmission.to_entry() for transmission in transmissions]
        links.recordings.add(link.settings.record, entries)
    shares = wire_shares(request_bytes, [frame.ByteSize() for frame in frames])
    return [
        _write(link.name, frame, transmission, share, (lost if transmission.is_lost else arrived).add())
        for frame, transmission, share in zip(frames, transmissions, shares, strict=True)
    ]


def _write(
    link: str,
    frame: frame_pb2.Frame,
    transmission: Transmission,
    wire_bytes: int,
    received: frame_pb2.ReceivedFrame,
) -> RelayedFrame:
    """Write the result into `received` in place: to merge a message into it would copy the symbols twice."""
    settings, drawn, impairment = transmission.settings, transmission.drawn, transmission.impairment
    state = received.state
    state.link, state.channel, state.fading = link, settings.channel, settings.fading
    state.csi, state.seed, state.frame_number = settings.csi, settings.seed, transmission.frame_number
    state.requested_snr_db, state.realised_snr_db = settings.snr_db, transmission.realised_snr_db
    state.noise_variance = drawn.noise_variance
    if settings.stated_k_factor_db is not None:
        state.k_factor_db = settings.stated_k_factor_db
    if impairment.is_lost:
        state.lost = True
    state.network_delay_ms = impairment.delay_ms
    overhead = overhead_of(
        frame,
        num_pilots=settings.pilots_a_frame,
        symbol_rate_hz=settings.symbol_rate_hz,
        wire_bytes=wire_bytes,
    )
    for name in _UNCHANGED_FIELDS:
        setattr(received.frame, name, getattr(frame, name))
    received.frame.frame_number = transmission.frame_number
    overhead.write(received.overhead)
    if not impairment.is_lost:
        write_symbols(received.frame.symbols, transmission.y)
        write_csi(state, drawn)
    return RelayedFrame(frame, received, overhead, impairment)


def _mismatched_gains(drawn: Draw) -> dict[str, Complex]:
    assert drawn.mismatched_gains is not None
    return {"gains": drawn.mismatched_gains}


def _received_pilots(drawn: Draw) -> dict[str, Complex]:
    assert drawn.received_pilots is not None
    return {"received_pilots": drawn.received_pilots}


_CSI_FIELDS: Mapping[str, Callable[[Draw], dict[str, Complex]]] = {
    "perfect": lambda drawn: {"gains": drawn.gains},
    "none": lambda drawn: {},
    "estimated": _received_pilots,
    "mismatched": _mismatched_gains,
}


def write_csi(state: frame_pb2.ChannelState, drawn: Draw) -> None:
    """Put into a frame's state what its CSI mode lets the receiver know of the gains.

    Args:
        state: With its field `csi`.
        drawn: With pilots for csi=estimated, with mismatched gains for csi=mismatched.
    """
    for name, symbols in _CSI_FIELDS[state.csi](drawn).items():
        write_symbols(getattr(state, name), symbols)


def network_delay_s(relayed_frames: Sequence[RelayedFrame]) -> float:
    """Delay of the network for the frames of one request: the delay of the slowest frame [s]."""
    return max([relayed.impairment.delay_ms for relayed in relayed_frames]) / 1e3


def check_not_all_lost(relayed_frames: Sequence[RelayedFrame]) -> None:
    """Check that at least one frame arrives.

    Raises:
        FrameLost: If the network lost every frame.
    """
    if all([relayed.is_lost for relayed in relayed_frames]):
        states = [relayed.received.state for relayed in relayed_frames]
        raise FrameLost(states[0].link, [state.frame_number for state in states])
