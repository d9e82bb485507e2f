"""The receiver's service with a small real system: checks, batches, order, the log line."""

import asyncio
import io
import json
import logging
import threading

import numpy as np
import pytest
from PIL import Image
from prometheus_client import CollectorRegistry, generate_latest

from protos.semcom.v1 import frame_pb2, receiver_pb2
from receiver.service import MAX_FRAMES, ReceiverMetrics, ReceiverService
from shared.errors import InvalidField, TaskNotTrained, TooLarge, TooMany, UnknownName, WeightsMismatch
from shared.runtime.logs import _JsonFormatter
from shared.tasks import get_task
from shared.wire import pack_symbols
from systems.base import ReceiverSystem, TaskAnswer

FINGERPRINT = "f" * 16
PICTURE = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


class MeanSystem(ReceiverSystem):
    """Answers with the mean of the symbols, so that an answer tells its frame."""

    name, profile, fingerprint = "mfmsc", "tiny", FINGERPRINT
    tasks = ("sentiment", "vqa", "text_reconstruction", "image_reconstruction")

    def __init__(self):
        self.batches, self.threads = [], set()

    def decode(self, task, frames):
        self.batches.append((task, len(frames)))
        self.threads.add(threading.current_thread().name)
        makers = {
            "label": lambda mean: TaskAnswer(labels=(mean,), scores=((mean, 0.75), ("other", 0.25))),
            "text": lambda mean: TaskAnswer(text=mean),
            "image": lambda mean: TaskAnswer(image=PICTURE),
        }
        return [makers[get_task(task).answer.kind](f"{frame.symbols.mean().real:.3f}") for frame in frames]


def received(task="sentiment", level=1.0, **changes):
    """A frame of 16 symbols of the given level, over a block gain of 2j, without noise to speak of."""
    fields = {
        "instance_id": f"{task}-{level}",
        "task": task,
        "system": "mfmsc",
        "fingerprint": FINGERPRINT,
        "symbols": pack_symbols(np.full((1, 16), 2j * level, np.complex64)),
        "source_bytes": 40,
        **changes,
    }
    state = frame_pb2.ChannelState(
        link="default",
        channel="rayleigh",
        csi="perfect",
        requested_snr_db=60.0,
        noise_variance=1e-6,
        frame_number=7,
        gains=pack_symbols(np.array([[2j]], np.complex64)),
    )
    return frame_pb2.ReceivedFrame(frame=frame_pb2.Frame(**fields), state=state)


@pytest.fixture
def system():
    return MeanSystem()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def service(system, registry):
    service = ReceiverService({"mfmsc": system}, ReceiverMetrics(registry))
    yield service
    service.close()


def decode(service, *frames):
    return asyncio.run(service.Decode(receiver_pb2.DecodeRequest(frames=frames), None))


def test_a_system_gets_its_frames_through_the_equaliser_that_it_wants(service, system):
    noise = 3.0  # so much that both equalisers differ
    frame = received()
    frame.state.noise_variance = noise
    assert decode(service, frame).answers[0].labels == [f"{4 / (4 + noise):.3f}"]
    system.equaliser = "zero_forcing"
    assert decode(service, frame).answers[0].labels == ["1.000"]


def test_a_frame_is_equalised_and_answered(service):
    response = decode(service, received(level=0.5))
    (answer,) = response.answers
    assert answer.instance_id == "sentiment-0.5"
    assert list(answer.labels) == ["0.500"]
    assert [(score.label, score.probability) for score in answer.scores] == [("0.500", 0.75), ("other", 0.25)]
    assert answer.post_equalisation_snr_db == pytest.approx(60 + 10 * np.log10(4), abs=1e-3)
    assert not answer.HasField("text")
    assert not answer.HasField("image_png")
    assert response.decode_ms > 0


def test_each_task_is_one_batch_and_answers_keep_their_order(service, system):
    levels = (0.1, 0.2, 0.3, 0.4, 0.5)
    tasks = ("sentiment", "vqa", "sentiment", "text_reconstruction", "vqa")
    response = decode(service, *(received(task, level) for task, level in zip(tasks, levels, strict=True)))
    assert sorted(system.batches) == [("sentiment", 2), ("text_reconstruction", 1), ("vqa", 2)]
    values = [answer.labels[0] if answer.labels else answer.text for answer in response.answers]
    assert values == [f"{level:.3f}" for level in levels]
    assert all(name.startswith("decode") for name in system.threads)


def test_a_picture_travels_as_png(service):
    (answer,) = decode(service, received("image_reconstruction")).answers
    with Image.open(io.BytesIO(answer.image_png)) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), PICTURE)


def test_one_structured_line_an_instance(service, caplog):
    frames = [received("sentiment", 0.25), received("text_reconstruction", 0.5)]
    # The transmitter sent int8; what arrives is float32, and the line states the cost of what was sent.
    cost = {"real_values": 32, "channel_uses": 16, "num_pilots": 0, "payload_bytes": 32, "message_bytes": 150}
    frames[0].overhead.CopyFrom(frame_pb2.Overhead(source_bytes=40, **cost))
    with caplog.at_level(logging.INFO):
        decode(service, *frames)
    lines = [json.loads(_JsonFormatter("receiver").format(record)) for record in caplog.records]
    lines = [line for line in lines if line["event"] == "instance"]
    assert [line["instance_id"] for line in lines] == ["sentiment-0.25", "text_reconstruction-0.5"]
    expected = {
        "frame_number": 7, "task": "sentiment", "system": "mfmsc", "link": "default", "channel": "rayleigh",
        "snr_db": 60.0, "source_bytes": 40, **cost, "answer": ["0.250"],
    }  # fmt: skip
    assert {name: lines[0][name] for name in expected} == expected
    assert lines[0]["decode_ms"] > 0
    assert lines[1]["answer"] == "0.500"


def _with_symbols(**fields):
    symbols = pack_symbols(np.ones((1, 16), np.complex64))
    for name, value in fields.items():
        if name == "shape":
            symbols.shape[:] = value
        else:
            setattr(symbols, name, value)
    return received(symbols=symbols)


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (received("poetry"), UnknownName, "task = 'poetry'"),
        (received(system="morse"), UnknownName, "system = 'morse'"),
        (received("movie_genres"), TaskNotTrained, "trained: sentiment, vqa"),
        (received(fingerprint="e" * 16), WeightsMismatch, FINGERPRINT),
        (received(fingerprint=""), WeightsMismatch, FINGERPRINT),
        (_with_symbols(shape=[2, 16]), InvalidField, "128 bytes"),
        (_with_symbols(shape=[16]), InvalidField, "symbols.shape"),
        (_with_symbols(data=b"x" * 127), InvalidField, "127 bytes"),
        (_with_symbols(encoding=9), InvalidField, "symbols.encoding"),
        (_with_symbols(data=np.full(32, np.nan, "<f4").tobytes()), InvalidField, "NaN"),
        (_with_symbols(shape=[1 << 31, 1 << 31]), TooLarge, "symbols.shape"),
    ],
)
def test_a_frame_that_cannot_be_answered_is_refused(service, system, frame, error, says):
    with pytest.raises(error, match=says.replace("[", r"\[")):
        decode(service, received(), frame)
    assert not system.batches


def test_the_number_of_frames_is_limited(service):
    with pytest.raises(InvalidField, match="1 to 4096"):
        decode(service)
    frame = received()
    with pytest.raises(TooLarge, match="1 to 4096"):
        decode(service, *[frame] * (MAX_FRAMES + 1))


def test_without_weights_every_known_task_is_untrained(registry):
    service = ReceiverService({}, ReceiverMetrics(registry))
    with pytest.raises(TaskNotTrained, match="semcom train --system mfmsc --tasks sentiment"):
        decode(service, received())
    service.close()


def test_metrics_count_instances_and_hold_no_names_from_outside(service, registry):
    decode(service, received(), received("vqa"))
    with pytest.raises(UnknownName):
        decode(service, received("secret"))
    metrics = generate_latest(registry).decode()
    name = "semcom_receiver_instances_total"
    assert f'{name}{{status="ok",system="mfmsc",task="sentiment"}} 1.0' in metrics
    assert f'{name}{{status="UnknownName",system="unknown",task="unknown"}} 1.0' in metrics
    assert "secret" not in metrics


def test_requests_that_wait_for_one_task_are_decoded_together_and_a_bad_one_fails_alone(service, system):
    bad = _with_symbols(shape=[2, 16])

    async def send_all():
        frames = [received("vqa", 0.1), received("vqa", 0.2), bad, received("vqa", 0.3)]
        frames[2].frame.task = "vqa"
        requests = [receiver_pb2.DecodeRequest(frames=[frame]) for frame in frames]
        return await asyncio.gather(
            *(service.Decode(request, None) for request in requests), return_exceptions=True
        )

    first, second, refused, third = asyncio.run(send_all())
    assert isinstance(refused, InvalidField)
    assert [response.answers[0].labels[0] for response in (first, second, third)] == [
        "0.100", "0.200", "0.300",
    ]  # fmt: skip
    asyncio.run(service.Decode(receiver_pb2.DecodeRequest(frames=[received("vqa")]), None))
    system.batches.clear()

    async def send_good():
        requests = [receiver_pb2.DecodeRequest(frames=[received("vqa", level)]) for level in (0.1, 0.2, 0.3)]
        return await asyncio.gather(*(service.Decode(request, None) for request in requests))

    responses = asyncio.run(send_good())
    assert system.batches == [("vqa", 3)]
    assert [response.answers[0].labels[0] for response in responses] == ["0.100", "0.200", "0.300"]


async def test_a_receiver_that_is_full_refuses_at_once(system, registry):
    service = ReceiverService({"mfmsc": system}, ReceiverMetrics(registry), max_waiting=2)
    request = receiver_pb2.DecodeRequest(frames=[received("vqa")])
    outcomes = await asyncio.gather(
        *(service.Decode(request, None) for _ in range(3)), return_exceptions=True
    )
    service.close()
    assert [type(outcome) for outcome in outcomes[:2]] == [receiver_pb2.DecodeResponse] * 2
    assert isinstance(outcomes[2], TooMany)
