"""What an instance costs and how long each hop takes: the two tables every report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protos.semcom.v1 import frame_pb2

REALS_PER_CHANNEL_USE = 2
# HTTP/2 (RFC 9113, 4.1 and 4.2) and gRPC's length-prefixed message.
_MAX_HTTP2_DATA_BYTES = 16384
_HTTP2_FRAME_HEAD_BYTES = 9
_GRPC_PREFIX_BYTES = 5
HOPS = ("encode", "uplink", "channel", "downlink", "decode", "total")


class Overhead(NamedTuple):
    """Communication overhead of one instance.

    Attributes:
        source_bytes: Bytes of the input as the client sent it.
        real_values: Reals sent, two a channel use; the paper counts them as float32.
        channel_uses: Complex symbols, without pilots.
        num_pilots: Pilot symbols.
        payload_bytes: Symbols as encoded on the wire.
        message_bytes: The frame's whole protobuf message.
        airtime_ms: (channel_uses + num_pilots) / symbol rate [ms].
        bandwidth_ratio: Channel uses for each source value (k/n); 0 where the source was not stated.
        wire_bytes: Its share of the request it came in, see `wire_shares`.
        information_bits: Bits of the source code; this and what follows is 0 for a system without channel
            coding.
        coded_bits: Bits that the symbols carry, signalling included.
        num_blocks: Blocks of the channel code.
        code_rate: information_bits / coded_bits.
    """

    source_bytes: int
    real_values: int
    channel_uses: int
    num_pilots: int
    payload_bytes: int
    message_bytes: int
    airtime_ms: float
    bandwidth_ratio: float
    wire_bytes: int
    information_bits: int
    coded_bits: int
    num_blocks: int
    code_rate: float

    def to_proto(self) -> frame_pb2.Overhead:
        """As the message of the wire contract."""
        message = frame_pb2.Overhead()
        self.write(message)
        return message

    def write(self, message: frame_pb2.Overhead) -> None:
        """Put it into a message that is part of another."""
        for name, value in zip(self._fields, self, strict=True):
            setattr(message, name, value)


def overhead_of(
    frame: frame_pb2.Frame, *, num_pilots: int, symbol_rate_hz: float, wire_bytes: int
) -> Overhead:
    """Account for one frame as it left the transmitter.

    Args:
        frame: With its symbols, before the channel.
        num_pilots: Pilots the link sends with it.
        symbol_rate_hz: Complex symbols a second.
        wire_bytes: Its share of the request it came in, see `wire_shares`.
    """
    channel_uses = 1
    for size in frame.symbols.shape:
        channel_uses *= size
    return Overhead(
        source_bytes=frame.source_bytes,
        real_values=REALS_PER_CHANNEL_USE * channel_uses,
        channel_uses=channel_uses,
        num_pilots=num_pilots,
        payload_bytes=len(frame.symbols.data),
        message_bytes=frame.ByteSize(),
        airtime_ms=1e3 * (channel_uses + num_pilots) / symbol_rate_hz,
        bandwidth_ratio=channel_uses / frame.num_source_values if frame.num_source_values else 0.0,
        wire_bytes=wire_bytes,
        information_bits=frame.information_bits,
        coded_bits=frame.coded_bits,
        num_blocks=frame.num_blocks,
        code_rate=frame.information_bits / frame.coded_bits if frame.coded_bits else 0.0,
    )


def request_wire_bytes(message_bytes: int) -> int:
    """Bytes of a gRPC message on the wire: HTTP/2 DATA frames of at most 16,384 bytes, their heads included.

    HEADERS and control frames, TCP and IP are not in it: they belong to a call or a connection, not to what
    it carries.

    Args:
        message_bytes: The serialised message [bytes].

    Source: RFC 9113, 4.1; gRPC over HTTP/2, Length-Prefixed-Message.
    """
    data_bytes = _GRPC_PREFIX_BYTES + message_bytes
    num_frames = -(-data_bytes // _MAX_HTTP2_DATA_BYTES)
    return data_bytes + num_frames * _HTTP2_FRAME_HEAD_BYTES


def wire_shares(request_bytes: int, frame_bytes: Sequence[int]) -> list[int]:
    """Each instance's share of a request on the wire [bytes]; they add up to `request_wire_bytes`.

    An instance bears its own message; what the request needs besides is shared evenly, a remainder by the
    first ones.

    Args:
        request_bytes: The serialised request [bytes].
        frame_bytes: The serialised message of each of its frames [bytes].
    """
    common = request_wire_bytes(request_bytes) - sum(frame_bytes)
    share, remainder = divmod(common, len(frame_bytes))
    return [num_bytes + share + (index < remainder) for index, num_bytes in enumerate(frame_bytes)]
