"""The gRPC service: sends frames through their link to the receiver, and stores what each of them cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from channel_service.links.links import DEFAULT_LINK, Links
from channel_service.relay.frames import (
    ReceivedFrames,
    RelayedFrame,
    check_not_all_lost,
    network_delay_s,
    send_frames,
)
from channel_service.relay.live import LiveFeed
from channel_service.relay.metrics import Metrics
from channel_service.relay.receiver_client import ReceiverClient
from channel_service.relay.streams import answer_in_order
from channel_service.relay.validation import MAX_FRAMES, check_duration
from channel_service.reports.store import Store
from protos.semcom.v1 import channel_service_pb2, channel_service_pb2_grpc, frame_pb2, receiver_pb2
from shared.errors import FrameLost, TooLarge
from shared.ledger import RECEIVER_NAMES
from shared.runtime import request_ids
from shared.runtime.slots import Slots

FULL_NAME = "semcom.v1.ChannelService"
OK = "OK"
_ANSWER_FIELDS = ("post_equalisation_snr_db", *RECEIVER_NAMES)
_Request = channel_service_pb2.RelayRequest | channel_service_pb2.PropagateRequest
# The channel for a request of this size is drawn in about 1 ms. Larger requests are drawn in a thread.
_MAX_BYTES_ON_LOOP = 1 << 17
# The fixed time of each frame, stated as a number of bytes that take the same time.
_BYTES_PER_FRAME = 1 << 13


class ChannelServicer(channel_service_pb2_grpc.ChannelServiceServicer):
    """Implements semcom.v1.ChannelService.

    Args:
        links: All links, shared with the HTTP side.
        store: The report store, shared with the HTTP side.
        receiver: Client of the receiver.
        metrics: Prometheus metrics.
        feed: The live view.
        max_relays: Relay requests in hand at a time; further ones are refused.
    """

    def __init__(
        self,
        links: Links,
        store: Store,
        receiver: ReceiverClient,
        metrics: Metrics,
        feed: LiveFeed,
        *,
        max_relays: int,
    ) -> None:
        self._links, self._store, self._receiver = links, store, receiver
        self._metrics, self._feed = metrics, feed
        self._slots = Slots(max_relays)

    async def Relay(
        self, request: channel_service_pb2.RelayRequest, context: Any
    ) -> channel_service_pb2.RelayResponse:
        """Send frames through a link to the receiver, store them and return the receiver's answers.

        Frames whose request fails are stored too, with the class of the error as their status. A request for
        which there is no room is refused before anything is drawn, and is not stored.
        """
        with self._slots.take(), self._metrics.requests_in_progress.track_inprogress():
            return await self._relay(request, context.time_remaining())

    async def _relay(
        self, request: channel_service_pb2.RelayRequest, timeout_s: float | None
    ) -> channel_service_pb2.RelayResponse:
        started = time.perf_counter()
        decoding = receiver_pb2.DecodeRequest()
        relayed_frames = await self._send(request, decoding.frames, lost=receiver_pb2.DecodeRequest().frames)
        request_ids.bind_those_of(received.frame for received in decoding.frames)
        hops = {"channel": _ms_since(started)}
        sent = time.perf_counter()
        arrived = [relayed for relayed in relayed_frames if not relayed.is_lost]
        try:
            await self._store_lost(relayed_frames, replaces=request.resent)
            await _wait_for_network(arrived)
            left_s = None if timeout_s is None else timeout_s - _ms_since(started) / 1e3
            decoded = await self._receiver.decode(decoding, left_s)
        except (Exception, asyncio.CancelledError) as error:
            # The frames were sent through the channel even if the caller has cancelled the call.
            no_answers = [None] * len(arrived)
            status = type(error).__name__
            await self._store_and_publish(arrived, no_answers, status, hops, replaces=request.resent)
            raise
        hops["decode"] = decoded.decode_ms
        hops["downlink"] = max(0.0, _ms_since(sent) - decoded.decode_ms)
        await self._store_and_publish(arrived, decoded.answers, OK, hops, replaces=request.resent)
        timings = {f"{hop}_ms": duration_ms for hop, duration_ms in hops.items()}
        return channel_service_pb2.RelayResponse(
            results=_results(relayed_frames, decoded.answers),
            timings=channel_service_pb2.HopTimings(**timings, residence_ms=_ms_since(started)),
        )

    async def Propagate(
        self, request: channel_service_pb2.PropagateRequest, context: Any
    ) -> channel_service_pb2.PropagateResponse:
        """Send frames through a link and return them; nothing is stored."""
        response = channel_service_pb2.PropagateResponse()
        relayed_frames = await self._send(request, response.frames, lost=response.frames)
        check_not_all_lost(relayed_frames)
        await _wait_for_network(relayed_frames)
        return response

    async def PropagateStream(
        self, requests: AsyncIterator[channel_service_pb2.PropagateRequest], context: Any
    ) -> AsyncIterator[channel_service_pb2.PropagateResponse]:
        """Propagate a stream of requests; the answers come in the order of the requests."""
        async for response in answer_in_order(requests, lambda request: self.Propagate(request, context)):
            yield response

    async def CompleteInstances(
        self, request: channel_service_pb2.CompleteInstancesRequest, context: Any
    ) -> channel_service_pb2.CompleteInstancesResponse:
        """Add the times that the transmitter measured to stored instances."""
        if len(request.instances) > MAX_FRAMES:
            raise TooLarge("instances", f"{len(request.instances)} instances", f"at most {MAX_FRAMES}")
        rows = []
        for timings in request.instances:
            times = {name: getattr(timings, name) for name in ("uplink_ms", "total_ms")}
            for name, duration_ms in times.items():
                check_duration(name, duration_ms)
            rows.append({"instance_id": timings.instance_id, **times})
        num_completed = await self._store.complete(rows)
        return channel_service_pb2.CompleteInstancesResponse(num_completed=num_completed)

    async def GetLink(
        self, request: channel_service_pb2.GetLinkRequest, context: Any
    ) -> channel_service_pb2.Link:
        """Return the settings of a link."""
        name = request.name or DEFAULT_LINK
        return channel_service_pb2.Link(name=name, settings=self._links.get(name).to_proto())

    async def SetLink(
        self, request: channel_service_pb2.SetLinkRequest, context: Any
    ) -> channel_service_pb2.Link:
        """Create or change a link."""
        name, origin = request.link.name or DEFAULT_LINK, _origin(context)
        settings = self._links.set(name, request.link.settings, origin=origin, replaces=request.replace)
        return channel_service_pb2.Link(name=name, settings=settings.to_proto())

    async def _send(
        self, request: _Request, arrived: ReceivedFrames, *, lost: ReceivedFrames
    ) -> list[RelayedFrame]:
        """Send the request's frames through the link, with the settings that it has now."""
        request_ids.bind(frame.request_id for frame in request.frames)
        link = self._links.find(request.link or DEFAULT_LINK, request.overrides)
        num_bytes = request.ByteSize()
        arguments = (self._links, link, request.frames, num_bytes, arrived, lost)
        if num_bytes + len(request.frames) * _BYTES_PER_FRAME <= _MAX_BYTES_ON_LOOP:
            return send_frames(*arguments)
        return await _finish_despite_cancel(asyncio.to_thread(send_frames, *arguments))

    async def _store_lost(self, relayed_frames: list[RelayedFrame], *, replaces: bool) -> None:
        """Store the frames that the network lost.

        Raises:
            FrameLost: If the network lost every frame.
        """
        lost = [relayed for relayed in relayed_frames if relayed.is_lost]
        if lost:
            no_answers = [None] * len(lost)
            await self._store_and_publish(lost, no_answers, FrameLost.__name__, {}, replaces=replaces)
            check_not_all_lost(relayed_frames)

    async def _store_and_publish(
        self,
        relayed_frames: Sequence[RelayedFrame],
        answers: Sequence[receiver_pb2.Answer | None],
        status: str,
        hops_ms: Mapping[str, float],
        *,
        replaces: bool,
    ) -> None:
        """Count the frames, store one row for each and, after the commit, send them to the live view."""
        self._metrics.count(relayed_frames, status, hops_ms)
        times = {f"{hop}_ms": duration_ms for hop, duration_ms in hops_ms.items()}
        rows = [
            {**_row(relayed, answer), **times, "status": status}
            for relayed, answer in zip(relayed_frames, answers, strict=True)
        ]
        await self._store.add(rows, replaces=replaces)
        self._feed.publish(relayed_frames, answers, status)


def _row(relayed: RelayedFrame, answer: receiver_pb2.Answer | None) -> dict[str, Any]:
    """The stored columns of one instance, without its status and the times of later hops."""
    frame, state = relayed.received.frame, relayed.received.state
    return {
        "instance_id": frame.instance_id,
        "task": frame.task,
        "system": frame.system,
        **{name: getattr(state, name) for name in ("link", "channel", "fading", "csi", "noise_variance")},
        **{
            name: getattr(state, name) for name in ("requested_snr_db", "realised_snr_db", "network_delay_ms")
        },
        **{name: getattr(answer, name) if answer else None for name in _ANSWER_FIELDS},
        "k_factor_db": state.k_factor_db if state.HasField("k_factor_db") else None,
        "seed": str(state.seed),
        "frame_number": str(state.frame_number),
        **vars(relayed.overhead),
        "encode_ms": frame.encode_ms or None,
    }


def _results(
    relayed_frames: Sequence[RelayedFrame], answers: Iterable[receiver_pb2.Answer]
) -> list[channel_service_pb2.InstanceResult]:
    """One result for each frame, in order; `answers` holds one answer for each frame that arrived."""
    remaining = iter(answers)
    return [_result(relayed, None if relayed.is_lost else next(remaining)) for relayed in relayed_frames]


def _origin(context: Any) -> str:
    return f"grpc {unquote(context.peer())}"


def _result(relayed: RelayedFrame, answer: receiver_pb2.Answer | None) -> channel_service_pb2.InstanceResult:
    state = frame_pb2.ChannelState()
    state.CopyFrom(relayed.received.state)
    state.ClearField("gains")
    state.ClearField("received_pilots")
    result = channel_service_pb2.InstanceResult(answer=answer, state=state)
    relayed.overhead.write(result.overhead)
    return result


async def _finish_despite_cancel(work: Coroutine[Any, Any, list[RelayedFrame]]) -> list[RelayedFrame]:
    """Wait for `work` to end even if the caller is cancelled; the caller's next await is then cancelled.

    `work` runs in a thread, which cannot be stopped: its frames take their numbers and use the channel.
    """
    task = asyncio.ensure_future(work)
    was_cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            was_cancelled = True
    if was_cancelled and (current := asyncio.current_task()):
        current.cancel()
    return task.result()


async def _wait_for_network(relayed_frames: Sequence[RelayedFrame]) -> None:
    """Wait for as long as the link's network delays these frames."""
    if delay_s := network_delay_s(relayed_frames):
        await asyncio.sleep(delay_s)


def _ms_since(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)
