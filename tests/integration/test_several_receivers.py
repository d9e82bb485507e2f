"""Two receivers behind one address: they share the calls, and one of them may die."""

import asyncio
from collections import Counter

import pytest

from channel_service.relay.receiver_client import ReceiverClient
from protos.semcom.v1 import frame_pb2, receiver_pb2, receiver_pb2_grpc
from shared.runtime.access import OPEN
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS, bind, build_server, running

pytestmark = pytest.mark.integration
NAME = "semcom.v1.ReceiverService"
NUM_CALLS = 40


class Receiver(receiver_pb2_grpc.ReceiverServiceServicer):
    """Answers every frame, and says who it is by its time."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def Decode(self, request, context):
        answers = [receiver_pb2.Answer() for _ in request.frames]
        return receiver_pb2.DecodeResponse(answers=answers, decode_ms=self.number)


async def start(number: int):
    server, checks = build_server((NAME,))
    receiver_pb2_grpc.add_ReceiverServiceServicer_to_server(Receiver(number), server)
    port = bind(server, "127.0.0.1", 0, OPEN, "SEMCOM_RECEIVER_GRPC_PORT")
    return server, running(server, checks, (NAME,)), port


async def who_answers(client: ReceiverClient) -> Counter[int]:
    request = receiver_pb2.DecodeRequest(frames=[frame_pb2.ReceivedFrame()])
    return Counter([(await client.decode(request)).decode_ms for _ in range(NUM_CALLS)])


async def test_calls_are_shared_and_a_dead_receiver_costs_no_answer():
    first, first_running, first_port = await start(1)
    _, second_running, second_port = await start(2)
    address = f"ipv4:127.0.0.1:{first_port},127.0.0.1:{second_port}"
    async with second_running, first_running, OPEN.open_channel(address, CHANNEL_OPTIONS) as channel:
        client = ReceiverClient(channel, address, 5.0)
        for _ in range(100):  # until both connections stand
            if len(await who_answers(client)) == 2:
                break
            await asyncio.sleep(0.02)
        both = await who_answers(client)
        await first.stop(None)
        both, one = both, await who_answers(client)
    assert both == {1: NUM_CALLS / 2, 2: NUM_CALLS / 2}
    assert one == {2: NUM_CALLS}
