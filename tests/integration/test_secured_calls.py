"""Callers without the right token or certificate are refused, over real gRPC and real HTTPS."""

import asyncio
import ssl

import grpc
import pytest
import trustme
from http_harness import http_server
from prometheus_client import CollectorRegistry

from protos.semcom.v1 import receiver_pb2, receiver_pb2_grpc
from receiver.api import build_api
from shared.errors import Unauthenticated
from shared.runtime.access import OPEN, Access
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS, bind, build_server, running
from shared.runtime.rpc_errors import from_rpc_error

pytestmark = pytest.mark.integration
TOKEN = "a-token-of-a-class-2026"
NAME = "semcom.v1.ReceiverService"


class Receiver(receiver_pb2_grpc.ReceiverServiceServicer):
    """Answers no frames: whether it is reached is all that is looked at."""

    async def Decode(self, request, context):
        return receiver_pb2.DecodeResponse(decode_ms=7.0)


def identity(
    folder, authority: trustme.CA, name: str, *, mutual: bool = True, token: str | None = None
) -> Access:
    """Access of a service with a certificate of its own."""
    certificate = authority.issue_cert("127.0.0.1")
    paths = [folder / f"{name}-{part}.pem" for part in ("certificate", "key", "authority")]
    certificate.cert_chain_pems[0].write_to_path(paths[0])
    certificate.private_key_pem.write_to_path(paths[1])
    authority.cert_pem.write_to_path(paths[2])
    return Access(token, paths[0], paths[1], paths[2] if mutual else None)


@pytest.fixture
def authority():
    return trustme.CA()


def call(server_access: Access, caller_access: Access) -> float:
    """One Decode from a caller to a server; what the server said, or the caller's error."""

    async def serve_and_call() -> float:
        server, checks = build_server((NAME,), server_access)
        receiver_pb2_grpc.add_ReceiverServiceServicer_to_server(Receiver(), server)
        port = bind(server, "127.0.0.1", 0, server_access, "SEMCOM_RECEIVER_GRPC_PORT")
        async with (
            running(server, checks, (NAME,)),
            caller_access.open_channel(f"127.0.0.1:{port}", CHANNEL_OPTIONS) as channel,
        ):
            stub = receiver_pb2_grpc.ReceiverServiceStub(channel)
            return (await stub.Decode(receiver_pb2.DecodeRequest(), timeout=5.0)).decode_ms

    return asyncio.run(serve_and_call())


def test_the_right_token_over_plain_grpc():
    assert call(Access(TOKEN), Access(TOKEN)) == 7.0


@pytest.mark.parametrize("token", [None, "another-token-of-a-class", TOKEN + "2"])
def test_without_the_right_token(token):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call(Access(TOKEN), Access(token))
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    error = from_rpc_error(caught.value, "receiver", "127.0.0.1", 5.0)
    assert isinstance(error, Unauthenticated)
    assert TOKEN not in error.message


def test_both_sides_certified(tmp_path, authority):
    served = identity(tmp_path, authority, "server", token=TOKEN)
    assert call(served, identity(tmp_path, authority, "caller", token=TOKEN)) == 7.0


def test_certified_without_the_token(tmp_path, authority):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call(identity(tmp_path, authority, "server", token=TOKEN), identity(tmp_path, authority, "caller"))
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_caller_of_another_authority(tmp_path, authority):
    stranger = identity(tmp_path, trustme.CA(), "stranger")
    trusting = Access(None, stranger.certificate, stranger.key, identity(tmp_path, authority, "a").authority)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call(identity(tmp_path, authority, "server"), trusting)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_server_of_another_authority(tmp_path, authority):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call(
            identity(tmp_path, trustme.CA(), "server", mutual=False), identity(tmp_path, authority, "caller")
        )
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_plain_caller_of_a_server_with_tls(tmp_path, authority):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call(identity(tmp_path, authority, "server"), OPEN)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_the_http_edge_speaks_tls_and_asks_for_the_token(tmp_path, authority):
    access = identity(tmp_path, authority, "server", token=TOKEN)
    stop = asyncio.Event()
    app = build_api({}, tmp_path, CollectorRegistry(), access)
    verify = ssl.create_default_context(cafile=str(access.authority))
    secured = http_server(app, stop, scheme="https", verify=verify, access=access)
    async with secured as (serving, client):
        right = {"Authorization": f"Bearer {TOKEN}"}
        answers = [
            await client.get("/healthz"),
            await client.get("/metrics"),
            await client.get("/metrics", headers=right),
        ]
    stop.set()
    await serving
    returned = [answer.status_code for answer in answers]
    assert returned == [200, 401, 200]
