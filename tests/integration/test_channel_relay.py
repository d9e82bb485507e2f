"""Relay over real gRPC: what the receiver gets, what is stored, and what happens after a failure."""

import asyncio
import math

import grpc
import numpy as np
import pytest
from channel_harness import channel_service, make_frame, refusal, unit_symbols

from channel_service.radio.channels import Channel, apply, draw
from channel_service.reports.instances import INSTANCES
from channel_service.reports.queries import ReportQuery
from protos.semcom.v1 import channel_service_pb2 as pb
from protos.semcom.v1 import receiver_pb2
from shared.errors import TaskNotTrained, WeightsMismatch
from shared.runtime.rpc_errors import from_rpc_error
from shared.wire import unpack_symbols


def stored(harness) -> list:
    with harness.store._engine.connect() as connection:
        return list(connection.execute(INSTANCES.select().order_by(INSTANCES.c.instance_id)))


def settings(**fields) -> pb.LinkSettings:
    return pb.LinkSettings(**fields)


def rebuilt(error: grpc.aio.AioRpcError):
    return from_rpc_error(error, "channel_service", "here", 1.0)


async def test_the_receiver_gets_the_symbols_after_the_channel_and_the_caller_the_cost(harness):
    x = unit_symbols()
    request = pb.RelayRequest(
        overrides=settings(channel="rayleigh", snr_db=3.0, seed=5),
        frames=[make_frame("a", x, frame_number=9, encode_ms=2.5)],
    )
    response = await harness.stub.Relay(request)

    (received,) = harness.receiver.got[0].frames
    drawn = draw(Channel("rayleigh", snr_db=3.0, seed=5), 9, (1, 16))
    y, realised_snr_db = apply(x, drawn)
    np.testing.assert_array_equal(unpack_symbols(received.frame.symbols), y)
    np.testing.assert_array_equal(unpack_symbols(received.state.gains), drawn.gains)
    assert received.frame.fingerprint == "f00d"

    (result,) = response.results
    assert result.answer.instance_id == "a"
    state = result.state
    assert (state.link, state.channel, state.frame_number, state.seed) == (
        "default",
        "rayleigh",
        9,
        5,
    )
    assert (state.requested_snr_db, state.realised_snr_db) == (3.0, realised_snr_db)
    assert not (state.HasField("gains"))
    assert not (state.HasField("k_factor_db"))
    assert (result.overhead.channel_uses, result.overhead.payload_bytes) == (16, 128)
    assert result.overhead.message_bytes == request.frames[0].ByteSize()
    times = response.timings
    assert times.decode_ms == 0.5
    assert times.residence_ms >= times.channel_ms + times.downlink_ms + times.decode_ms > 0.5

    (row,) = stored(harness)
    assert (row.instance_id, row.status, row.frame_number, row.seed) == ("a", "OK", "9", "5")
    assert (row.payload_bytes, row.encode_ms, row.decode_ms) == (128, 2.5, 0.5)
    assert (row.realised_snr_db, row.k_factor_db) == (realised_snr_db, None)


async def test_int8_symbols_are_counted_as_sent_and_relayed_as_float32(harness):
    response = await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a", encoding="int8")]))
    assert response.results[0].overhead.payload_bytes == 32
    assert len(harness.receiver.got[0].frames[0].frame.symbols.data) == 128


async def test_estimated_csi_sends_pilots_that_count_and_no_gains(harness):
    overrides = settings(channel="rician", csi="estimated", num_pilots=8, k_factor_db=3.0, symbol_rate_hz=1e3)
    response = await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")], overrides=overrides))
    state = harness.receiver.got[0].frames[0].state
    assert not state.HasField("gains")
    assert list(state.received_pilots.shape) == [1, 8]
    overhead = response.results[0].overhead
    assert (overhead.num_pilots, overhead.channel_uses, overhead.airtime_ms) == (8, 16, 24.0)
    assert response.results[0].state.k_factor_db == 3.0
    none = await harness.stub.Propagate(
        pb.PropagateRequest(frames=[make_frame("b")], overrides=settings(csi="none"))
    )
    state = none.frames[0].state
    assert not (state.HasField("gains"))
    assert not (state.HasField("received_pilots"))


@pytest.mark.parametrize(
    "raised", [WeightsMismatch("f00d", "beef"), TaskNotTrained("vqa", "mfmsc", ["sentiment"])]
)
async def test_the_receivers_errors_reach_the_caller_unchanged_and_are_stored(harness, raised):
    def refuse(request):
        raise raised

    harness.receiver.decode = refuse
    error = await refusal(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")])))
    assert error.code().name == raised.grpc_status
    assert rebuilt(error).to_dict() == raised.to_dict()
    assert len(harness.receiver.got) == 1
    assert [row.status for row in stored(harness)] == [type(raised).__name__]
    (row,) = harness.store.overhead()
    assert (row["num_instances"], row["num_failed"]) == (1, 1)


async def test_a_receiver_that_is_down_is_unavailable_and_stored(harness):
    await harness.stop_receiver()
    error = await refusal(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")])))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert rebuilt(error).service == "receiver"
    assert harness.receiver_address in error.details()
    assert [row.status for row in stored(harness)] == ["ServiceUnavailable"]


async def test_a_receiver_that_is_late_exceeds_the_deadline_and_is_stored(tmp_path):
    async with channel_service(tmp_path, timeout_s=0.2) as harness:
        harness.receiver.decode = lambda request: asyncio.sleep(5)
        error = await refusal(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")])))
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert [row.status for row in stored(harness)] == ["DeadlineExceeded"]


async def test_a_receiver_that_skips_frames_gives_an_error(harness):
    harness.receiver.decode = lambda request: receiver_pb2.DecodeResponse()
    error = await refusal(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")])))
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "0 answers to 1 frames" in error.details()
    assert [row.status for row in stored(harness)] == ["SemcomError"]


async def test_a_call_that_is_cancelled_is_stored_and_harms_no_other_caller(harness):
    async def refusal_of_cancelled(call):
        with pytest.raises(asyncio.CancelledError):
            await call

    reached, release = asyncio.Event(), asyncio.Event()

    async def slow(request):
        reached.set()
        await release.wait()
        return receiver_pb2.DecodeResponse()

    harness.receiver.decode = slow
    call = harness.stub.Relay(pb.RelayRequest(frames=[make_frame("gone")]))
    waiting = asyncio.ensure_future(refusal_of_cancelled(call))
    await reached.wait()
    call.cancel()
    await waiting
    for _ in range(100):
        if stored(harness):
            break
        await asyncio.sleep(0.02)
    # Only now may the receiver answer: before it, the answer could overtake the cancellation.
    release.set()
    assert [(row.instance_id, row.status) for row in stored(harness)] == [("gone", "CancelledError")]


async def test_an_instance_is_relayed_once(harness):
    await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")]))
    error = await refusal(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")])))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert rebuilt(error).field == "instance_id"
    assert len(stored(harness)) == 1


async def test_completed_instances_are_in_the_latency_report(harness):
    frames = [make_frame(name, encode_ms=10) for name in ("a", "b")]
    response = await harness.stub.Relay(pb.RelayRequest(frames=frames))
    total_ms = 10 + 1 + response.timings.residence_ms
    instances = [
        pb.InstanceTimings(instance_id=name, uplink_ms=1, total_ms=total_ms) for name in ("a", "b", "unknown")
    ]
    completed = await harness.stub.CompleteInstances(pb.CompleteInstancesRequest(instances=instances))
    assert completed.num_completed == 2
    rows = harness.store.latency(ReportQuery(task="vqa"))
    means = {row["hop"]: row["mean_ms"] for row in rows}
    assert {row["num_instances"] for row in rows} == {2}
    assert means["total"] == pytest.approx(sum(means.values()) - means["total"])
    assert means["channel"] >= response.timings.channel_ms
    for wrong in (math.nan, math.inf, -1.0):
        instances = [pb.InstanceTimings(instance_id="a", uplink_ms=wrong)]
        error = await refusal(
            harness.stub.CompleteInstances(pb.CompleteInstancesRequest(instances=instances))
        )
        assert rebuilt(error).field == "uplink_ms"


async def test_metrics_count_frames_and_keep_unknown_names_out_of_labels(harness):
    frames = [make_frame("a"), make_frame("b", task="no-such-task")]
    await harness.stub.Relay(pb.RelayRequest(frames=frames))
    value = harness.metrics.registry.get_sample_value
    labels = {"system": "mfmsc", "channel": "awgn", "status": "OK"}
    assert value("semcom_channel_frames_total", {"task": "vqa", **labels}) == 1
    assert value("semcom_channel_frames_total", {"task": "unknown", **labels}) == 1
    assert value("semcom_channel_uses_total", {"task": "vqa", "system": "mfmsc"}) == 16
    assert value("semcom_channel_payload_bytes_total", {"task": "vqa", "system": "mfmsc"}) == 128
    assert value("semcom_channel_hop_duration_seconds_count", {"hop": "decode"}) == 1
