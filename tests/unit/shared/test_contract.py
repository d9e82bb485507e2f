"""Errors, ledger, tables and decibels."""

from __future__ import annotations

import math

import grpc
import numpy as np
import pytest

from protos.semcom.v1 import frame_pb2
from shared import errors
from shared.ledger import overhead_of, request_wire_bytes, wire_shares
from shared.runtime import rpc_errors
from shared.signal import linear_to_db, noise_variance_from_snr_db
from shared.tasks import get_task
from shared.wire import pack_symbols
from systems.layers.profiles import get_profile
from systems.registry import get_system


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidField("snr_db", float("nan"), "-30 to 60"),
        errors.UnknownName("task", "x", "vqa"),
        errors.WeightsMismatch("a", "b"),
        errors.TaskNotTrained("vqa", "mfmsc", []),
    ],
)
def test_an_error_crosses_grpc_whole(error: errors.SemcomError) -> None:
    trailer = grpc.aio.Metadata(*rpc_errors.to_trailer(error))
    raised = grpc.aio.AioRpcError(rpc_errors.status_code(error), grpc.aio.Metadata(), trailer, details="")
    rebuilt = rpc_errors.from_rpc_error(raised, "receiver", "host:1", 1.0)
    assert type(rebuilt) is type(error)
    assert rebuilt.to_dict() == error.to_dict()
    assert str(rebuilt) == str(error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.ServiceUnavailable),
        (grpc.StatusCode.CANCELLED, errors.ServiceUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.TooLarge),
        (grpc.StatusCode.INTERNAL, errors.SemcomError),
    ],
)
def test_bare_statuses(code: grpc.StatusCode, kind: type[errors.SemcomError]) -> None:
    raised = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="too big")
    assert type(rpc_errors.from_rpc_error(raised, "receiver", "host:1", 1.0)) is kind


def test_ledger_of_a_fused_instance_is_the_papers() -> None:
    symbols = pack_symbols(np.ones((1, 16), dtype=np.complex64))
    frame = frame_pb2.Frame(task="vqa", symbols=symbols, source_bytes=400, num_source_values=12_300)
    cost = overhead_of(frame, num_pilots=4, symbol_rate_hz=1e6, wire_bytes=240)
    assert (cost.channel_uses, cost.real_values, cost.payload_bytes) == (16, 32, 128)
    assert cost.airtime_ms == pytest.approx(0.020)
    assert cost.bandwidth_ratio == pytest.approx(16 / 12_300)
    assert cost.message_bytes == frame.ByteSize() > 128
    assert (cost.information_bits, cost.coded_bits, cost.num_blocks, cost.code_rate) == (0, 0, 0, 0.0)


def test_ledger_of_a_coded_instance_states_its_bits_beside_the_papers_counting() -> None:
    symbols = pack_symbols(np.ones((1, 972), dtype=np.complex64))
    frame = frame_pb2.Frame(symbols=symbols, information_bits=800, coded_bits=1944, num_blocks=1)
    cost = overhead_of(frame, num_pilots=0, symbol_rate_hz=1e6, wire_bytes=8000)
    assert (cost.payload_bytes, cost.real_values) == (8 * 972, 2 * 972)
    assert (cost.information_bits, cost.coded_bits, cost.num_blocks) == (800, 1944, 1)
    assert cost.code_rate == pytest.approx(800 / 1944)


def test_snr_is_es_over_n0() -> None:
    assert noise_variance_from_snr_db(10.0) == pytest.approx(0.1)
    assert linear_to_db(100.0) == pytest.approx(20.0)
    assert linear_to_db(0.0) == -math.inf


@pytest.mark.parametrize("get", [get_task, get_system, get_profile])
def test_unknown_names_say_what_there_is(get: object) -> None:
    with pytest.raises(errors.UnknownName, match="allowed: .+"):
        get("nonsense")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("message_bytes", "num_frames"), [(0, 1), (16_384 - 5, 1), (16_384 - 4, 2), (1_280_200, 79)]
)
def test_a_message_on_the_wire_is_its_length_prefix_and_http2_frames(message_bytes, num_frames) -> None:
    assert request_wire_bytes(message_bytes) == 5 + message_bytes + 9 * num_frames


def test_shares_of_a_request_add_up_to_it() -> None:
    shares = wire_shares(1000, [200, 300, 400])
    assert shares == [200 + 38, 300 + 38, 400 + 38]
    assert wire_shares(902, [200, 300, 400]) == [206, 305, 405]
    assert sum(shares) == request_wire_bytes(1000)
