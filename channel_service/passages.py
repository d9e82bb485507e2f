"""Frames on their way through a link: checked, drawn for, disturbed and accounted for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from channel_service.channels import Complex, Draw, apply, draw
from channel_service.links import Links, LinkSettings
from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField, TooLarge
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


@dataclass(frozen=True)
class Passage:
    """One frame's way through its link.

    Attributes:
        received: The frame as the receiver gets it, with the symbols after the channel.
        overhead: Of the frame as the transmitter sent it.
    """

    received: frame_pb2.ReceivedFrame
    overhead: Overhead


def pass_frames(
    links: Links,
    link: str,
    settings: LinkSettings,
    frames: Sequence[frame_pb2.Frame],
    request_bytes: int,
    into: ReceivedFrames,
) -> list[Passage]:
    """Send frames through a link; all are checked before the first takes a number.

    Args:
        links: Number the frames that bring no number.
        link: Name of the link.
        settings: That hold for these frames.
        frames: As the transmitter sent them; they are left as they are.
        request_bytes: The message they came in, for their shares of the bytes on the wire.
        into: Of the message that goes on; a received frame is added to it for each sent one.

    Raises:
        InvalidField: If a field of a frame, or its power, is not allowed.
        TooLarge: If the frames, or their symbols, are too many.
    """
    symbols = _check_frames(frames)
    shares = wire_shares(request_bytes, [frame.ByteSize() for frame in frames])
    return [
        _pass(links, link, settings, frame, x, wire_bytes, into.add())
        for frame, x, wire_bytes in zip(frames, symbols, shares, strict=True)
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


def _pass(
    links: Links,
    link: str,
    settings: LinkSettings,
    frame: frame_pb2.Frame,
    x: Complex,
    wire_bytes: int,
    received: frame_pb2.ReceivedFrame,
) -> Passage:
    has_number = frame.HasField("frame_number")
    number = frame.frame_number if has_number else links.next_frame_number(link)
    drawn = draw(settings.to_channel(), number, (x.shape[0], x.shape[1]))
    y, realised_snr_db = apply(x, drawn)
    state = frame_pb2.ChannelState(
        link=link,
        channel=settings.channel,
        fading=settings.fading,
        csi=settings.csi,
        requested_snr_db=settings.snr_db,
        realised_snr_db=realised_snr_db,
        noise_variance=drawn.noise_variance,
        frame_number=number,
        seed=settings.seed,
        k_factor_db=settings.stated_k_factor_db,
    )
    overhead = overhead_of(
        frame,
        num_pilots=settings.pilots_a_frame,
        symbol_rate_hz=settings.symbol_rate_hz,
        wire_bytes=wire_bytes,
    )
    _write_arrived(received.frame, frame, number, y)
    received.state.CopyFrom(state)
    for name, told in _CSI_FIELDS[settings.csi](drawn).items():
        write_symbols(getattr(received.state, name), told)
    received.overhead.CopyFrom(overhead.to_proto())
    return Passage(received, overhead)


def _write_arrived(arrived: frame_pb2.Frame, sent: frame_pb2.Frame, number: int, y: Complex) -> None:
    """Write a frame as it arrives; its symbols, unlike those of a message merged into another, once."""
    for name in _KEPT:
        setattr(arrived, name, getattr(sent, name))
    arrived.frame_number = number
    write_symbols(arrived.symbols, y)


def _received_pilots(drawn: Draw) -> dict[str, Complex]:
    assert drawn.received_pilots is not None
    return {"received_pilots": drawn.received_pilots}


# What travels to the receiver with a frame, by field of its state.
_CSI_FIELDS: Mapping[str, Callable[[Draw], dict[str, Complex]]] = {
    "perfect": lambda drawn: {"gains": drawn.gains},
    "none": lambda drawn: {},
    "estimated": _received_pilots,
}
