"""The benches can fail: a lost or doubled instance, a wrong status, a late answer and a leak are seen."""

import asyncio
import random
import time

import pytest

pytest.importorskip("pandas", reason="the extra bench is not installed")
pytest.importorskip("psutil", reason="the extra bench is not installed")

import pandas as pd

from bench import channel, faults, hostile_grpc, long_run
from bench.load import audit
from protos.semcom.v1 import receiver_pb2


class StubClient:
    def __init__(self, rows):
        self.rows = rows

    def report(self, kind, **query):
        return [dict(zip(("instance_id", "frame_number", "status"), row, strict=True)) for row in self.rows]


class CountingStub:
    num_calls = 0

    async def Propagate(self, request):
        await asyncio.sleep(0.001)
        self.num_calls += 1


def outcomes(*rows):
    frame = pd.DataFrame(rows, columns=["frame_number", "status", "started_s", "duration_s"])
    return frame.assign(name="mfmsc vqa", instance_id=[f"id{number}" for number in frame.frame_number])


@pytest.mark.parametrize(
    ("rows", "missing", "twice"),
    [
        ([("id1", 1, "OK"), ("id2", 2, "OK")], 0, 0),
        ([("id1", 1, "OK"), ("id3", 3, "FrameLost")], 1, 0),
        ([("id1", 1, "OK"), ("id2", 2, "DeadlineExceeded")], 1, 0),
        ([("id1", 1, "OK"), ("id2", 2, "OK"), ("other", 2, "OK")], 0, 1),
        ([("id1", 1, "OK"), ("id1", 1, "OK"), ("id2", 2, "OK")], 1, 1),
    ],
    ids=["clean", "lost", "failed", "tried twice", "stored twice"],
)
def test_the_store_is_held_against_the_answers(rows, missing, twice):
    sent = outcomes((1, 200, 0, 1), (2, 200, 0, 1), (3, 503, 0, 1))
    expected = {"num_acknowledged": 2, "num_missing": missing, "num_twice": twice}
    assert audit(sent, StubClient(rows)) == expected


@pytest.mark.parametrize(
    ("service", "last", "goals"),
    [
        ("receiver", (4, 200, 4.5, 0.5), [True, True, True]),
        ("receiver", (4, 0, 3.0, 0.5), [False, True, True]),
        ("transmitter", (4, 0, 3.0, 0.5), [True, True, True]),
        ("transmitter", (4, 500, 3.0, 0.5), [False, True, True]),
        ("receiver", (4, 504, 3.0, 5.6), [True, False, True]),
        ("transmitter", (4, 504, 3.0, 5.6), [True, True, True]),
        ("receiver", (4, 503, 9.0, 0.5), [True, True, False]),
    ],
)
def test_wrong_statuses_late_answers_and_slow_recovery_are_seen(service, last, goals):
    sent = outcomes((1, 200, 0.0, 0.1), (2, 503, 1.0, 0.1), (3, 200, 4.1, 0.5), last)
    row = faults._summarise(sent, began_s=1.0, returned_s=4.0, is_edge=service == "transmitter")
    stored = {"num_acknowledged": 2, "num_missing": 0, "num_twice": 0}
    judged = list(faults._judge([{"service": service, "fault": "killed", **row, "stored": stored}]))
    assert [is_met for _, _, is_met in judged] == [*goals, True]


def test_a_leak_is_seen_through_peaks():
    numbers = range(0, 20_000, 50)
    peaks = [300 * random.Random(number).randrange(2) for number in numbers]
    leaking = [1500 + 3 * number / 1000 + peak for number, peak in zip(numbers, peaks, strict=True)]
    memory = pd.DataFrame({"num_answered": numbers, "leaking": leaking, "flat": 9.0})
    slopes = long_run.slopes(memory)
    assert slopes["leaking"]["mib_per_1000"] == pytest.approx(3, abs=0.2)
    assert slopes["flat"]["mib_per_1000"] == 0
    assert long_run.slopes(memory[:1]) == {}


def test_messages_are_spoiled_deep_inside_and_the_same_seed_spoils_alike():
    (method,) = (
        own
        for own in receiver_pb2.DESCRIPTOR.services_by_name["ReceiverService"].methods
        if own.name == "Decode"
    )
    frames = [{"task": "vqa", "system": "mfmsc", "fingerprint": "0" * 16}]
    valid = hostile_grpc.valid_message(receiver_pb2.DecodeRequest(), frames[0], random.Random(0))
    assert valid.frames[0].frame.task == "vqa"
    assert len(valid.frames[0].state.gains.data) > 0
    spoiled = [hostile_grpc._spoiled(method, frames, random.Random(seed))[1] for seed in range(50)]
    assert len(set(spoiled)) > 45
    assert spoiled == [hostile_grpc._spoiled(method, frames, random.Random(seed))[1] for seed in range(50)]


def test_every_call_of_concurrent_clients_is_counted_once(monkeypatch):
    monkeypatch.setattr(channel, "_SLICE_S", 0.05)
    stub = CountingStub()
    started = time.perf_counter()
    rate, durations_ms = asyncio.run(
        channel._send_for_a_slice([stub] * 8, channel._request(16, 1), channel._send_one)
    )
    assert stub.num_calls == len(durations_ms) > 8
    assert stub.num_calls / (time.perf_counter() - started) <= rate <= stub.num_calls / 0.05
