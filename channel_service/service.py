"""The gRPC side: takes frames, sends them through their link, to the receiver and into the books."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from channel_service.channels import apply, draw
from channel_service.links import DEFAULT_LINK, Links, LinkSettings
from channel_service.metrics import Metrics
from channel_service.reports import Store
from protos.semcom.v1 import (
    channel_service_pb2,
    channel_service_pb2_grpc,
    frame_pb2,
    receiver_pb2,
    receiver_pb2_grpc,
)
from shared.errors import InvalidField, SemcomError, from_rpc_error
from shared.ledger import Overhead, overhead_of
from shared.signal import mean_power
from shared.wire import pack_symbols, unpack_symbols

FULL_NAME = "semcom.v1.ChannelService"
MAX_FRAMES = 4096
_MAX_NAME_CHARS = 64
_POWER_TOLERANCE: Mapping[int, float] = {
    frame_pb2.SYMBOL_ENCODING_FLOAT32: 0.01,
    frame_pb2.SYMBOL_ENCODING_FLOAT16: 0.05,
    frame_pb2.SYMBOL_ENCODING_INT8: 0.05,
}
_NUM_TRIES = 3
_BACKOFF_S = 0.1


@dataclass(frozen=True)
class Passage:
    """One frame's way through its link."""

    received: frame_pb2.ReceivedFrame
    overhead: Overhead


class ReceiverClient:
    """Calls the receiver; only UNAVAILABLE is tried again.

    Args:
        channel: To the receiver.
        address: Its "host:port", for messages.
        timeout_s: Deadline of a call [s].
    """

    def __init__(self, channel: grpc.aio.Channel, address: str, timeout_s: float) -> None:
        self._stub = receiver_pb2_grpc.ReceiverServiceStub(channel)
        self._address, self._timeout_s = address, timeout_s

    async def decode(self, frames: Iterable[frame_pb2.ReceivedFrame]) -> receiver_pb2.DecodeResponse:
        """Have frames answered.

        Raises:
            SemcomError: What the receiver raised, or that it cannot be reached or is late.
        """
        request = receiver_pb2.DecodeRequest(frames=frames)
        for attempt in range(_NUM_TRIES):
            try:
                response: receiver_pb2.DecodeResponse = await self._stub.Decode(
                    request, timeout=self._timeout_s
                )
                return response
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or attempt == _NUM_TRIES - 1:
                    raise from_rpc_error(error, "receiver", self._address, self._timeout_s) from error
            await asyncio.sleep(_BACKOFF_S * 2**attempt)
        raise AssertionError("unreachable")


class ChannelServicer(channel_service_pb2_grpc.ChannelServiceServicer):
    """semcom.v1.ChannelService."""

    def __init__(self, links: Links, store: Store, receiver: ReceiverClient, metrics: Metrics) -> None:
        self._links, self._store, self._receiver, self._metrics = links, store, receiver, metrics

    async def Relay(  # noqa: N802
        self, request: channel_service_pb2.RelayRequest, context: Any
    ) -> channel_service_pb2.RelayResponse:
        """Draw, apply, have answered, store, answer; a frame that fails is stored with its status."""
        started = time.perf_counter()
        passages = self._pass(request)
        channel_ms = _ms_since(started)
        sent = time.perf_counter()
        try:
            decoded = await self._receiver.decode(passage.received for passage in passages)
        except SemcomError as error:
            status = type(error).__name__
            await self._store.add([_row(passage, status, {"channel_ms": channel_ms}) for passage in passages])
            self._metrics.count(passages, status, {"channel": channel_ms})
            raise
        round_trip_ms = _ms_since(sent)
        hops = {
            "channel": channel_ms,
            "downlink": max(0.0, round_trip_ms - decoded.decode_ms),
            "decode": decoded.decode_ms,
        }
        await self._store.add(
            [_row(passage, "OK", {f"{hop}_ms": ms for hop, ms in hops.items()}) for passage in passages]
        )
        self._metrics.count(passages, "OK", hops)
        timings = {f"{hop}_ms": ms for hop, ms in hops.items()}
        return channel_service_pb2.RelayResponse(
            results=[_result(p, a) for p, a in zip(passages, decoded.answers, strict=True)],
            timings=channel_service_pb2.HopTimings(**timings, residence_ms=_ms_since(started)),
        )

    async def Propagate(  # noqa: N802
        self, request: channel_service_pb2.PropagateRequest, context: Any
    ) -> channel_service_pb2.PropagateResponse:
        """Draw and apply; nothing is stored."""
        return channel_service_pb2.PropagateResponse(frames=[p.received for p in self._pass(request)])

    async def CompleteInstances(  # noqa: N802
        self, request: channel_service_pb2.CompleteInstancesRequest, context: Any
    ) -> channel_service_pb2.CompleteInstancesResponse:
        """Add the transmitter's times to stored rows."""
        rows = [
            {"key": t.instance_id, "new_encode_ms": t.encode_ms, "new_uplink_ms": t.uplink_ms,
             "new_total_ms": t.total_ms}
            for t in request.instances
        ]  # fmt: skip
        num_completed = await self._store.complete(rows)
        return channel_service_pb2.CompleteInstancesResponse(num_completed=max(0, num_completed))

    async def GetLink(  # noqa: N802
        self, request: channel_service_pb2.GetLinkRequest, context: Any
    ) -> channel_service_pb2.Link:
        """Settings of a link."""
        name = request.name or DEFAULT_LINK
        return channel_service_pb2.Link(name=name, settings=self._links.get(name).to_proto())

    async def SetLink(  # noqa: N802
        self, request: channel_service_pb2.SetLinkRequest, context: Any
    ) -> channel_service_pb2.Link:
        """Create or change a link."""
        name = request.link.name or DEFAULT_LINK
        settings = self._links.set(name, request.link.settings)
        return channel_service_pb2.Link(name=name, settings=settings.to_proto())

    async def ListLinks(  # noqa: N802
        self, request: channel_service_pb2.ListLinksRequest, context: Any
    ) -> channel_service_pb2.ListLinksResponse:
        """Every link."""
        links = [
            channel_service_pb2.Link(name=name, settings=settings.to_proto())
            for name, settings in self._links.all().items()
        ]
        return channel_service_pb2.ListLinksResponse(links=links)

    async def GetOverheadReport(  # noqa: N802
        self, request: channel_service_pb2.GetReportRequest, context: Any
    ) -> channel_service_pb2.OverheadReport:
        """Mean cost of an instance by task and system."""
        rows = await asyncio.to_thread(self._store.overhead, _filters(request))
        return channel_service_pb2.OverheadReport(rows=[channel_service_pb2.OverheadRow(**r) for r in rows])

    async def GetLatencyReport(  # noqa: N802
        self, request: channel_service_pb2.GetReportRequest, context: Any
    ) -> channel_service_pb2.LatencyReport:
        """Mean and percentiles of every hop by task and system."""
        rows = await asyncio.to_thread(self._store.latency, _filters(request))
        return channel_service_pb2.LatencyReport(rows=[channel_service_pb2.LatencyRow(**r) for r in rows])

    def _pass(
        self, request: channel_service_pb2.RelayRequest | channel_service_pb2.PropagateRequest
    ) -> list[Passage]:
        """Send every frame through the link; all are checked before the first takes a number."""
        name = request.link or DEFAULT_LINK
        settings = self._links.get(name).with_changes(request.overrides)
        _check_frames(request.frames)
        return [self._pass_one(name, settings, frame) for frame in request.frames]

    def _pass_one(self, link: str, settings: LinkSettings, frame: frame_pb2.Frame) -> Passage:
        x = unpack_symbols(frame.symbols)
        has_number = frame.HasField("frame_number")
        number = frame.frame_number if has_number else self._links.next_frame_number(link)
        shape = (x.shape[0], x.shape[1])
        drawn = draw(settings.to_channel(), number, shape)
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
            k_factor_db=settings.k_factor_db,
        )
        if settings.csi == "perfect":
            state.gains.CopyFrom(pack_symbols(drawn.gains))
        if drawn.received_pilots is not None:
            state.received_pilots.CopyFrom(pack_symbols(drawn.received_pilots))
        overhead = overhead_of(
            frame, num_pilots=settings.pilots_a_frame, symbol_rate_hz=settings.symbol_rate_hz
        )
        received = frame_pb2.ReceivedFrame(frame=frame, state=state)
        received.frame.symbols.CopyFrom(pack_symbols(y))
        return Passage(received, overhead)


def _check_frames(frames: Sequence[frame_pb2.Frame]) -> None:
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise InvalidField("frames", f"{len(frames)} frames", f"1 to {MAX_FRAMES}")
    seen: set[str] = set()
    for frame in frames:
        for field in ("instance_id", "task", "system"):
            value = getattr(frame, field)
            if not 1 <= len(value) <= _MAX_NAME_CHARS:
                raise InvalidField(field, value, f"1 to {_MAX_NAME_CHARS} characters")
        if frame.instance_id in seen:
            raise InvalidField(
                "instance_id", frame.instance_id, "one that no other frame of the request bears"
            )
        seen.add(frame.instance_id)
        power = mean_power(unpack_symbols(frame.symbols))
        if abs(power - 1) > _POWER_TOLERANCE[frame.symbols.encoding]:
            raise InvalidField(
                "symbols",
                f"mean power {power:.4g}",
                "unit mean power, else the SNR would not mean what it says",
            )


def _row(passage: Passage, status: str, times: Mapping[str, float]) -> dict[str, Any]:
    frame, state = passage.received.frame, passage.received.state
    stated = ("link", "channel", "fading", "csi", "requested_snr_db", "realised_snr_db", "k_factor_db")
    hops: dict[str, float | None] = {"channel_ms": None, "downlink_ms": None, "decode_ms": None}
    return {
        "instance_id": frame.instance_id,
        "status": status,
        "task": frame.task,
        "system": frame.system,
        **{name: getattr(state, name) for name in stated},
        "seed": str(state.seed),
        "frame_number": str(state.frame_number),
        **vars(passage.overhead),
        **hops,
        **times,
    }


def _result(passage: Passage, answer: receiver_pb2.Answer) -> channel_service_pb2.InstanceResult:
    state = frame_pb2.ChannelState()
    state.CopyFrom(passage.received.state)
    state.ClearField("gains")
    state.ClearField("received_pilots")
    return channel_service_pb2.InstanceResult(
        answer=answer, state=state, overhead=passage.overhead.to_proto()
    )


def _filters(request: channel_service_pb2.GetReportRequest) -> dict[str, str]:
    return {"task": request.task, "system": request.system, "link": request.link}


def _ms_since(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)
