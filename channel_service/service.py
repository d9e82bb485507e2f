"""The gRPC side: takes frames, sends them through their link, to the receiver and into the books."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from channel_service.links.links import DEFAULT_LINK, Links
from channel_service.live import LiveFeed
from channel_service.metrics import Metrics
from channel_service.relay.frames import (
    MAX_FRAMES,
    Passage,
    ReceivedFrames,
    check_duration,
    check_not_all_lost,
    network_delay_s,
    pass_frames,
)
from channel_service.relay.receiver_client import ReceiverClient
from channel_service.relay.streams import answer_in_order
from channel_service.reports.messages import latency_row, overhead_row, query_of
from channel_service.reports.store import Store
from protos.semcom.v1 import channel_service_pb2, channel_service_pb2_grpc, frame_pb2, receiver_pb2
from shared.errors import FrameLost, TooLarge

FULL_NAME = "semcom.v1.ChannelService"
OK = "OK"
_Request = channel_service_pb2.RelayRequest | channel_service_pb2.PropagateRequest
# About a millisecond of drawing: more than that leaves the event loop for a thread.
_MAX_BYTES_ON_LOOP = 1 << 17
_BYTES_WORTH_A_FRAME = 1 << 13


class ChannelServicer(channel_service_pb2_grpc.ChannelServiceServicer):
    """semcom.v1.ChannelService."""

    def __init__(
        self, links: Links, store: Store, receiver: ReceiverClient, metrics: Metrics, feed: LiveFeed
    ) -> None:
        self._links, self._store, self._receiver = links, store, receiver
        self._metrics, self._feed = metrics, feed

    async def Relay(
        self, request: channel_service_pb2.RelayRequest, context: Any
    ) -> channel_service_pb2.RelayResponse:
        """Draw, apply, have answered, store, answer; a frame that fails is stored with its status."""
        with self._metrics.requests_in_progress.track_inprogress():
            return await self._relay(request)

    async def _relay(self, request: channel_service_pb2.RelayRequest) -> channel_service_pb2.RelayResponse:
        started = time.perf_counter()
        decoding = receiver_pb2.DecodeRequest()
        passages = await self._pass(request, decoding.frames, lost=receiver_pb2.DecodeRequest().frames)
        hops = {"channel": _ms_since(started)}
        sent = time.perf_counter()
        arrived = [passage for passage in passages if not passage.is_lost]
        try:
            await self._lose(passages)
            await _wait_for_network(arrived)
            decoded = await self._receiver.decode(decoding)
        except (Exception, asyncio.CancelledError) as error:
            # A caller that gave up has used the channel all the same.
            await self._keep_books(arrived, [None] * len(arrived), type(error).__name__, hops)
            raise
        hops["decode"] = decoded.decode_ms
        hops["downlink"] = max(0.0, _ms_since(sent) - decoded.decode_ms)
        await self._keep_books(arrived, decoded.answers, OK, hops)
        timings = {f"{hop}_ms": duration_ms for hop, duration_ms in hops.items()}
        return channel_service_pb2.RelayResponse(
            results=_results(passages, decoded.answers),
            timings=channel_service_pb2.HopTimings(**timings, residence_ms=_ms_since(started)),
        )

    async def Propagate(
        self, request: channel_service_pb2.PropagateRequest, context: Any
    ) -> channel_service_pb2.PropagateResponse:
        """Draw and apply; nothing is stored."""
        response = channel_service_pb2.PropagateResponse()
        passages = await self._pass(request, response.frames, lost=response.frames)
        check_not_all_lost(passages)
        await _wait_for_network(passages)
        return response

    async def RelayStream(
        self, requests: AsyncIterator[channel_service_pb2.RelayRequest], context: Any
    ) -> AsyncIterator[channel_service_pb2.RelayResponse]:
        """Relay a stream of requests, answered in order."""
        async for response in answer_in_order(requests, lambda request: self.Relay(request, context)):
            yield response

    async def PropagateStream(
        self, requests: AsyncIterator[channel_service_pb2.PropagateRequest], context: Any
    ) -> AsyncIterator[channel_service_pb2.PropagateResponse]:
        """Propagate a stream of requests, answered in order."""
        async for response in answer_in_order(requests, lambda request: self.Propagate(request, context)):
            yield response

    async def CompleteInstances(
        self, request: channel_service_pb2.CompleteInstancesRequest, context: Any
    ) -> channel_service_pb2.CompleteInstancesResponse:
        """Add the transmitter's times to stored rows."""
        if len(request.instances) > MAX_FRAMES:
            raise TooLarge("instances", f"{len(request.instances)} instances", f"at most {MAX_FRAMES}")
        rows = []
        for timings in request.instances:
            times = {name: getattr(timings, name) for name in ("encode_ms", "uplink_ms", "total_ms")}
            for name, duration_ms in times.items():
                check_duration(name, duration_ms)
            rows.append({"instance_id": timings.instance_id, **times})
        num_completed = await self._store.complete(rows)
        return channel_service_pb2.CompleteInstancesResponse(num_completed=num_completed)

    async def GetLink(
        self, request: channel_service_pb2.GetLinkRequest, context: Any
    ) -> channel_service_pb2.Link:
        """Settings of a link."""
        name = request.name or DEFAULT_LINK
        return channel_service_pb2.Link(name=name, settings=self._links.get(name).to_proto())

    async def SetLink(
        self, request: channel_service_pb2.SetLinkRequest, context: Any
    ) -> channel_service_pb2.Link:
        """Make or change a link."""
        name, origin = request.link.name or DEFAULT_LINK, _origin(context)
        settings = self._links.set(name, request.link.settings, origin=origin, replaces=request.replace)
        return channel_service_pb2.Link(name=name, settings=settings.to_proto())

    async def DeleteLink(
        self, request: channel_service_pb2.DeleteLinkRequest, context: Any
    ) -> channel_service_pb2.DeleteLinkResponse:
        """Delete a link."""
        self._links.delete(request.name or DEFAULT_LINK, origin=_origin(context))
        return channel_service_pb2.DeleteLinkResponse()

    async def ListLinkChanges(
        self, request: channel_service_pb2.ListLinkChangesRequest, context: Any
    ) -> channel_service_pb2.ListLinkChangesResponse:
        """What was done to a link."""
        changes = self._links.changes(request.name or DEFAULT_LINK)
        return channel_service_pb2.ListLinkChangesResponse(
            changes=[
                channel_service_pb2.LinkChange(**{**vars(change), "time": change.time.isoformat()})
                for change in changes
            ]
        )

    async def ListLinks(
        self, request: channel_service_pb2.ListLinksRequest, context: Any
    ) -> channel_service_pb2.ListLinksResponse:
        """Every link."""
        links = [
            channel_service_pb2.Link(name=name, settings=settings.to_proto())
            for name, settings in self._links.all().items()
        ]
        return channel_service_pb2.ListLinksResponse(links=links)

    async def GetOverheadReport(
        self, request: channel_service_pb2.GetReportRequest, context: Any
    ) -> channel_service_pb2.OverheadReport:
        """Mean cost of an instance of each group."""
        rows = await asyncio.to_thread(self._store.overhead, query_of(request))
        return channel_service_pb2.OverheadReport(rows=map(overhead_row, rows))

    async def GetLatencyReport(
        self, request: channel_service_pb2.GetReportRequest, context: Any
    ) -> channel_service_pb2.LatencyReport:
        """Mean and percentiles of every hop of each group."""
        rows = await asyncio.to_thread(self._store.latency, query_of(request))
        return channel_service_pb2.LatencyReport(rows=map(latency_row, rows))

    async def _pass(
        self, request: _Request, arrived: ReceivedFrames, *, lost: ReceivedFrames
    ) -> list[Passage]:
        """Send the request's frames through one snapshot of the link's settings."""
        link = self._links.find(request.link or DEFAULT_LINK, request.overrides)
        num_bytes = request.ByteSize()
        arguments = (self._links, link, request.frames, num_bytes, arrived, lost)
        if num_bytes + len(request.frames) * _BYTES_WORTH_A_FRAME <= _MAX_BYTES_ON_LOOP:
            return pass_frames(*arguments)
        return await _uncancelled(asyncio.to_thread(pass_frames, *arguments))

    async def _lose(self, passages: list[Passage]) -> None:
        """Store the frames that the network loses.

        Raises:
            FrameLost: If it loses them all.
        """
        lost = [passage for passage in passages if passage.is_lost]
        if lost:
            await self._keep_books(lost, [None] * len(lost), FrameLost.__name__, {})
            check_not_all_lost(passages)

    async def _keep_books(
        self,
        passages: Sequence[Passage],
        answers: Sequence[receiver_pb2.Answer | None],
        status: str,
        hops_ms: Mapping[str, float],
    ) -> None:
        """Count the frames, store a row each and, once they are committed, show them to who watches."""
        self._metrics.count(passages, status, hops_ms)
        times = {f"{hop}_ms": duration_ms for hop, duration_ms in hops_ms.items()}
        rows = [
            {**_row(passage, answer), **times, "status": status}
            for passage, answer in zip(passages, answers, strict=True)
        ]
        await self._store.add(rows)
        self._feed.publish(passages, answers, status)


def _row(passage: Passage, answer: receiver_pb2.Answer | None) -> dict[str, Any]:
    """What the store keeps of one instance, its outcome and later hops apart."""
    frame, state = passage.received.frame, passage.received.state
    return {
        "instance_id": frame.instance_id,
        "task": frame.task,
        "system": frame.system,
        **{name: getattr(state, name) for name in ("link", "channel", "fading", "csi", "noise_variance")},
        **{
            name: getattr(state, name) for name in ("requested_snr_db", "realised_snr_db", "network_delay_ms")
        },
        "post_equalisation_snr_db": answer.post_equalisation_snr_db if answer else None,
        "k_factor_db": state.k_factor_db if state.HasField("k_factor_db") else None,
        "seed": str(state.seed),
        "frame_number": str(state.frame_number),
        **passage.overhead._asdict(),
        "encode_ms": frame.encode_ms or None,
    }


def _results(
    passages: Sequence[Passage], answers: Iterable[receiver_pb2.Answer]
) -> list[channel_service_pb2.InstanceResult]:
    """One a frame, in order; those that arrived have the answers, in order."""
    remaining = iter(answers)
    return [_result(passage, None if passage.is_lost else next(remaining)) for passage in passages]


def _origin(context: Any) -> str:
    return f"grpc {unquote(context.peer())}"


def _result(passage: Passage, answer: receiver_pb2.Answer | None) -> channel_service_pb2.InstanceResult:
    state = frame_pb2.ChannelState()
    state.CopyFrom(passage.received.state)
    state.ClearField("gains")
    state.ClearField("received_pilots")
    return channel_service_pb2.InstanceResult(
        answer=answer, state=state, overhead=passage.overhead.to_proto()
    )


async def _uncancelled(work: Coroutine[Any, Any, list[Passage]]) -> list[Passage]:
    """What a thread makes, though its caller gives up meanwhile; that takes hold where he next waits.

    The thread cannot be stopped: its frames take their numbers, and have used the channel all the same.
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


async def _wait_for_network(passages: Sequence[Passage]) -> None:
    """Let the time pass that the link's network takes; none where it takes none."""
    if delay_s := network_delay_s(passages):
        await asyncio.sleep(delay_s)


def _ms_since(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)
