"""What an instance costs and how long each hop takes: the two tables every report is made of.

A field of the ledger is declared once, in `Overhead` or in `ReceiverOverhead`. The columns of the report
store, its migrations, the schemas of REST, reports, metrics and the table in docs/channel.md are made of the
declaration; a test holds the wire contract to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protos.semcom.v1 import frame_pb2

REALS_PER_CHANNEL_USE = 2
# HTTP/2 (RFC 9113, 4.1 and 4.2) and gRPC's length-prefixed message.
_MAX_HTTP2_DATA_BYTES = 16384
_HTTP2_FRAME_HEAD_BYTES = 9
_GRPC_PREFIX_BYTES = 5
HOPS: Mapping[str, str] = {
    "encode": "Decoded input to symbols; holds the wait for the encoder and, where instances are encoded "
    "together, the time of all",
    "uplink": "Network between transmitter and channel service, both ways",
    "channel": "Inside the channel service, report store included",
    "downlink": "Network between channel service and receiver, both ways",
    "decode": "Received symbols to answer",
    "total": "Sum of all hops",
}
"""The hops by name, in the order of an instance's way, each with what it holds."""


@dataclass(frozen=True)
class LedgerField:
    """One figure of what an instance costs. A report states the mean of numbers, and counts what is true.

    Attributes:
        name: As in REST, in the wire contract and in the report store.
        type: int, float or bool.
        description: What it is, for people, without the unit.
        example: A value, for OpenAPI.
        unit: Unit of the value; empty if it has none.
        counter: Name of the counter in /metrics, in base units; empty if there is none.
        since: Version of the report store that has its column first: of a new field one more than the
            highest. Rows that were stored before have no value.
        is_of_receiver: True if the receiver states it, so that an instance without answer has no value.
    """

    name: str
    type: type
    description: str
    example: float
    unit: str = ""
    counter: str = ""
    since: int = 1
    is_of_receiver: bool = False

    @property
    def help(self) -> str:
        """Description and unit in one sentence."""
        return f"{self.description}{f' [{self.unit}]' if self.unit else ''}."

    @property
    def report_name(self) -> str:
        """Name of its mean, or of its count, in the overhead report."""
        return f"num_{self.name}s" if self.type is bool else self.name

    @property
    def may_lack(self) -> bool:
        """True if a stored instance may have no value."""
        return self.since > 1 or self.is_of_receiver


def _cost(description: str, example: float, **further: Any) -> Any:
    """A field of the ledger with its declaration, see `LedgerField`."""
    return field(metadata={"description": description, "example": example, **further})


@dataclass(frozen=True)
class Overhead:
    """Communication overhead of one instance, as it left the transmitter."""

    source_bytes: int = _cost(
        "Size of the input as the client sent it", 391, unit="bytes", counter="source_bytes"
    )
    real_values: int = _cost("Real values sent, two for each channel use", 32)
    channel_uses: int = _cost("Complex symbols sent, without pilots", 16, counter="uses")
    num_pilots: int = _cost("Pilot symbols sent", 0, counter="pilots")
    payload_bytes: int = _cost("Size of the encoded symbols", 128, unit="bytes", counter="payload_bytes")
    message_bytes: int = _cost(
        "Size of the frame's protobuf message", 236, unit="bytes", counter="message_bytes"
    )
    wire_bytes: int = _cost(
        "Share of the request as gRPC sends it: HTTP/2 DATA frames with their heads",
        253,
        unit="bytes",
        counter="wire_bytes",
        since=2,
    )
    airtime_ms: float = _cost(
        "Time on the air at the link's symbol rate, pilots included",
        0.016,
        unit="ms",
        counter="airtime_seconds",
    )
    bandwidth_ratio: float = _cost(
        "Channel uses for each value of the source as the model gets it: characters of a text (up to where "
        "it is cut), 3 for each pixel of a resized picture or sampled video frame, samples of speech at "
        "16 kHz; 0 where the source was not stated",
        0.0013,
    )
    information_bits: int = _cost(
        "Bits of the source code, without CRC, fill and signalling; 0 without channel coding", 5816, since=4
    )
    coded_bits: int = _cost(
        "Bits that the symbols carry, signalling included; 0 without channel coding", 12280, since=4
    )
    num_blocks: int = _cost("Blocks of the channel code; 0 without channel coding", 1, since=4)
    code_rate: float = _cost("information_bits / coded_bits; 0 without channel coding", 0.4736, since=4)

    def write(self, message: frame_pb2.Overhead) -> None:
        """Put it into a message of the wire contract."""
        for name in OVERHEAD_NAMES:
            setattr(message, name, getattr(self, name))


@dataclass(frozen=True)
class ReceiverOverhead:
    """What the receiver states of one instance, in its answer."""

    blocks_in_error: int = _cost(
        "Blocks of the channel code whose CRC is wrong; of a frame whose header is lost no block is read",
        0,
        since=4,
    )
    outage: bool = _cost("True if something of the source did not come across", False, since=4)


_TYPES: Mapping[str, type] = {"int": int, "float": float, "bool": bool}


def _declared(kind: type, *, is_of_receiver: bool) -> tuple[LedgerField, ...]:
    return tuple(
        LedgerField(own.name, _TYPES[str(own.type)], is_of_receiver=is_of_receiver, **own.metadata)
        for own in fields(kind)
    )


OVERHEAD: Sequence[LedgerField] = _declared(Overhead, is_of_receiver=False)
LEDGER: Sequence[LedgerField] = (*OVERHEAD, *_declared(ReceiverOverhead, is_of_receiver=True))
"""Every field of the ledger, in the order of a report's columns."""
OVERHEAD_NAMES = tuple(own.name for own in OVERHEAD)
RECEIVER_NAMES = tuple(own.name for own in LEDGER if own.is_of_receiver)


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
