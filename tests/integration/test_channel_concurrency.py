"""64 concurrent callers on eight changing links: each frame has the channel, row and draw of its link."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import grpc
import numpy as np
from channel_harness import answer_all, channel_service, make_frame, refusal, unit_symbols

from channel_service.radio.channels import Channel, apply, draw
from channel_service.reports.queries import MAX_INSTANCES, InstanceQuery
from protos.semcom.v1 import channel_service_pb2 as pb
from shared.errors import TooMany
from shared.runtime.rpc_errors import from_rpc_error
from shared.wire import unpack_symbols

NUM_CALLERS, NUM_LINKS, NUM_REQUESTS = 64, 8, 12
MODELS = ("awgn", "rayleigh", "rician")


def version_of(link: int, version: int) -> pb.LinkSettings:
    """Settings that identify link and version: no two versions of any links have the same seed or SNR."""
    return pb.LinkSettings(
        channel=MODELS[(link + version) % len(MODELS)],
        fading=("block", "symbol")[version % 2],
        snr_db=link + version / 1000,
        seed=1_000_000 * link + version,
        k_factor_db=float(link),
    )


@dataclass
class Sent:
    """One frame and the versions of its link that may have been in effect for it."""

    link: int
    x: np.ndarray
    first_version: int
    last_version: int
    state: object


async def change_links(harness, versions: list[int], done: asyncio.Event) -> None:
    """Give one link after the other its next version until all callers have finished."""
    link = 0
    while not done.is_set():
        change = pb.Link(name=f"l{link}", settings=version_of(link, versions[link] + 1))
        await harness.stub.SetLink(pb.SetLinkRequest(link=change))
        versions[link] += 1
        link = (link + 1) % NUM_LINKS


async def call(harness, caller: int, versions: list[int]) -> list[Sent]:
    """Requests of one to three frames on one link: small ones, and some that are drawn in a thread."""
    link, sent = caller % NUM_LINKS, []
    for number in range(NUM_REQUESTS):
        sizes = [20_000] if number == caller % NUM_REQUESTS else [16] * (1 + number % 3)
        symbols = [unit_symbols((1, size), seed=1000 * caller + number) for size in sizes]
        frames = [make_frame(f"{caller}-{number}-{i}", x) for i, x in enumerate(symbols)]
        first = versions[link]
        response = await harness.stub.Relay(pb.RelayRequest(link=f"l{link}", frames=frames))
        # A change in progress may be in effect already, although its caller has no answer yet.
        last = versions[link] + 1
        sent += [Sent(link, x, first, last, r.state) for x, r in zip(symbols, response.results, strict=True)]
    return sent


def check_settings(frame: Sent) -> None:
    """Check that all settings are those of one version of the frame's own link."""
    state = frame.state
    version = state.seed - 1_000_000 * frame.link
    assert frame.first_version <= version <= frame.last_version
    expected = version_of(frame.link, version)
    assert state.link == f"l{frame.link}"
    assert (state.channel, state.fading) == (expected.channel, expected.fading)
    assert state.requested_snr_db == expected.snr_db


def check_draw(frame: Sent, received) -> None:
    """Check that the received symbols are those of a new draw from the same seed and frame number."""
    state, settings = frame.state, version_of(frame.link, frame.state.seed - 1_000_000 * frame.link)
    channel = Channel(
        state.channel,
        state.fading,
        state.requested_snr_db,
        seed=state.seed,
        k_factor_db=settings.k_factor_db,
    )
    drawn = draw(channel, state.frame_number, frame.x.shape)
    y, realised_snr_db = apply(frame.x, drawn)
    np.testing.assert_array_equal(unpack_symbols(received.frame.symbols), y)
    assert state.realised_snr_db == realised_snr_db


async def test_no_frame_gets_another_links_channel_no_row_is_lost_or_doubled_and_each_draw_repeats(tmp_path):
    async with channel_service(tmp_path, timeout_s=60) as harness:
        for link in range(NUM_LINKS):
            settings = pb.Link(name=f"l{link}", settings=version_of(link, 0))
            await harness.stub.SetLink(pb.SetLinkRequest(link=settings))
        versions, done = [0] * NUM_LINKS, asyncio.Event()
        changing = asyncio.create_task(change_links(harness, versions, done))
        parts = await asyncio.gather(*(call(harness, n, versions) for n in range(NUM_CALLERS)))
        done.set()
        await changing

        sent = [frame for part in parts for frame in part]
        received = {r.frame.instance_id: r for got in harness.receiver.got for r in got.frames}
        assert min(versions) > 1
        assert len({frame.state.seed for frame in sent}) > NUM_LINKS
        names = [
            f"{caller}-{number}-{i}"
            for caller in range(NUM_CALLERS)
            for number in range(NUM_REQUESTS)
            for i in range(1 if number == caller % NUM_REQUESTS else 1 + number % 3)
        ]
        for name, frame in zip(names, sent, strict=True):
            check_settings(frame)
            check_draw(frame, received[name])

        numbers = Counter((frame.link, frame.state.frame_number) for frame in sent)
        assert set(numbers.values()) == {1}
        rows = harness.store.instances(InstanceQuery(limit=MAX_INSTANCES))
        assert sorted(row["instance_id"] for row in rows) == sorted(names)
        by_name = {row["instance_id"]: row for row in rows}
        for name, frame in zip(names, sent, strict=True):
            row = by_name[name]
            stored = (row["link"], int(row["seed"]), int(row["frame_number"]), row["requested_snr_db"])
            state = frame.state
            assert stored == (state.link, state.seed, state.frame_number, state.requested_snr_db)


async def test_a_request_that_is_sent_again_is_stored_once(tmp_path):
    async with channel_service(tmp_path) as harness:
        await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a"), make_frame("b")]))
        await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a"), make_frame("c")], resent=True))
        rows = harness.store.instances(InstanceQuery())
    assert Counter(row["instance_id"] for row in rows) == Counter("abc")


async def test_beyond_its_limit_the_service_refuses_before_anything_is_drawn(tmp_path):
    async with channel_service(tmp_path, max_relays=1) as harness:
        reached, answered = asyncio.Event(), asyncio.Event()

        async def decode(request):
            reached.set()
            await answered.wait()
            return answer_all(request)

        harness.receiver.decode = decode
        first = asyncio.ensure_future(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")])))
        await reached.wait()
        error = await refusal(harness.stub.Relay(pb.RelayRequest(frames=[make_frame("b")])))
        answered.set()
        number = (await first).results[0].state.frame_number
        later = await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("c")]))
        ids = [row["instance_id"] for row in harness.store.instances(InstanceQuery())]
        error, num_drawn, ids = error, later.results[0].state.frame_number - number, ids
    assert isinstance(from_rpc_error(error, "channel_service", "here", 1.0), TooMany)
    assert num_drawn == 1
    assert ids == ["c", "a"]


async def test_the_callers_deadline_bounds_the_call_of_the_receiver(tmp_path):
    async with channel_service(tmp_path, timeout_s=60) as harness:
        # The connections stand before the time of the call begins.
        await harness.stub.Relay(pb.RelayRequest(frames=[make_frame("first")]))
        ended = asyncio.Event()

        async def decode(_):
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        harness.receiver.decode = decode
        call = harness.stub.Relay(pb.RelayRequest(frames=[make_frame("a")]), timeout=0.5)
        error = await refusal(call)
        await asyncio.wait_for(ended.wait(), 10)
        returned = error
    assert returned.code() == grpc.StatusCode.DEADLINE_EXCEEDED
