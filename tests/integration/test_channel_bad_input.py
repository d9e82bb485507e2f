"""Bad requests over real gRPC: the error names the field, nothing goes to the receiver, nothing is stored."""

import math

import grpc
import numpy as np
import pytest
from channel_harness import make_frame, unit_symbols

from protos.semcom.v1 import channel_service_pb2 as pb
from protos.semcom.v1 import frame_pb2
from shared.runtime.rpc_errors import from_rpc_error


def with_symbols(**fields) -> frame_pb2.Frame:
    frame = make_frame("a")
    for name, value in fields.items():
        if name == "shape":
            frame.symbols.shape[:] = value
        else:
            setattr(frame.symbols, name, value)
    return frame


def huge_int8() -> frame_pb2.Frame:
    frame = make_frame("a", encoding="int8")
    frame.symbols.scale = 3e38
    return frame


HUGE = np.full((1, 16), 3e38, np.complex64)
BAD_FRAMES = {
    "no frames": ([], "frames"),
    "too many frames": ([make_frame(str(i)) for i in range(4097)], "frames"),
    "more symbols than a request may carry": ([with_symbols(shape=[2**16, 2**6]), make_frame("b")], "frames"),
    "no instance_id": ([make_frame("")], "instance_id"),
    "long instance_id": ([make_frame("x" * 65)], "instance_id"),
    "an instance_id twice": ([make_frame("a"), make_frame("b"), make_frame("a")], "instance_id"),
    "no task": ([make_frame("a", task="")], "task"),
    "no system": ([make_frame("a", system="")], "system"),
    "source_bytes past 2^53": ([make_frame("a", source_bytes=2**64 - 1)], "source_bytes"),
    "num_source_values past 2^53": ([make_frame("a", num_source_values=2**63)], "num_source_values"),
    "encode_ms of NaN": ([make_frame("a", encode_ms=math.nan)], "encode_ms"),
    "negative encode_ms": ([make_frame("a", encode_ms=-1.0)], "encode_ms"),
    "no symbols": ([frame_pb2.Frame(instance_id="a", task="vqa", system="mfmsc")], "symbols.encoding"),
    "an encoding of a later version": ([with_symbols(encoding=9)], "symbols.encoding"),
    "flat shape": ([with_symbols(shape=[16])], "symbols.shape"),
    "empty shape": ([with_symbols(shape=[0, 16])], "symbols.shape"),
    "false shape": ([with_symbols(shape=[1, 15])], "symbols.data"),
    "too few bytes": ([with_symbols(data=b"\0" * 127)], "symbols.data"),
    "NaN": ([with_symbols(data=b"\xff" * 128)], "symbols.data"),
    "int8 without scale": ([with_symbols(encoding=3, data=b"\1" * 32)], "symbols.scale"),
    "no power": ([make_frame("a", np.zeros((1, 16), np.complex64))], "symbols"),
    "2 % too much power": ([make_frame("a", np.float32(1.01) * unit_symbols())], "symbols"),
    "power past float32": ([make_frame("a", HUGE)], "symbols"),
    "int8 past float32": ([huge_int8()], "symbols.data"),
    "one bad frame among good ones": ([make_frame("b"), with_symbols(shape=[4, 5])], "symbols.data"),
}
BAD_OVERRIDES = {
    "snr_db": [{"snr_db": math.nan}, {"snr_db": -31.0}],
    "channel": [{"channel": "vacuum"}],
    "fading": [{"fading": "slow"}],
    "csi": [{"csi": "half"}, {"csi": "estimated", "fading": "symbol"}],
    "k_factor_db": [{"k_factor_db": 50.0}],
    "num_pilots": [{"num_pilots": 0}, {"num_pilots": 2000}],
    "symbol_rate_hz": [{"symbol_rate_hz": 0.0}],
}


@pytest.mark.parametrize("method", ["Relay", "Propagate"])
async def test_a_bad_request_is_refused_with_its_field_and_changes_nothing(harness, method):
    cases = [(name, frames, {}, field) for name, (frames, field) in BAD_FRAMES.items()]
    cases += [
        (f"{field} {change}", [make_frame("a")], change, field)
        for field, changes in BAD_OVERRIDES.items()
        for change in changes
    ]
    request_class = getattr(pb, f"{method}Request")
    for name, frames, overrides, field in cases:
        request = request_class(frames=frames, overrides=pb.LinkSettings(**overrides))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(harness.stub, method)(request, timeout=20)
        assert caught.value.code() in (
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        ), name
        error = from_rpc_error(caught.value, "channel_service", "here", 1.0)
        assert error.field == field, name
        assert error.allowed, name
    assert not harness.receiver.got
    assert harness.store.overhead() == []
    # Refused requests take no frame numbers, so the first good frame is frame 0.
    good = await harness.stub.Propagate(pb.PropagateRequest(frames=[make_frame("good")]))
    assert good.frames[0].state.frame_number == 0


async def test_an_unknown_link_is_not_found(harness):
    for call, request in (
        (harness.stub.Relay, pb.RelayRequest(link="nowhere", frames=[make_frame("a")])),
        (harness.stub.Propagate, pb.PropagateRequest(link="nowhere", frames=[make_frame("a")])),
        (harness.stub.GetLink, pb.GetLinkRequest(name="nowhere")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(request)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        assert "default" in caught.value.details()


async def test_rounding_to_fewer_bits_is_within_the_allowed_power(harness):
    for encoding in ("float16", "int8"):
        for seed in range(20):
            frame = make_frame(f"{encoding}{seed}", unit_symbols((1, 16), seed), encoding)
            response = await harness.stub.Propagate(pb.PropagateRequest(frames=[frame]))
            assert len(response.frames) == 1
