"""The transmitter's use case: encode an instance, relay it, and account for the time of every hop.

source ──▶ encode (worker thread) ──▶ Relay (gRPC) ──▶ answer, overhead, latency, score
  what waits is encoded together   and sent together     └─ in the background: CompleteInstances
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import grpc.aio
import numpy as np
from grpc_health.v1 import health_pb2
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from protos.semcom.v1 import channel_service_pb2, frame_pb2, receiver_pb2
from shared.errors import FrameLost, NoWeights, SemcomError, ServiceUnavailable, TaskNotTrained
from shared.identifiers import new_uuid
from shared.runtime import request_ids
from shared.runtime.batching import QueueMetrics
from shared.runtime.cores import Cores
from shared.runtime.logs import log_event
from shared.runtime.rpc_errors import from_rpc_error
from shared.runtime.slots import Slots
from shared.tasks import get_task
from shared.wire import pack_symbols
from systems.base import EncodedInstance, KnownLink, TransmitterSystem
from systems.registry import get_system
from transmitter.completions import Completions
from transmitter.encoding import EncodingQueue
from transmitter.instances import Instance, Latency, TransmitResult
from transmitter.relaying import CHANNEL_SERVICE, ChannelStub, FrameToRelay, Relay

CHANNEL_SERVICE_NAME = "semcom.v1.ChannelService"
_READY_TIMEOUT_S = 2.0
_LINK_TIMEOUT_S = 5.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one transmitter takes on, see `TransmitterSettings`.

    Attributes:
        max_requests: In hand at a time; further ones are refused.
        max_batch: Instances encoded together, and frames in one Relay.
        max_calls: Relays at a time.
        num_encoders: Batches encoded at a time.
        num_threads: Threads that these share.
        timeout_s: Longest time of a request that names none [s].
    """

    max_requests: int
    max_batch: int
    max_calls: int
    num_encoders: int
    num_threads: int
    timeout_s: float


class TransmitterService:
    """Encodes with the systems whose weights are held, and sends over the channel service.

    Args:
        systems: Loaded transmitters by name; may be empty.
        stub: Client of the channel service.
        address: Where the stub calls, "host:port", for messages.
        weights_folder: Where the systems came from, for messages.
        limits: What is taken on. Whoever calls holds one of `slots` for each request.
        registry: Metrics of the two queues go here; a new one if None.
    """

    def __init__(
        self,
        systems: Mapping[str, TransmitterSystem],
        stub: ChannelStub,
        *,
        address: str,
        weights_folder: str,
        limits: Limits,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self.systems, self._weights_folder = systems, weights_folder
        self._stub, self._address, self.limits = stub, address, limits
        self.registry = registry or CollectorRegistry()
        self._encoder = EncodingQueue(
            max_batch=limits.max_batch,
            max_waiting=limits.max_requests,
            num_encoders=limits.num_encoders,
            cores=Cores(limits.num_threads),
            metrics=QueueMetrics("semcom_transmitter_encode", self.registry),
        )
        self._relay = Relay(
            stub,
            address,
            max_batch=limits.max_batch,
            max_calls=limits.max_calls,
            max_waiting=limits.max_requests,
            metrics=QueueMetrics("semcom_transmitter_relay", self.registry),
        )
        self.slots = Slots(limits.max_requests)
        self._completions = Completions(stub, address)

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
            ServiceUnavailable: If the channel service is down, is stopping, or cannot store.
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
            raise ServiceUnavailable(CHANNEL_SERVICE, self._address, "is not ready; its /readyz says why")

    async def transmit(self, instance: Instance) -> TransmitResult:
        """Send one instance across the link.

        Raises:
            UnknownName: If there is no such task, system or link.
            InvalidField: If the encoding or a link setting is not allowed.
            TooLarge: If a text that shall come back is longer than the system can send.
            TaskNotTrained: If either end has no weights for the task.
            WeightsMismatch: If the receiver holds other weights.
            FrameLost: If the link's network lost the frame.
            ServiceUnavailable: If the channel service or the receiver is down.
            DeadlineExceeded: If there is no answer at the instance's deadline.
            TooMany: If too many instances wait, here or at the receiver.
        """
        system = self.find_system(instance.task, instance.system)
        instance = await self._adapt(system, instance)
        started = time.perf_counter()
        encoded = await self._encoder.encode(system, instance)
        encode_ms = _ms_since(started)
        frame = _build_frame(instance, system, encoded, encode_ms)
        started = time.perf_counter()
        result, timings = await self._relay.send(
            FrameToRelay(instance.link, instance.overrides, frame, instance.deadline)
        )
        latency = _latency(encode_ms, _ms_since(started), timings)
        self._completions.add(frame.instance_id, latency)
        scores = await _score(instance, result.answer)
        log_event(
            _LOG,
            "transmit",
            instance_id=frame.instance_id,
            frame_number=result.state.frame_number,
            task=instance.task,
            system=instance.system,
            snr_db=result.state.requested_snr_db,
            duration_ms=round(latency.total, 3),
        )
        return TransmitResult(frame, result, latency, scores, encoded.num_unknown_pieces, instance.options)

    async def transmit_each(self, instances: Sequence[Instance]) -> list[TransmitResult | SemcomError]:
        """Send one input by several systems, one after the other, over the same draw of the channel.

        The first frame that is sent gets the link's next number where the instances name none; all others are
        sent under the same number, so that they meet the same gains and the same noise as far as their
        lengths go.

        Args:
            instances: One input; they differ in system and options alone.

        Returns:
            For each instance what came back, or why nothing did.

        Raises:
            SemcomError: The first system's error, if every system failed.
        """
        outcomes: list[TransmitResult | SemcomError] = []
        frame_number = instances[0].frame_number
        for instance in instances:
            try:
                sent = await self.transmit(replace(instance, frame_number=frame_number))
                frame_number = sent.result.state.frame_number
                outcomes.append(sent)
            except SemcomError as error:
                if isinstance(error, FrameLost):
                    frame_number = error.frame_numbers[0]
                outcomes.append(error)
        errors = [outcome for outcome in outcomes if isinstance(outcome, SemcomError)]
        if len(errors) == len(outcomes):
            raise errors[0]
        return outcomes

    async def _adapt(self, system: TransmitterSystem, instance: Instance) -> Instance:
        """The instance with the options for its link, where the system leaves some to the link's state."""
        if not system.needs_link(instance.options):
            return instance
        held = await self.settings_of(instance.link)
        return replace(
            instance, options=system.adapt(instance.options, _link_state(held, instance.overrides))
        )

    async def settings_of(self, link: str) -> channel_service_pb2.LinkSettings:
        """What the channel service holds for a link, with the parameters of all its channel models.

        Raises:
            UnknownName: If there is no such link.
            ServiceUnavailable: If the channel service is down.
            DeadlineExceeded: If it does not answer.
        """
        try:
            held: channel_service_pb2.Link = await self._stub.GetLink(
                channel_service_pb2.GetLinkRequest(name=link), timeout=_LINK_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as rpc_error:
            raise self._translate(rpc_error, _LINK_TIMEOUT_S) from rpc_error
        return held.settings

    async def close(self) -> None:
        """Let what is at work end, and wait for what still has to reach the report store."""
        await self._encoder.close()
        await self._relay.close()
        await self._completions.close()

    def _translate(self, error: grpc.aio.AioRpcError, timeout_s: float) -> SemcomError:
        return from_rpc_error(error, CHANNEL_SERVICE, self._address, timeout_s)


async def _score(instance: Instance, answer: receiver_pb2.Answer) -> dict[str, float]:
    """Against the source, in a thread: a picture takes milliseconds, and the first text loads a library."""
    task = get_task(instance.task)
    if not task.answer.is_reconstruction:
        return {}
    (modality,) = task.modalities
    body = task.answer.of(answer)
    return await asyncio.to_thread(body.source_scores, instance.source[modality], _resize)


def _resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The networks' own resize, which is loaded when a first picture comes."""
    from systems.layers.preprocessing import resize

    return resize(image, size)


def _link_state(
    held: channel_service_pb2.LinkSettings, overrides: channel_service_pb2.LinkSettings
) -> KnownLink:
    """The link as this instance meets it; an SNR of the instance's own takes the place of a schedule."""
    channel = overrides.channel if overrides.HasField("channel") else held.channel
    if overrides.replay if overrides.HasField("replay") else held.replay:
        return KnownLink(channel, None)
    if overrides.HasField("snr_db") and not overrides.HasField("snr_schedule"):
        return KnownLink(channel, overrides.snr_db)
    is_scheduled = overrides.HasField("snr_schedule") or held.HasField("snr_schedule")
    return KnownLink(channel, None if is_scheduled else held.snr_db)


def _build_frame(
    instance: Instance, system: TransmitterSystem, encoded: EncodedInstance, encode_ms: float
) -> frame_pb2.Frame:
    return frame_pb2.Frame(
        instance_id=str(new_uuid()),
        frame_number=instance.frame_number,
        task=instance.task,
        system=instance.system,
        fingerprint=system.fingerprint,
        symbols=pack_symbols(encoded.symbols, instance.encoding),
        source_bytes=instance.source_bytes,
        num_source_values=encoded.num_source_values,
        encode_ms=encode_ms,
        information_bits=encoded.information_bits,
        coded_bits=encoded.coded_bits,
        num_blocks=encoded.num_blocks,
        request_id=request_ids.current(),
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


def _ms_since(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)
