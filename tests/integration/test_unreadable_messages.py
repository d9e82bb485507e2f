"""Bytes that are no message: the caller's fault, in calls of one message and in streams."""

import grpc
import pytest
from channel_harness import make_frame

from protos.semcom.v1 import channel_service_pb2 as pb

SERVICE = "/semcom.v1.ChannelService/"
CUT_SHORT = pb.RelayRequest(frames=[make_frame("a")]).SerializeToString()[:-3]
NO_UTF8 = b"\x0a\x02\xff\xfe"  # link, two bytes


async def call_with(channel, method: str, content: bytes) -> None:
    if method.endswith("Stream"):
        async for _ in channel.stream_stream(SERVICE + method)(iter([content]), timeout=10):
            pass
    else:
        await channel.unary_unary(SERVICE + method)(content, timeout=10)


@pytest.mark.parametrize("content", [CUT_SHORT, NO_UTF8], ids=["cut short", "no UTF-8"])
@pytest.mark.parametrize("method", ["Relay", "Propagate", "PropagateStream"])
async def test_bytes_that_are_no_message_are_invalid(harness, method, content):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{harness.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call_with(channel, method, content)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert SERVICE + method in caught.value.details()
    assert not harness.receiver.got
