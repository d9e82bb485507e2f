"""The transmitter's use case: encode an instance, relay it, and account for the time of every hop.

source ──▶ encode (worker thread) ──▶ Relay (gRPC) ──▶ answer, overhead, latency, score
                                         └─ in the background: CompleteInstances for the report store
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.semcom.v1 import channel_service_pb2, channel_service_pb2_grpc, frame_pb2
from shared.errors import (
    FrameLost,
    NoWeights,
    SemcomError,
    ServiceUnavailable,
    TaskNotTrained,
    from_rpc_error,
)
from shared.logs import log_event
from shared.systems import Options, get_system
from shared.tasks import get_task
from shared.wire import pack_symbols
from transmitter.scoring import score
from transmitter.systems.base import EncodedInstance, LinkAdaptive, LinkState, Source, TransmitterSystem

CHANNEL_SERVICE = "channel_service"
CHANNEL_SERVICE_NAME = "semcom.v1.ChannelService"
_PAUSE_BETWEEN_TRIES_S = 0.2
_COMPLETE_TIMEOUT_S = 10.0
_READY_TIMEOUT_S = 2.0
_LINK_TIMEOUT_S = 5.0
_LOG = logging.getLogger(__name__)


class ChannelStub(Protocol):
    """What is called of the channel service."""

    Relay: Any
    GetLink: Any
    CompleteInstances: Any
    Check: Any


class GrpcChannelStub(channel_service_pb2_grpc.ChannelServiceStub):
    """The channel service and its health check over one gRPC channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)  # type: ignore[no-untyped-call]
        self.Check = health_pb2_grpc.HealthStub(channel).Check


@dataclass(frozen=True)
class Order:
    """One instance to send.

    Attributes:
        task: Name of the task.
        system: Name of the system.
        source: Decoded inputs.
        source_bytes: Size of the inputs as the client sent them.
        options: A value for every option of the system, as `System.read_options` returns them.
        link: Named link.
        overrides: Link settings for this instance only; absent fields keep what the link holds.
        frame_number: With the link's seed it fixes the draw; None: the link's next number.
        encoding: Of the symbols: float32, float16 or int8.
    """

    task: str
    system: str
    source: Source
    source_bytes: int
    options: Options
    link: str = "default"
    overrides: channel_service_pb2.LinkSettings = field(default_factory=channel_service_pb2.LinkSettings)
    frame_number: int | None = None
    encoding: str = "float32"


@dataclass(frozen=True)
class Latency:
    """Time of every hop of one instance [ms]; `total` is their sum."""

    encode: float
    uplink: float
    channel: float
    downlink: float
    decode: float
    total: float


@dataclass(frozen=True)
class Delivery:
    """What came back for one order.

    Attributes:
        frame: As it was sent.
        result: Of the channel service: answer, channel as applied, overhead.
        latency: Of every hop.
        scores: Against the source; empty where the truth is not in it.
    """

    frame: frame_pb2.Frame
    result: channel_service_pb2.InstanceResult
    latency: Latency
    scores: dict[str, float]


class TransmitterService:
    """Encodes with the systems whose weights are held, and sends over the channel service.

    Args:
        systems: Loaded transmitter halves by name; may be empty.
        stub: Of the channel service.
        address: Where the stub calls, "host:port", for messages.
        relay_timeout_s: Deadline of one Relay [s].
        weights_folder: Where the systems came from, for messages.
    """

    def __init__(
        self,
        systems: Mapping[str, TransmitterSystem],
        stub: ChannelStub,
        *,
        address: str,
        relay_timeout_s: float,
        weights_folder: str,
    ) -> None:
        self.systems, self._weights_folder = systems, weights_folder
        self._stub, self._address, self._relay_timeout_s = stub, address, relay_timeout_s
        # One thread: networks encode one instance at a time, and the loop stays free for other requests.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        self._completions: set[asyncio.Task[None]] = set()

    def find_system(self, task: str, system: str) -> TransmitterSystem:
        """The loaded system that serves a task.

        Raises:
            UnknownName: If there is no such task or system.
            TaskNotTrained: If no weights at hand serve the task.
        """
        task, name = get_task(task).name, get_system(system).name
        loaded = self.systems.get(name)
        if loaded is None or task not in loaded.tasks:
            raise TaskNotTrained(task, name, list(loaded.tasks) if loaded else [])
        return loaded

    async def ready(self) -> None:
        """Check that there are weights and a channel service to send over.

        Raises:
            NoWeights: If no system is loaded.
            ServiceUnavailable: If the channel service is down, or is stopping.
            DeadlineExceeded: If it does not answer.
        """
        if not self.systems:
            raise NoWeights(self._weights_folder)
        request = health_pb2.HealthCheckRequest(service=CHANNEL_SERVICE_NAME)
        try:
            answer = await self._stub.Check(request, timeout=_READY_TIMEOUT_S)
        except grpc.aio.AioRpcError as rpc_error:
            raise self._translate(rpc_error, _READY_TIMEOUT_S) from rpc_error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ServiceUnavailable(CHANNEL_SERVICE, self._address)

    async def transmit(self, order: Order) -> Delivery:
        """Send one instance across the link.

        Raises:
            UnknownName: If there is no such task, system or link.
            InvalidField: If the encoding or a link setting is not allowed.
            TooLarge: If a text that shall come back is longer than the system can send.
            TaskNotTrained: If either end has no weights for the task.
            WeightsMismatch: If the receiver holds other weights.
            FrameLost: If the link's network lost the frame.
            ServiceUnavailable: If the channel service or the receiver is down.
            DeadlineExceeded: If the answer takes too long.
        """
        system = self.find_system(order.task, order.system)
        order = await self._adapt(system, order)
        encoded, encode_ms = await asyncio.get_running_loop().run_in_executor(
            self._executor, _encode, system, order
        )
        frame = _build_frame(order, system, encoded, encode_ms)
        request = channel_service_pb2.RelayRequest(link=order.link, overrides=order.overrides, frames=[frame])
        response, round_trip_ms = await self._relay(request)
        frame = request.frames[0]
        latency = _latency(encode_ms, round_trip_ms, response.timings)
        self._complete_in_background(frame.instance_id, latency)
        result = response.results[0]
        scores = await asyncio.to_thread(score, order.task, order.source, result.answer)
        log_event(
            _LOG,
            "transmit",
            instance_id=frame.instance_id,
            frame_number=result.state.frame_number,
            task=order.task,
            system=order.system,
            snr_db=result.state.requested_snr_db,
            duration_ms=round(latency.total, 3),
        )
        return Delivery(frame, result, latency, scores)

    async def transmit_each(self, orders: Sequence[Order]) -> list[Delivery | SemcomError]:
        """Send one input by several systems, one after the other, over the same draw of the channel.

        The first frame that is sent gets the link's next number where the orders name none; all others are
        sent under the same number, so that they meet the same gains and the same noise as far as their
        lengths go.

        Args:
            orders: That differ in system and options alone.

        Returns:
            For each order its delivery, or why there is none.

        Raises:
            SemcomError: The first system's error, if every system failed.
        """
        outcomes: list[Delivery | SemcomError] = []
        frame_number = orders[0].frame_number
        for order in orders:
            try:
                delivery = await self.transmit(replace(order, frame_number=frame_number))
                frame_number = delivery.result.state.frame_number
                outcomes.append(delivery)
            except SemcomError as error:
                if isinstance(error, FrameLost):
                    frame_number = error.frame_numbers[0]
                outcomes.append(error)
        errors = [outcome for outcome in outcomes if isinstance(outcome, SemcomError)]
        if len(errors) == len(outcomes):
            raise errors[0]
        return outcomes

    async def _adapt(self, system: TransmitterSystem, order: Order) -> Order:
        """The order with the options for its link, where the system leaves some to the link's state."""
        if not isinstance(system, LinkAdaptive) or not system.needs_link(order.options):
            return order
        request = channel_service_pb2.GetLinkRequest(name=order.link)
        try:
            held = (await self._stub.GetLink(request, timeout=_LINK_TIMEOUT_S)).settings
        except grpc.aio.AioRpcError as rpc_error:
            raise self._translate(rpc_error, _LINK_TIMEOUT_S) from rpc_error
        return replace(order, options=system.adapt(order.options, _link_state(held, order.overrides)))

    async def close(self) -> None:
        """Wait for what still has to reach the report store, and let the encoding in work end."""
        await asyncio.gather(*self._completions)
        self._executor.shutdown()

    async def _relay(
        self, request: channel_service_pb2.RelayRequest
    ) -> tuple[channel_service_pb2.RelayResponse, float]:
        """Relay, once more where the channel service was not reached: response and round trip [ms]."""
        try:
            return await self._relay_once(request)
        except ServiceUnavailable as error:
            if error.service != CHANNEL_SERVICE:  # the receiver is down: tried and stored over there already
                raise
        await asyncio.sleep(_PAUSE_BETWEEN_TRIES_S)
        # The first try may have been stored before the connection broke: an instance is stored once.
        request.frames[0].instance_id = str(uuid.uuid4())
        return await self._relay_once(request)

    async def _relay_once(
        self, request: channel_service_pb2.RelayRequest
    ) -> tuple[channel_service_pb2.RelayResponse, float]:
        started = time.perf_counter()
        try:
            response = await self._stub.Relay(request, timeout=self._relay_timeout_s)
        except grpc.aio.AioRpcError as rpc_error:
            raise self._translate(rpc_error, self._relay_timeout_s) from rpc_error
        return response, 1e3 * (time.perf_counter() - started)

    def _translate(self, error: grpc.aio.AioRpcError, timeout_s: float) -> SemcomError:
        return from_rpc_error(error, CHANNEL_SERVICE, self._address, timeout_s)

    def _complete_in_background(self, instance_id: str, latency: Latency) -> None:
        timings = channel_service_pb2.InstanceTimings(
            instance_id=instance_id,
            encode_ms=latency.encode,
            uplink_ms=latency.uplink,
            total_ms=latency.total,
        )
        completion = asyncio.create_task(self._complete(timings))
        self._completions.add(completion)
        completion.add_done_callback(self._completions.discard)

    async def _complete(self, timings: channel_service_pb2.InstanceTimings) -> None:
        request = channel_service_pb2.CompleteInstancesRequest(instances=[timings])
        try:
            await self._stub.CompleteInstances(request, timeout=_COMPLETE_TIMEOUT_S)
        except grpc.aio.AioRpcError as rpc_error:
            # The answer has gone out; only the report's encode, uplink and total lack this instance.
            error = self._translate(rpc_error, _COMPLETE_TIMEOUT_S)
            fields = {"instance_id": timings.instance_id, "error": error.message}
            _LOG.warning("instance not completed", extra={"fields": fields})


def _link_state(
    held: channel_service_pb2.LinkSettings, overrides: channel_service_pb2.LinkSettings
) -> LinkState:
    """The link as this instance meets it; an SNR of the instance's own takes the place of a schedule."""
    channel = overrides.channel if overrides.HasField("channel") else held.channel
    if overrides.HasField("snr_db") and not overrides.HasField("snr_schedule"):
        return LinkState(channel, overrides.snr_db)
    is_scheduled = overrides.HasField("snr_schedule") or held.HasField("snr_schedule")
    return LinkState(channel, None if is_scheduled else held.snr_db)


def _encode(system: TransmitterSystem, order: Order) -> tuple[EncodedInstance, float]:
    """Encode in the worker thread; the time is that of the work alone [ms]."""
    started = time.perf_counter()
    (encoded,) = system.encode(order.task, [order.source], order.options)
    return encoded, 1e3 * (time.perf_counter() - started)


def _build_frame(
    order: Order, system: TransmitterSystem, encoded: EncodedInstance, encode_ms: float
) -> frame_pb2.Frame:
    return frame_pb2.Frame(
        instance_id=str(uuid.uuid4()),
        frame_number=order.frame_number,
        task=order.task,
        system=order.system,
        fingerprint=system.fingerprint,
        symbols=pack_symbols(encoded.symbols, order.encoding),
        source_bytes=order.source_bytes,
        num_source_values=encoded.num_source_values,
        encode_ms=encode_ms,
        information_bits=encoded.information_bits,
        coded_bits=encoded.coded_bits,
        num_blocks=encoded.num_blocks,
    )


def _latency(encode_ms: float, round_trip_ms: float, timings: channel_service_pb2.HopTimings) -> Latency:
    """Split the round trip into hops.

    What the channel service spends beside its three timings (checks, the report store) counts as channel, so
    that the hops add up to the total.
    """
    behind_ms = timings.downlink_ms + timings.decode_ms
    return Latency(
        encode=encode_ms,
        uplink=round_trip_ms - timings.residence_ms,
        channel=timings.residence_ms - behind_ms,
        downlink=timings.downlink_ms,
        decode=timings.decode_ms,
        total=encode_ms + round_trip_ms,
    )
