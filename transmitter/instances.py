"""One instance on its way: what is asked for, and what came back."""

from __future__ import annotations

from dataclasses import dataclass, field

from protos.semcom.v1 import channel_service_pb2, frame_pb2
from shared.source import Source
from systems.rows import Options


@dataclass(frozen=True)
class Instance:
    """One instance to send.

    Attributes:
        task: Name of the task.
        system: Name of the system.
        source: Decoded inputs.
        source_bytes: Size of the inputs as the client sent them.
        options: A value for every option of the system, as `System.read_options` returns them.
        deadline: Time of the event loop after which nobody waits for the answer [s].
        link: Named link.
        overrides: Link settings for this instance only; absent fields keep what the link holds.
        frame_number: With the link's seed it fixes the draw; None: the link's next number.
        encoding: How symbols are stored on the wire: float32, float16 or int8.
    """

    task: str
    system: str
    source: Source
    source_bytes: int
    options: Options
    deadline: float
    link: str = "default"
    overrides: channel_service_pb2.LinkSettings = field(default_factory=channel_service_pb2.LinkSettings)
    frame_number: int | None = None
    encoding: str = "float32"


@dataclass(frozen=True)
class Latency:
    """Time of every hop of one instance [ms]; `total` is their sum.

    Waiting counts where it happens: `encode` holds the wait for the encoder and, where instances are encoded
    together, the time of all; `uplink` holds the wait for one of the calls that go on at a time.
    """

    encode: float
    uplink: float
    channel: float
    downlink: float
    decode: float
    total: float


@dataclass(frozen=True)
class TransmitResult:
    """What came back for one instance.

    Attributes:
        frame: The frame that was sent.
        result: What the channel service returned: answer, channel as applied, overhead.
        latency: Time of every hop.
        scores: Against the source; empty where the truth is not in it.
        num_unknown_pieces: Pieces of the text that were sent as unknown, or left out.
        options: The system's options as used; what was left to the link is chosen.
    """

    frame: frame_pb2.Frame
    result: channel_service_pb2.InstanceResult
    latency: Latency
    scores: dict[str, float]
    num_unknown_pieces: int
    options: Options
