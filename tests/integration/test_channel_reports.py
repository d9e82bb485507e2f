"""Reports over gRPC: groups and filters as over HTTP, errors that name the field."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from channel_harness import make_frame, unit_symbols
from google.protobuf.timestamp_pb2 import Timestamp

from protos.semcom.v1 import channel_service_pb2 as pb
from shared.errors import from_rpc_error


async def relay_some(stub) -> None:
    """Relay six frames of vqa over AWGN at 0 to 5 dB, and one longer of sentiment over Rayleigh at 5 dB."""
    for snr_db in range(6):
        overrides = pb.LinkSettings(snr_db=float(snr_db))
        await stub.Relay(pb.RelayRequest(frames=[make_frame(str(snr_db))], overrides=overrides))
    overrides = pb.LinkSettings(snr_db=5.0, channel="rayleigh")
    frames = [make_frame("long", unit_symbols((2, 16)), task="sentiment")]
    await stub.Relay(pb.RelayRequest(frames=frames, overrides=overrides))


async def test_groups_and_filters(harness):
    await relay_some(harness.stub)

    async def overhead(**fields) -> list:
        return list((await harness.stub.GetOverheadReport(pb.GetReportRequest(**fields))).rows)

    by_default = await overhead()
    assert [(row.task, row.num_instances, row.channel_uses) for row in by_default] == [
        ("sentiment", 1, 32),
        ("vqa", 6, 16),
    ]
    assert all(row.wire_bytes > row.message_bytes > row.payload_bytes for row in by_default)

    grouped = await overhead(group_by=["task", "channel", "snr_bin"], snr_bin_db=3.0)
    assert [(row.task, dict(row.group), row.num_instances) for row in grouped] == [
        ("sentiment", {"channel": "rayleigh", "snr_bin": "3.0"}, 1),
        ("vqa", {"channel": "awgn", "snr_bin": "0.0"}, 3),
        ("vqa", {"channel": "awgn", "snr_bin": "3.0"}, 3),
    ]
    (narrow,) = await overhead(task="vqa", min_snr_db=1.0, max_snr_db=2.0)
    assert narrow.num_instances == 2

    later = Timestamp()
    later.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    assert await overhead(since=later) == []
    assert len(await overhead(until=later)) == 2

    request = pb.GetReportRequest(group_by=["channel"], status="OK")
    latency = (await harness.stub.GetLatencyReport(request)).rows
    decode = {row.group["channel"]: row for row in latency if row.hop == "decode"}
    assert {name: row.num_instances for name, row in decode.items()} == {"awgn": 6, "rayleigh": 1}
    assert decode["awgn"].p99_ms == 0.5


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"group_by": ["colour"]}, "group_by"),
        ({"snr_bin_db": 0.0}, "snr_bin_db"),
        ({"min_snr_db": float("nan")}, "min_snr_db"),
        ({"since": Timestamp(seconds=2**62)}, "since"),
    ],
)
async def test_a_bad_query_is_refused_with_its_field(harness, fields, named):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await harness.stub.GetOverheadReport(pb.GetReportRequest(**fields))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    error = from_rpc_error(caught.value, "channel_service", "here", 1.0)
    assert error.field == named
    assert error.allowed
