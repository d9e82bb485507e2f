"""Spoiled bytes and messages differ from what they were, and the same source spoils them the same way."""

import random

from experiments.reliability.hostile_grpc import channel_calls, receiver_calls, spoil, valid_frames
from experiments.reliability.mutations import MUTATIONS, mutate_bytes, mutate_fields
from protos.semcom.v1 import receiver_pb2

MODEL = receiver_pb2.Model(system="mfmsc", fingerprint="0" * 16, tasks=["vqa", "sentiment"])


def test_every_way_of_spoiling_bytes_is_taken_and_changes_them():
    data = bytes(range(1, 200))
    spoiled = [mutate_bytes(data, random.Random(seed)) for seed in range(200)]
    assert {kind for kind, _ in spoiled} == set(MUTATIONS)
    assert sum(content != data for _, content in spoiled) > 190
    assert spoiled == [mutate_bytes(data, random.Random(seed)) for seed in range(200)]


def test_empty_bytes_get_some():
    kind, content = mutate_bytes(b"", random.Random(0))
    assert kind == "inserted bytes"
    assert content


def test_fields_are_set_deep_inside():
    (frame, _) = valid_frames([MODEL])
    names = set()
    for seed in range(200):
        message = receiver_pb2.DecodeRequest(frames=[receiver_pb2.DecodeRequest().frames.add(frame=frame)])
        names |= set(mutate_fields(message, random.Random(seed)).split(", "))
    assert {"instance_id", "encoding", "shape", "data", "scale", "frame_number"} <= names


def test_every_call_can_be_spoiled_in_every_way():
    frames = valid_frames([MODEL])
    for call in [*channel_calls(frames), *receiver_calls(frames)]:
        before = call.message.SerializeToString()
        spoiled = [spoil(call, random.Random(seed))[2] for seed in range(30)]
        assert any(content != before for content in spoiled), call.method
        assert call.message.SerializeToString() == before, "the message itself was spoiled"
