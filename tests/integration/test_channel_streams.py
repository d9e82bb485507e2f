"""Streams of requests over real gRPC: draws and errors."""

import grpc
import pytest
from channel_harness import make_frame, unit_symbols

from channel_service.reports.queries import InstanceQuery
from protos.semcom.v1 import channel_service_pb2 as pb


def stored(harness) -> dict[str, str]:
    rows = harness.store.instances(InstanceQuery())
    names = [row["instance_id"] for row in rows]
    assert len(set(names)) == len(names)
    return {row["instance_id"]: row["status"] for row in rows}


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
    call = harness.stub.PropagateStream([pb.PropagateRequest(frames=[frame]) for frame in frames])
    answered = []

    async def read_all():
        async for response in call:
            answered.append(response.frames[0].frame.instance_id)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_all()
    assert answered == ["a", "b"]
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "source_bytes" in caught.value.details()
