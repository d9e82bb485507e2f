"""A bare gRPC echo: what `bench.channel` holds the channel service against.

`python -m bench.echo ADDRESS` answers semcom.v1.ChannelService/Propagate with the request itself: the
same messages over the same server, and nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc

from protos.semcom.v1 import channel_service_pb2
from shared.wire import MAX_MESSAGE_BYTES

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]


async def _echo(request: channel_service_pb2.PropagateRequest, context: Any) -> Any:
    return request


async def serve(address: str) -> None:
    """Echo at "host:port" until the process ends."""
    handler = grpc.unary_unary_rpc_method_handler(
        _echo,
        channel_service_pb2.PropagateRequest.FromString,
        channel_service_pb2.PropagateRequest.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler("semcom.v1.ChannelService", {"Propagate": handler})
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
