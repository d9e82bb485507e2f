"""What the REST edge refuses, and how failures behind it come out: clear, named, never a 500 of its own."""

import grpc
import pytest
from gateway_fakes import (
    MAX_UPLOAD_BYTES,
    PICTURE,
    UNTRAINED,
    Gateway,
    LoopbackChannel,
    png_of,
    refused,
    rpc_error,
    unavailable,
)

from shared.errors import InvalidField, SemcomError, ServiceUnavailable, WeightsMismatch

PART = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n'


@pytest.fixture
def gateway():
    return Gateway()


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({"task": "poetry"}, 404, "task"),
        ({"task": "sentiment", "system": "morse"}, 404, "system"),
        ({}, 422, "task"),
        ({"task": "sentiment", "snr_db": "NaN"}, 422, "snr_db"),
        ({"task": "sentiment", "snr_db": "inf"}, 422, "snr_db"),
        ({"task": "sentiment", "snr_db": "1e9"}, 422, "snr_db"),
        ({"task": "sentiment", "snr_db": "loud"}, 422, "snr_db"),
        ({"task": "sentiment", "k_factor_db": "41"}, 422, "k_factor_db"),
        ({"task": "sentiment", "num_pilots": "0"}, 422, "num_pilots"),
        ({"task": "sentiment", "seed": "-1"}, 422, "seed"),
        ({"task": "sentiment", "nakagami_m": "0.4"}, 422, "nakagami_m"),
        ({"task": "sentiment", "doppler_hz": "NaN"}, 422, "doppler_hz"),
        ({"task": "sentiment", "coherence_symbols": "4194305"}, 422, "coherence_symbols"),
        ({"task": "sentiment", "network_loss_rate": "0"}, 422, "network_loss_rate"),
        ({"task": "sentiment", "seed": str(2**64)}, 422, "seed"),
        ({"task": "sentiment", "frame_number": "1.5"}, 422, "frame_number"),
        ({"task": "sentiment", "encoding": "float8"}, 422, "encoding"),
        ({"task": "sentiment", "link": ""}, 422, "link"),
        ({"task": "sentiment", "snr": "12"}, 422, "snr"),
        ({"task": "text_reconstruction", "symbols_per_token": "3"}, 422, "symbols_per_token"),
        ({"task": "text_reconstruction", "symbols_per_token": "17"}, 422, "symbols_per_token"),
        ({"task": "text_reconstruction", "symbols_per_token": "8.5"}, 422, "symbols_per_token"),
        ({"task": "text_reconstruction", "symbols_per_token": ""}, 422, "symbols_per_token"),
        ({"task": "sentiment", "symbols_per_token": "8"}, 422, "symbols_per_token"),
        ({"task": ["sentiment", "vqa"]}, 422, "task"),
    ],
)
def test_a_bad_query_is_refused_by_name(gateway, params, status, field):
    response = gateway.request("POST", "/transmit", params=params, json={"text": "x"})
    refused(response, status, field)
    assert not gateway.channel.requests


def test_a_task_without_weights_says_how_to_train_it(gateway):
    response = gateway.transmit(UNTRAINED, data={"text": "x"}, files={"image": ("p.png", png_of(PICTURE))})
    refused(response, 503, says="semcom train --system mfmsc --tasks movie_genres")
    refused(Gateway(systems={}).transmit("vqa", json={"text": "x"}), 503, says="semcom train")


@pytest.mark.parametrize(
    ("task", "options", "field"),
    [
        ("vqa", {"json": {"text": "what?"}}, "image"),
        ("vqa", {"files": {"image": ("p.png", png_of(PICTURE))}}, "text"),
        ("sentiment", {"json": {}}, "text"),
        ("sentiment", {"data": {"text": "x"}, "files": {"image": ("p.png", png_of(PICTURE))}}, "image"),
        ("sentiment", {"files": [("text", (None, "x")), ("colour", (None, "red"))]}, "colour"),
        ("sentiment", {"files": [("text", (None, "x")), ("text", (None, "y"))]}, "text"),
        ("sentiment", {"json": {"text": "x", "image": "aGk="}}, "image"),
        ("sentiment", {"json": {"text": 5}}, "text"),
        ("sentiment", {"json": ["x"]}, "body"),
        ("sentiment", {"json": {"text": ""}}, "text"),
        ("sentiment", {"files": [("text", (None, " "))]}, "text"),
    ],
)
def test_wrong_fields_are_refused_naming_what_the_task_takes(gateway, task, options, field):
    refused(gateway.transmit(task, **options), 422, field)
    assert not gateway.channel.requests


@pytest.mark.parametrize(
    ("content", "content_type", "status", "field"),
    [
        (b"x", "text/plain", 415, "content-type"),
        (b"x", "", 415, "content-type"),
        (b"text=%ff", "application/x-www-form-urlencoded", 422, "body"),
        (b"text=\xff", "application/x-www-form-urlencoded", 422, "body"),
        (b"", "application/x-www-form-urlencoded", 422, "text"),
        (b"text=a&text=b", "application/x-www-form-urlencoded", 422, "text"),
        (b"text=a&image=b", "application/x-www-form-urlencoded", 422, "image"),
        (b"a=b&" * 9, "application/x-www-form-urlencoded", 422, "body"),
        (b"lines before the boundary\r\nthat never comes", "multipart/form-data; boundary=b", 422, "body"),
        (b"{", "application/json", 422, "body"),
        (b'{"text": "\xff"}', "application/json", 422, "body"),
        (b'{"text": "\\ud800"}', "application/json", 422, "body"),
        (b'{"text": NaN}', "application/json", 422, "text"),
        (b"", "application/json", 422, "body"),
        (b"", "multipart/form-data", 422, "content-type"),
        (b"", "multipart/form-data; boundary=b", 422, "body"),
        (b"nonsense", "multipart/form-data; boundary=b", 422, "body"),
        (PART + b"x", "multipart/form-data; boundary=b", 422, "body"),
        (b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 422, "body"),
        (
            PART + b"\xff\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            415,
            "text",
        ),
        (
            9 * (PART + b"x\r\n") + b"--b--\r\n",
            "multipart/form-data; boundary=b",
            422,
            "body",
        ),
    ],
)
def test_a_body_that_does_not_parse_is_refused(gateway, content, content_type, status, field):
    headers = {"content-type": content_type}
    response = gateway.transmit("sentiment", content=content, headers=headers)
    error = refused(response, status, field)
    assert error["allowed"]


@pytest.mark.parametrize(
    ("task", "field", "data"),
    [
        ("image_classification", "image", b"GIF89a"),
        ("image_classification", "image", png_of(PICTURE)[:-60]),
        ("image_classification", "image", b""),
        ("speech_recognition", "audio", png_of(PICTURE)),
        ("speech_recognition", "audio", b"RIFF\xff\x00\x00\x00WAVE"),
        ("video_classification", "video", png_of(PICTURE)),
        ("video_classification", "video", b"\x00\x00\x00\x20ftypisom"),
    ],
)
def test_a_file_that_is_wrong_or_cut_short_is_refused(gateway, task, field, data):
    error = refused(gateway.transmit(task, files={field: ("file", data)}), 415, field)
    assert "whole" in error["allowed"]
    assert not gateway.channel.requests


def test_a_body_beyond_the_limit_is_refused_unread(gateway):
    async def chunks():
        yield b"x"
        raise AssertionError("the body was read")

    headers = {"content-length": str(50 << 20), "content-type": "application/json", "expect": "100-continue"}
    response = gateway.transmit("sentiment", content=chunks(), headers=headers)
    refused(response, 413, "body", says=f"at most {MAX_UPLOAD_BYTES} bytes")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=b"])
def test_a_body_of_unknown_length_is_refused_at_the_limit(gateway, content_type):
    num_chunks = []

    async def chunks():
        yield PART
        for _ in range(1000):
            num_chunks.append(1)
            yield b"x" * 10_000

    response = gateway.transmit("sentiment", content=chunks(), headers={"content-type": content_type})
    refused(response, 413, "body", says="more than 100000 bytes")
    # Read on without keeping for a while, so that the client gets to see the refusal; not for ever.
    assert len(num_chunks) <= 55


# What fails behind


@pytest.mark.parametrize(
    ("error", "status", "says", "num_tries"),
    [
        (unavailable(), 503, "channel_service at channel:1 cannot be reached", 3),
        (rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED), 504, "did not answer within 5 s", 1),
        (
            rpc_error(grpc.StatusCode.INVALID_ARGUMENT, InvalidField("channel", "fog", "awgn, rayleigh")),
            422,
            "channel = 'fog' is not allowed",
            1,
        ),
        (
            rpc_error(grpc.StatusCode.FAILED_PRECONDITION, WeightsMismatch("f" * 16, "e" * 16)),
            409,
            "eeeeeeeeeeeeeeee",
            1,
        ),
        (rpc_error(grpc.StatusCode.INTERNAL, SemcomError("internal error")), 500, "internal error", 1),
    ],
)
def test_errors_from_behind_keep_their_words(error, status, says, num_tries):
    gateway = Gateway(LoopbackChannel(error))
    response = gateway.transmit("sentiment", json={"text": "x"})
    assert response.status_code == status
    assert says in response.json()["error"]["message"]
    assert gateway.channel.tries == num_tries


def test_a_request_without_time_for_another_try_names_what_failed():
    gateway = Gateway(LoopbackChannel(unavailable()))
    response = gateway.transmit("sentiment", json={"text": "x"}, params={"timeout_s": 0.05})
    refused(response, 503, says="channel_service at channel:1 cannot be reached")
    assert gateway.channel.tries == 1


def test_a_receiver_that_is_down_is_not_tried_twice():
    """The channel service has tried, and stored the failure: another try would be another row."""
    error = rpc_error(grpc.StatusCode.UNAVAILABLE, ServiceUnavailable("receiver", "receiver:1"))
    gateway = Gateway(LoopbackChannel(error))
    refused(gateway.transmit("sentiment", json={"text": "x"}), 503, says="receiver at receiver:1")
    assert gateway.channel.tries == 1
