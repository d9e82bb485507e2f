"""The receiver over real gRPC: its refusals keep their words, health and model are told."""

import asyncio

import grpc
import numpy as np
import pytest
from services import Services

from protos.semcom.v1 import frame_pb2, receiver_pb2, receiver_pb2_grpc
from shared.errors import InvalidField, TaskNotTrained, UnknownName, WeightsMismatch
from shared.runtime.rpc_errors import from_rpc_error
from shared.weights import load_manifest
from shared.wire import pack_symbols


@pytest.fixture(scope="module")
def channel(services):
    with grpc.insecure_channel(services.receiver_address) as channel:
        yield channel


@pytest.fixture(scope="module")
def model(tiny_weights):
    return load_manifest(tiny_weights / "mfmsc")


def _request(model, **changes):
    fields = {
        "instance_id": "one",
        "task": "sentiment",
        "system": model.system,
        "fingerprint": model.fingerprint,
        "symbols": pack_symbols(np.ones((1, 16), np.complex64)),
        **changes,
    }
    state = frame_pb2.ChannelState(csi="none", noise_variance=0.1)
    received = frame_pb2.ReceivedFrame(frame=frame_pb2.Frame(**fields), state=state)
    return receiver_pb2.DecodeRequest(frames=[received])


def test_a_good_frame_is_answered(channel, model):
    response = receiver_pb2_grpc.ReceiverServiceStub(channel).Decode(_request(model), timeout=10)
    (answer,) = response.answers
    assert answer.instance_id == "one"
    assert len(answer.scores) == 2


@pytest.mark.parametrize(
    ("changes", "status", "error", "field"),
    [
        ({"task": "poetry"}, grpc.StatusCode.NOT_FOUND, UnknownName, "task"),
        ({"system": "morse"}, grpc.StatusCode.NOT_FOUND, UnknownName, "system"),
        ({"fingerprint": "other"}, grpc.StatusCode.FAILED_PRECONDITION, WeightsMismatch, None),
        (
            {"symbols": pack_symbols(np.ones((1, 15), np.complex64))},
            grpc.StatusCode.INVALID_ARGUMENT,
            InvalidField,
            "symbols.shape",
        ),
        (
            {"symbols": frame_pb2.Symbols(data=b"\0" * 127, shape=[1, 16], encoding=1)},
            grpc.StatusCode.INVALID_ARGUMENT,
            InvalidField,
            "symbols.data",
        ),
    ],
)
def test_a_refusal_arrives_as_it_was_raised(services, model, changes, status, error, field):
    async def call():
        async with grpc.aio.insecure_channel(services.receiver_address) as channel:
            await receiver_pb2_grpc.ReceiverServiceStub(channel).Decode(
                _request(model, **changes), timeout=10
            )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(call())
    assert caught.value.code() == status
    rebuilt = from_rpc_error(caught.value, "receiver", services.receiver_address, 10)
    assert type(rebuilt) is error
    assert getattr(rebuilt, "field", None) == field


def test_without_weights_a_frame_is_told_how_to_train(tmp_path, model):
    with (
        Services(tmp_path / "none", tmp_path) as running,
        grpc.insecure_channel(running.receiver_address) as channel,
    ):
        with pytest.raises(grpc.RpcError) as caught:
            receiver_pb2_grpc.ReceiverServiceStub(channel).Decode(_request(model), timeout=10)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert str(TaskNotTrained("sentiment", "mfmsc", [])) == caught.value.details()
