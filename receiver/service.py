"""The receiver's gRPC service: checks frames, decodes them in batches, and logs one line an instance."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from prometheus_client import CollectorRegistry, Counter, Histogram

from protos.semcom.v1 import frame_pb2, receiver_pb2, receiver_pb2_grpc
from receiver.equaliser import Equalised, equalise_frame
from receiver.systems.base import ReceiverSystem, TaskAnswer
from shared.errors import InvalidField, SemcomError, TaskNotTrained, TooLarge, WeightsMismatch
from shared.logs import log_event
from shared.systems import get_system
from shared.tasks import get_task
from shared.wire import unpack_symbols

SERVICE_NAME = "semcom.v1.ReceiverService"
MAX_FRAMES = 4096
_MAX_LOGGED_TEXT = 80
_LOG = logging.getLogger(__name__)


class ReceiverMetrics:
    """What /metrics of the receiver shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.instances = Counter(
            "semcom_receiver_instances",
            "Instances decoded, by outcome.",
            ["task", "system", "status"],
            registry=registry,
        )
        self.decode_seconds = Histogram(
            "semcom_receiver_decode_seconds", "Time of a Decode request.", registry=registry
        )


@dataclass(frozen=True)
class _Instance:
    """A checked frame with its equalised symbols."""

    received: frame_pb2.ReceivedFrame
    equalised: Equalised


class ReceiverService(receiver_pb2_grpc.ReceiverServiceServicer):
    """Answers received frames with the systems whose weights are held.

    Args:
        systems: Loaded receiver halves by name; may be empty.
        metrics: Counts what is decoded.
    """

    def __init__(self, systems: Mapping[str, ReceiverSystem], metrics: ReceiverMetrics) -> None:
        self._systems, self._metrics = systems, metrics
        # One thread: networks decode one batch at a time, and the loop stays free for health checks.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")

    async def Decode(
        self,
        request: receiver_pb2.DecodeRequest,
        context: grpc.aio.ServicerContext[receiver_pb2.DecodeRequest, receiver_pb2.DecodeResponse],
    ) -> receiver_pb2.DecodeResponse:
        """Answer every frame, in the order given.

        Raises:
            InvalidField: If a frame's symbols or channel state cannot be right.
            TooLarge: If there are more than MAX_FRAMES frames.
            UnknownName: If there is no such task or system.
            TaskNotTrained: If no weights at hand serve the task.
            WeightsMismatch: If a frame was made with other weights.
        """
        loop = asyncio.get_running_loop()
        try:
            response = await loop.run_in_executor(self._executor, self._decode, request)
        except SemcomError as error:
            self._count(request, type(error).__name__)
            raise
        self._count(request, "ok")
        self._metrics.decode_seconds.observe(response.decode_ms / 1e3)
        return response

    async def GetModel(
        self,
        request: receiver_pb2.GetModelRequest,
        context: grpc.aio.ServicerContext[receiver_pb2.GetModelRequest, receiver_pb2.GetModelResponse],
    ) -> receiver_pb2.GetModelResponse:
        """The weights held here."""
        return receiver_pb2.GetModelResponse(
            models=[
                receiver_pb2.Model(
                    system=system.name,
                    profile=system.profile,
                    fingerprint=system.fingerprint,
                    tasks=system.tasks,
                )
                for system in self._systems.values()
            ]
        )

    def close(self) -> None:
        """Let the batch in work end."""
        self._executor.shutdown()

    def _decode(self, request: receiver_pb2.DecodeRequest) -> receiver_pb2.DecodeResponse:
        started = time.perf_counter()
        num_frames = len(request.frames)
        if not num_frames:
            raise InvalidField("frames", num_frames, f"1 to {MAX_FRAMES} frames")
        if num_frames > MAX_FRAMES:
            raise TooLarge("frames", num_frames, f"1 to {MAX_FRAMES} frames")
        for received in request.frames:
            self._check_held(received.frame)
        instances = [self._equalise(received) for received in request.frames]
        answers = self._answer(instances)
        decode_ms = 1e3 * (time.perf_counter() - started)
        for instance, answer in zip(instances, answers, strict=True):
            log_event(
                _LOG, "instance", **_log_fields(instance.received, answer), decode_ms=round(decode_ms, 3)
            )
        return receiver_pb2.DecodeResponse(answers=answers, decode_ms=decode_ms)

    def _check_held(self, frame: frame_pb2.Frame) -> None:
        """Refuse a frame that these weights cannot answer."""
        task, name = get_task(frame.task).name, get_system(frame.system).name
        system = self._systems.get(name)
        if system is None:
            raise TaskNotTrained(task, name, [])
        if frame.fingerprint != system.fingerprint:
            raise WeightsMismatch(frame.fingerprint, system.fingerprint)
        if task not in system.tasks:
            raise TaskNotTrained(task, name, list(system.tasks))

    def _equalise(self, received: frame_pb2.ReceivedFrame) -> _Instance:
        """Equalise a frame as its system wants it."""
        symbols = unpack_symbols(received.frame.symbols)
        equaliser = self._systems[received.frame.system].equaliser
        return _Instance(received, equalise_frame(symbols, received.state, equaliser))

    def _answer(self, instances: Sequence[_Instance]) -> list[receiver_pb2.Answer]:
        """Decode the instances of each (system, task) as one batch; answers in the order of the frames."""
        groups: dict[tuple[str, str], list[int]] = {}
        for index, instance in enumerate(instances):
            frame = instance.received.frame
            groups.setdefault((frame.system, frame.task), []).append(index)
        answers: dict[int, receiver_pb2.Answer] = {}
        for (system, task), indices in groups.items():
            frames = [instances[index].equalised.received for index in indices]
            for index, answer in zip(indices, self._systems[system].decode(task, frames), strict=True):
                answers[index] = _to_proto(instances[index], answer)
        return [answers[index] for index in range(len(instances))]

    def _count(self, request: receiver_pb2.DecodeRequest, status: str) -> None:
        for received in request.frames:
            task, system = received.frame.task, received.frame.system
            known = system in self._systems and task in self._systems[system].tasks
            # Names from outside become labels only where they are known: labels are kept for ever.
            self._metrics.instances.labels(
                *((task, system) if known else ("unknown", "unknown")), status
            ).inc()


def _to_proto(instance: _Instance, answer: TaskAnswer) -> receiver_pb2.Answer:
    return receiver_pb2.Answer(
        instance_id=instance.received.frame.instance_id,
        labels=answer.labels,
        scores=[
            receiver_pb2.LabelScore(label=label, probability=probability)
            for label, probability in answer.scores
        ],
        text=answer.text,
        image_png=None if answer.image is None else _to_png(answer.image),
        post_equalisation_snr_db=instance.equalised.post_equalisation_snr_db,
        outage=answer.outage,
        blocks_in_error=answer.blocks_in_error,
    )


def _to_png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _log_fields(received: frame_pb2.ReceivedFrame, answer: receiver_pb2.Answer) -> dict[str, Any]:
    """One instance's line: what came, over which channel, at what cost, and what was made of it."""
    frame, state, cost = received.frame, received.state, received.overhead
    return {
        "instance_id": frame.instance_id,
        "frame_number": state.frame_number,
        "task": frame.task,
        "system": frame.system,
        "link": state.link,
        "channel": state.channel,
        "snr_db": state.requested_snr_db,
        **{field.name: getattr(cost, field.name) for field in cost.DESCRIPTOR.fields},
        "outage": answer.outage,
        "blocks_in_error": answer.blocks_in_error,
        "answer": _in_short(answer),
    }


def _in_short(answer: receiver_pb2.Answer) -> str | list[str]:
    if answer.HasField("image_png"):
        return f"picture, {len(answer.image_png)} bytes as PNG"
    if answer.HasField("text"):
        return answer.text[:_MAX_LOGGED_TEXT]
    return list(answer.labels)
