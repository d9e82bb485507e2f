"""The receiver's gRPC service: checks frames, decodes them in batches, and logs one line an instance.

Requests that wait for the same system and task are decoded together, see `shared.runtime.batching`.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from prometheus_client import CollectorRegistry, Counter, Histogram

from protos.semcom.v1 import frame_pb2, receiver_pb2, receiver_pb2_grpc
from receiver.equaliser import Equalised, equalise_frame
from shared.errors import InvalidField, SemcomError, TaskNotTrained, TooLarge, WeightsMismatch
from shared.runtime import request_ids
from shared.runtime.batching import BatchQueue, QueueMetrics, together_or_each
from shared.runtime.logs import log_event
from shared.runtime.request_ids import check_request_id
from shared.tasks import get_task
from shared.wire import unpack_symbols
from systems.base import ReceiverSystem, TaskAnswer
from systems.registry import get_system

SERVICE_NAME = "semcom.v1.ReceiverService"
MAX_FRAMES = 4096
MAX_BATCH = 32
MAX_WAITING = 256
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
        self.queue = QueueMetrics("semcom_receiver_decode", registry)


@dataclass(frozen=True)
class _Work:
    """Frames of one request that one system is to decode for one task.

    Attributes:
        system: Whose weights were checked to be those of the frames.
        task: The task of all frames.
        frames: As received.
    """

    system: ReceiverSystem
    task: str
    frames: list[frame_pb2.ReceivedFrame]


class ReceiverService(receiver_pb2_grpc.ReceiverServiceServicer):
    """Answers received frames with the systems whose weights are held.

    Args:
        systems: Loaded receivers by name; may be empty.
        metrics: Counts what is decoded.
        max_batch: Frames of several requests that are decoded together; a larger request is decoded alone.
        max_waiting: Requests that may wait; further ones are refused.
    """

    def __init__(
        self,
        systems: Mapping[str, ReceiverSystem],
        metrics: ReceiverMetrics,
        *,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._systems, self._metrics = systems, metrics
        # One thread: networks decode one batch at a time, and the loop stays free for health checks.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")
        self._queue: BatchQueue[_Work, list[receiver_pb2.Answer]] = BatchQueue(
            self._decode_in_thread,
            name="requests to decode",
            capacity=max_waiting,
            max_batch=max_batch,
            workers=1,
            metrics=metrics.queue,
        )

    async def Decode(
        self,
        request: receiver_pb2.DecodeRequest,
        context: grpc.aio.ServicerContext[receiver_pb2.DecodeRequest, receiver_pb2.DecodeResponse],
    ) -> receiver_pb2.DecodeResponse:
        """Answer every frame, in the order given.

        Raises:
            InvalidField: If a frame's symbols or channel state cannot be right.
            TooLarge: If there are more than MAX_FRAMES frames.
            TooMany: If too many requests wait.
            UnknownName: If there is no such task or system.
            TaskNotTrained: If no weights at hand serve the task.
            WeightsMismatch: If a frame was made with other weights.
        """
        started = time.perf_counter()
        try:
            answers = await self._answer(request)
        except SemcomError as error:
            self._count(request, type(error).__name__)
            raise
        decode_ms = 1e3 * (time.perf_counter() - started)
        self._count(request, "ok")
        self._metrics.decode_seconds.observe(decode_ms / 1e3)
        return receiver_pb2.DecodeResponse(answers=answers, decode_ms=decode_ms)

    def close(self) -> None:
        """Let the batch in work end."""
        self._executor.shutdown()

    async def _answer(self, request: receiver_pb2.DecodeRequest) -> list[receiver_pb2.Answer]:
        """Put the frames of each (system, task) into the queue; answers in the order of the frames."""
        num_frames = len(request.frames)
        if not num_frames:
            raise InvalidField("frames", num_frames, f"1 to {MAX_FRAMES} frames")
        if num_frames > MAX_FRAMES:
            raise TooLarge("frames", num_frames, f"1 to {MAX_FRAMES} frames")
        groups: dict[tuple[str, str], list[int]] = {}
        for index, received in enumerate(request.frames):
            check_request_id(received.frame.request_id)
            self._check_held(received.frame)
            groups.setdefault((received.frame.system, received.frame.task), []).append(index)
        request_ids.bind_those_of(received.frame for received in request.frames)
        answers: dict[int, receiver_pb2.Answer] = {}
        # One after another, as they would be with one thread; the first that fails fails the request.
        for (system, task), indices in groups.items():
            work = _Work(self._systems[system], task, [request.frames[index] for index in indices])
            decoded = await self._queue.submit((system, task), work, size=len(indices))
            answers.update(zip(indices, decoded, strict=True))
        return [answers[index] for index in range(num_frames)]

    async def _decode_in_thread(self, batch: list[_Work]) -> list[list[receiver_pb2.Answer] | Exception]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, together_or_each, _decode, batch)

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

    def _count(self, request: receiver_pb2.DecodeRequest, status: str) -> None:
        for received in request.frames:
            task, system = received.frame.task, received.frame.system
            known = system in self._systems and task in self._systems[system].tasks
            # Names from outside become labels only where they are known: labels are kept for ever.
            self._metrics.instances.labels(
                *((task, system) if known else ("unknown", "unknown")), status
            ).inc()


def _decode(batch: Sequence[_Work]) -> list[list[receiver_pb2.Answer]]:
    """Equalise and decode the frames of works of one system and task as one batch; runs in the thread."""
    started = time.perf_counter()
    system, task = batch[0].system, batch[0].task
    frames = [received for work in batch for received in work.frames]
    equalised = [
        equalise_frame(unpack_symbols(received.frame.symbols), received.state, system.equaliser)
        for received in frames
    ]
    decoded = system.decode(task, [each.received for each in equalised])
    answers = [_to_proto(*each) for each in zip(frames, equalised, decoded, strict=True)]
    decode_ms = round(1e3 * (time.perf_counter() - started), 3)
    for received, answer in zip(frames, answers, strict=True):
        fields = {**_log_fields(received, answer), "batch_size": len(frames), "decode_ms": decode_ms}
        log_event(_LOG, "instance", **fields)
    remaining = iter(answers)
    return [list(islice(remaining, len(work.frames))) for work in batch]


def _to_proto(
    received: frame_pb2.ReceivedFrame, equalised: Equalised, answer: TaskAnswer
) -> receiver_pb2.Answer:
    return receiver_pb2.Answer(
        instance_id=received.frame.instance_id,
        labels=answer.labels,
        scores=[
            receiver_pb2.LabelScore(label=label, probability=probability)
            for label, probability in answer.scores
        ],
        text=answer.text,
        image_png=None if answer.image is None else _to_png(answer.image),
        post_equalisation_snr_db=equalised.post_equalisation_snr_db,
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
        "request_id": frame.request_id,
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
