"""Streams of requests over real gRPC: order, frame numbers, errors, and callers that cancel."""

import asyncio

import grpc
import pytest
from channel_harness import answer_all, make_frame, unit_symbols

from channel_service.relay.streams import MAX_CONCURRENT
from channel_service.reports.queries import InstanceQuery
from protos.semcom.v1 import channel_service_pb2 as pb
from protos.semcom.v1 import receiver_pb2


def stored(harness) -> dict[str, str]:
    rows = harness.store.instances(InstanceQuery())
    names = [row["instance_id"] for row in rows]
    assert len(set(names)) == len(names)
    return {row["instance_id"]: row["status"] for row in rows}


async def test_a_stream_is_answered_in_order_even_where_a_later_request_is_ready_first(harness):
    first_may_go = asyncio.Event()

    async def decode(request: receiver_pb2.DecodeRequest) -> receiver_pb2.DecodeResponse:
        if request.frames[0].frame.instance_id == "0":
            await first_may_go.wait()
        elif request.frames[0].frame.instance_id == "9":
            first_may_go.set()
        return answer_all(request)

    harness.receiver.decode = decode
    requests = [pb.RelayRequest(frames=[make_frame(str(number))]) for number in range(200)]
    responses = [response async for response in harness.stub.RelayStream(requests)]
    results = [result for response in responses for result in response.results]
    assert [result.answer.instance_id for result in results] == [str(n) for n in range(200)]
    assert [result.state.frame_number for result in results] == list(range(200))
    assert stored(harness) == {str(number): "OK" for number in range(200)}


async def test_streamed_frames_have_the_draws_of_single_requests(harness):
    overrides = pb.LinkSettings(channel="rayleigh", fading="symbol", seed=5)
    requests = [
        pb.PropagateRequest(
            frames=[make_frame(str(i), unit_symbols((1, size)), frame_number=i)], overrides=overrides
        )
        for i, size in enumerate((16, 40_000, 1, 1600))
    ]
    streamed = [response async for response in harness.stub.PropagateStream(requests)]
    assert streamed == [await harness.stub.Propagate(request) for request in requests]
    assert stored(harness) == {}


async def test_a_refused_request_ends_the_stream_after_the_answers_to_earlier_requests(harness):
    frames = [make_frame("a"), make_frame("b"), make_frame("c", source_bytes=2**60), make_frame("d")]
    call = harness.stub.RelayStream([pb.RelayRequest(frames=[frame]) for frame in frames])
    answered = []

    async def read_all():
        async for response in call:
            answered.append(response.results[0].answer.instance_id)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_all()
    assert answered == ["a", "b"]
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "source_bytes" in caught.value.details()
    assert {name: stored(harness)[name] for name in "ab"} == {"a": "OK", "b": "OK"}
    assert "c" not in stored(harness)


async def test_after_a_caller_cancels_a_stream_no_request_is_in_progress_and_its_rows_are_stored(harness):
    reached = asyncio.Event()

    async def never(request: receiver_pb2.DecodeRequest) -> receiver_pb2.DecodeResponse:
        if len(harness.receiver.got) == MAX_CONCURRENT:
            reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    harness.receiver.decode = never
    requests = [pb.RelayRequest(frames=[make_frame(str(number))]) for number in range(3 * MAX_CONCURRENT)]
    call = harness.stub.RelayStream(requests)
    reading = asyncio.ensure_future(call.read())
    await asyncio.wait_for(reached.wait(), 10)
    call.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    for _ in range(200):
        if len(stored(harness)) == MAX_CONCURRENT:
            break
        await asyncio.sleep(0.02)
    # No more requests had been read than can be in progress.
    assert list(stored(harness).values()) == ["CancelledError"] * MAX_CONCURRENT
    await harness.stub.Propagate(pb.PropagateRequest(frames=[make_frame("next")]))
