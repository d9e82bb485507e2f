"""Frames on their way through a link: checked, drawn for, disturbed and accounted for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from channel_service.links.impairments import Impairment
from channel_service.links.links import Link, Links
from channel_service.radio.channels import Complex, Draw
from channel_service.relay.transmission import Crossing, cross
from protos.semcom.v1 import frame_pb2
from shared.errors import FrameLost, InvalidField, TooLarge
from shared.ledger import Overhead, overhead_of, wire_shares
from shared.wire import MAX_SYMBOLS_PER_FRAME, measure_symbols, write_symbols

MAX_FRAMES = 4096
MAX_SYMBOLS_PER_REQUEST = MAX_SYMBOLS_PER_FRAME
_MAX_NAME_CHARS = 64
# Whole numbers up to here are exact in JSON and in a mean.
_MAX_COUNT = 2**53
_POWER_TOLERANCE: Mapping[int, float] = {
    frame_pb2.SYMBOL_ENCODING_FLOAT32: 0.01,
    frame_pb2.SYMBOL_ENCODING_FLOAT16: 0.05,
    frame_pb2.SYMBOL_ENCODING_INT8: 0.05,
}


# What the channel leaves of a frame as it is.
_KEPT = tuple(
    field.name for field in frame_pb2.Frame.DESCRIPTOR.fields if field.name not in ("frame_number", "symbols")
)


class ReceivedFrames(Protocol):
    """The repeated field of a message that is to hold received frames."""

    def add(self) -> frame_pb2.ReceivedFrame:
        """Append an empty one and return it."""


class Passage(NamedTuple):
    """One frame's way through its link.

    Attributes:
        sent: The frame as it came.
        received: The frame as the receiver gets it, with the symbols after the channel; without, if lost.
        overhead: Of the frame as the transmitter sent it.
        impairment: What the network did to it.
    """

    sent: frame_pb2.Frame
    received: frame_pb2.ReceivedFrame
    overhead: Overhead
    impairment: Impairment

    @property
    def is_lost(self) -> bool:
        """The network lost it."""
        return self.impairment.is_lost


def pass_frames(
    links: Links,
    link: Link,
    frames: Sequence[frame_pb2.Frame],
    request_bytes: int,
    arrived: ReceivedFrames,
    lost: ReceivedFrames,
) -> list[Passage]:
    """Send frames through a link; all are checked before the first takes a number.

    Args:
        links: For their traces and recordings.
        link: As it was found for these frames.
        frames: As the transmitter sent them; they are left as they are.
        request_bytes: The message they came in, for their shares of the bytes on the wire.
        arrived: Of the message that goes on; what the network delivers is written right into it.
        lost: Where the frames go that the network loses, without their symbols.

    Raises:
        InvalidField: If a field of a frame, or its power, is not allowed, or it cannot be recorded.
        TooLarge: If the frames, or their symbols, are too many.
    """
    symbols = _check_frames(frames)
    elapsed_s = links.clock() - link.schedule_since_s
    crossings = []
    for frame, x in zip(frames, symbols, strict=True):
        number = frame.frame_number if frame.HasField("frame_number") else next(link.numbers)
        crossings.append(cross(links, link.settings, elapsed_s, number, x))
    if link.settings.record:
        links.recordings.add(link.settings.record, [crossing.to_entry() for crossing in crossings])
    shares = wire_shares(request_bytes, [frame.ByteSize() for frame in frames])
    return [
        _write(link.name, frame, crossing, share, (lost if crossing.impairment.is_lost else arrived).add())
        for frame, crossing, share in zip(frames, crossings, shares, strict=True)
    ]


def _check_frames(frames: Sequence[frame_pb2.Frame]) -> list[Complex]:
    """Check every frame and return its symbols."""
    if not frames:
        raise InvalidField("frames", "none", f"1 to {MAX_FRAMES} frames")
    if len(frames) > MAX_FRAMES:
        raise TooLarge("frames", f"{len(frames)} frames", f"1 to {MAX_FRAMES} frames")
    # The shapes are claims so far; what they claim is compared with the bytes when a frame is unpacked.
    num_symbols = sum(math.prod(frame.symbols.shape) for frame in frames)
    if num_symbols > MAX_SYMBOLS_PER_REQUEST:
        raise TooLarge("frames", f"{num_symbols} symbols", f"at most {MAX_SYMBOLS_PER_REQUEST} a request")
    seen: set[str] = set()
    for frame in frames:
        _check_header(frame)
        if frame.instance_id in seen:
            raise InvalidField("instance_id", frame.instance_id, "each instance once in a request")
        seen.add(frame.instance_id)
    return [_unpack(frame) for frame in frames]


def _check_header(frame: frame_pb2.Frame) -> None:
    for name in ("instance_id", "task", "system"):
        value = getattr(frame, name)
        if not 1 <= len(value) <= _MAX_NAME_CHARS:
            raise InvalidField(name, value, f"1 to {_MAX_NAME_CHARS} characters")
    for name in ("source_bytes", "num_source_values"):
        value = getattr(frame, name)
        if value > _MAX_COUNT:
            raise InvalidField(name, value, f"0 to {_MAX_COUNT}")
    check_duration("encode_ms", frame.encode_ms)


def check_duration(name: str, duration_ms: float) -> None:
    """Make sure that a stated time can be one.

    Raises:
        InvalidField: If it is negative or not finite.
    """
    if not (math.isfinite(duration_ms) and duration_ms >= 0):
        raise InvalidField(name, duration_ms, "a finite number of milliseconds, at least 0")


def _unpack(frame: frame_pb2.Frame) -> Complex:
    x, energy = measure_symbols(frame.symbols)
    power = energy / x.size
    tolerance = _POWER_TOLERANCE[frame.symbols.encoding]
    if not abs(power - 1) <= tolerance:
        raise InvalidField(
            "symbols",
            f"mean power {power:.4g}",
            f"unit mean power within {tolerance:.0%}, else the SNR would not mean what it says",
        )
    return x


def _write(
    link: str,
    frame: frame_pb2.Frame,
    crossing: Crossing,
    wire_bytes: int,
    received: frame_pb2.ReceivedFrame,
) -> Passage:
    """Write what became of a frame; its symbols, unlike those of a message merged into another, once."""
    settings, drawn, impairment = crossing.settings, crossing.drawn, crossing.impairment
    state = received.state
    state.link, state.channel, state.fading = link, settings.channel, settings.fading
    state.csi, state.seed, state.frame_number = settings.csi, settings.seed, crossing.frame_number
    state.requested_snr_db, state.realised_snr_db = settings.snr_db, crossing.realised_snr_db
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
    for name in _KEPT:
        setattr(received.frame, name, getattr(frame, name))
    received.frame.frame_number = crossing.frame_number
    overhead.write(received.overhead)
    if not impairment.is_lost:
        write_symbols(received.frame.symbols, crossing.y)
        for name, told in _CSI_FIELDS[settings.csi](drawn).items():
            write_symbols(getattr(received.state, name), told)
    return Passage(frame, received, overhead, impairment)


def _told_gains(drawn: Draw) -> dict[str, Complex]:
    assert drawn.told_gains is not None
    return {"gains": drawn.told_gains}


def _received_pilots(drawn: Draw) -> dict[str, Complex]:
    assert drawn.received_pilots is not None
    return {"received_pilots": drawn.received_pilots}


# What travels to the receiver with a frame, by field of its state.
_CSI_FIELDS: Mapping[str, Callable[[Draw], dict[str, Complex]]] = {
    "perfect": lambda drawn: {"gains": drawn.gains},
    "none": lambda drawn: {},
    "estimated": _received_pilots,
    "mismatched": _told_gains,
}


def network_delay_s(passages: Sequence[Passage]) -> float:
    """How long the network takes for the frames of one request: as long as for the slowest [s]."""
    return max([passage.impairment.delay_ms for passage in passages]) / 1e3


def check_not_all_lost(passages: Sequence[Passage]) -> None:
    """Make sure that something arrives.

    Raises:
        FrameLost: If nothing does.
    """
    if all([passage.is_lost for passage in passages]):
        states = [passage.received.state for passage in passages]
        raise FrameLost(states[0].link, [state.frame_number for state in states])
