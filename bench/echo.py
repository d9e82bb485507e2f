"""A bare gRPC echo: what `bench.channel` holds the channel service against.

`python -m bench.echo ADDRESS` answers semcom.v1.ChannelService/Propagate with the request itself: the same
messages over the same server, and nothing else.
"""

import asyncio
import sys
from typing import Any

import grpc

from protos.semcom.v1.channel_service_pb2 import PropagateRequest
from shared.wire import MAX_MESSAGE_BYTES

_LIMITS = [(f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("receive", "send")]


async def _echo(request: PropagateRequest, context: Any) -> Any:
    return request


async def serve(address: str) -> None:
    """Echo at "host:port" until the process ends."""
    methods = (PropagateRequest.FromString, PropagateRequest.SerializeToString)
    handler = grpc.unary_unary_rpc_method_handler(_echo, *methods)
    service = grpc.method_handlers_generic_handler("semcom.v1.ChannelService", {"Propagate": handler})
    server = grpc.aio.server(options=_LIMITS)
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
