"""The live view over real HTTP: what a viewer gets, and that it neither slows the relay nor outlives it."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from channel_harness import Harness, channel_service, make_frame, unit_symbols
from http_harness import http_server

from channel_service.http.app import create_app
from channel_service.radio.channels import Channel, apply, draw
from channel_service.relay.live import MAX_SYMBOLS_SHOWN, MAX_VIEWERS, MAX_WAITING, Selection
from protos.semcom.v1 import channel_service_pb2 as pb
from shared.errors import ServiceUnavailable


@contextlib.asynccontextmanager
async def http_side(harness: Harness) -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> None:
        raise ServiceUnavailable("receiver", "nowhere")

    app = create_app(harness.links, harness.store, harness.feed, ready, harness.metrics.registry)
    stop = asyncio.Event()
    async with http_server(app, stop) as (serving, client):
        yield client
    harness.feed.close()
    stop.set()
    await asyncio.wait_for(serving, 4)


async def events(response: httpx.Response) -> AsyncIterator[dict]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def until(condition) -> None:
    for _ in range(250):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the condition did not become true")


def viewers(harness: Harness) -> float:
    return harness.metrics.registry.get_sample_value("semcom_channel_live_viewers")


def as_complex(points: list[list[float]]) -> np.ndarray:
    return np.array([i + 1j * q for i, q in points])


async def test_a_viewer_sees_the_frame_before_after_and_equalised(tmp_path):
    async with channel_service(tmp_path) as harness, http_side(harness) as client:
        async with client.stream("GET", "/frames", params={"max_symbols": 8}) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            await until(lambda: viewers(harness) == 1)
            x = unit_symbols()
            overrides = pb.LinkSettings(channel="rayleigh", snr_db=10.0, seed=3, network_delay_ms=7.0)
            request = pb.RelayRequest(frames=[make_frame("a", x, frame_number=5)], overrides=overrides)
            relayed = await harness.stub.Relay(request)
            event = await anext(events(response))

        drawn = draw(Channel("rayleigh", snr_db=10.0, seed=3), 5, (1, 16))
        y, _ = apply(x, drawn)
        h = drawn.gains
        # The MMSE estimate for symbols of unit power.
        x_hat = np.conj(h) * y / (np.abs(h) ** 2 + 0.1)
        for name, expected in (("sent", x), ("received", y), ("equalised", x_hat)):
            np.testing.assert_allclose(as_complex(event[name]), expected[0, :8], atol=1e-4)
        assert (event["instance_id"], event["status"], event["channel_uses"]) == ("a", "OK", 16)
        assert (event["frame_number"], event["seed"], event["num_dropped"]) == ("5", "3", 0)
        assert event["network_delay_ms"] == 7.0
        assert event["realised_snr_db"] == relayed.results[0].state.realised_snr_db
        await until(lambda: viewers(harness) == 0)


@pytest.mark.parametrize("csi", ["none", "estimated"])
async def test_equalised_symbols_use_what_the_receiver_knows(harness, csi):
    with harness.feed.watch(Selection()) as view:
        overrides = pb.LinkSettings(channel="rayleigh", snr_db=10.0, csi=csi, num_pilots=4)
        request = pb.RelayRequest(frames=[make_frame("a", frame_number=1)], overrides=overrides)
        await harness.stub.Relay(request)
        live_frame = await anext(aiter(view))
    drawn = draw(Channel("rayleigh", snr_db=10.0, num_pilots=4), 1, (1, 16))
    h_hat = drawn.received_pilots.mean()
    of_csi = {
        "none": live_frame.received,
        "estimated": np.conj(h_hat) * live_frame.received / (abs(h_hat) ** 2 + 0.1),
    }
    np.testing.assert_allclose(live_frame.equalised, of_csi[csi], atol=1e-5)


async def test_a_slow_viewer_loses_the_oldest_frames_and_does_not_delay_the_relay(harness):
    with harness.feed.watch(Selection()) as slow:
        total = MAX_WAITING + 10
        for number in range(total):
            frame = make_frame(str(number), unit_symbols((1, 2 * MAX_SYMBOLS_SHOWN)))
            await harness.stub.Relay(pb.RelayRequest(frames=[frame]))
        assert slow.num_dropped == 10
        live_frames = aiter(slow)
        seen = [await anext(live_frames) for _ in range(MAX_WAITING)]
    assert [live_frame.fields["instance_id"] for live_frame in seen] == [
        str(number) for number in range(10, total)
    ]
    assert {live_frame.sent.size for live_frame in seen} == {MAX_SYMBOLS_SHOWN}
    value = harness.metrics.registry.get_sample_value
    assert value("semcom_channel_live_frames_dropped_total") == 10


async def test_a_viewer_gets_only_the_selected_frames_including_failed_ones(harness):
    await harness.stub.SetLink(pb.SetLinkRequest(link=pb.Link(name="far")))
    with harness.feed.watch(Selection(link="far")) as view:
        await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("near")]))
        await harness.stop_receiver()
        call = harness.stub.Relay(pb.RelayRequest(link="far", frames=[make_frame("away")]))
        await asyncio.gather(call, return_exceptions=True)
        live_frame = await anext(aiter(view))
    assert (live_frame.fields["instance_id"], live_frame.fields["status"]) == ("away", "ServiceUnavailable")
    assert live_frame.fields["post_equalisation_snr_db"] is None


async def test_the_number_of_viewers_is_limited_and_the_next_one_is_refused(tmp_path):
    async with channel_service(tmp_path) as harness, http_side(harness) as client:
        with contextlib.ExitStack() as watching:
            for _ in range(MAX_VIEWERS):
                watching.enter_context(harness.feed.watch(Selection()))
            refused = await client.get("/frames")
        assert refused.status_code == 429
        assert (refused.json()["error"]["field"], refused.json()["error"]["type"]) == ("viewers", "TooMany")
        wrong = await client.get("/frames", params={"max_symbols": MAX_SYMBOLS_SHOWN + 1})
        assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "max_symbols")


async def test_a_service_that_stops_ends_its_viewers(tmp_path):
    async with (
        channel_service(tmp_path) as harness,
        http_side(harness) as client,
        client.stream("GET", "/frames") as response,
    ):
        await until(lambda: viewers(harness) == 1)
        harness.feed.close()
        assert [event async for event in events(response)] == []


async def test_metrics_are_named_as_prometheus_advises(harness):
    """One prefix, base units, counters that end in _total, and a help text for each metric."""
    await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a"), make_frame("b")]))
    families = list(harness.metrics.registry.collect())
    assert len(families) >= 10
    for family in families:
        assert re.fullmatch(r"semcom_channel_[a-z_]+", family.name)
        assert family.documentation
        assert not re.search(r"_(ms|db|kb|percent)$", family.name)
        samples = {sample.name for sample in family.samples}
        if family.type == "counter":
            assert samples <= {f"{family.name}_total", f"{family.name}_created"}
        elif family.type == "histogram":
            assert family.name.endswith(("_seconds", "_decibels"))
    value = harness.metrics.registry.get_sample_value
    names = {"task": "vqa", "system": "mfmsc"}
    assert value("semcom_channel_airtime_seconds_total", names) == pytest.approx(32e-6)
    assert value("semcom_channel_realised_snr_decibels_count", {"channel": "awgn"}) == 2
    assert value("semcom_channel_requests_in_progress") == 0
