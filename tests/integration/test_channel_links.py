"""Links over real gRPC: losses and delays of the network, changes, record and replay."""

import asyncio
import threading

import grpc
import numpy as np
import pytest
from channel_harness import make_frame, refusal, unit_symbols

from channel_service import service
from channel_service.links.impairments import Network, impair
from channel_service.radio.channels import Channel, apply, draw
from channel_service.reports.store import INSTANCES
from protos.semcom.v1 import channel_service_pb2 as pb
from shared.errors import FrameLost
from shared.runtime.rpc_errors import from_rpc_error
from shared.wire import unpack_symbols


def statuses(harness) -> dict[str, str]:
    with harness.store._engine.connect() as connection:
        return {row.instance_id: row.status for row in connection.execute(INSTANCES.select())}


async def set_link(harness, name: str, *, replace: bool = False, **fields) -> None:
    link = pb.Link(name=name, settings=pb.LinkSettings(**fields))
    await harness.stub.SetLink(pb.SetLinkRequest(link=link, replace=replace))


def lost_and_delivered(count: int = 40) -> tuple[list[int], list[int]]:
    """Frame numbers that a link with seed 0 and loss rate 0.5 loses, and those that it delivers."""
    lost = [number for number in range(count) if impair(Network(loss_rate=0.5), 0, number).is_lost]
    return lost, [number for number in range(count) if number not in lost]


async def test_a_lost_frame_has_its_own_error_and_is_stored(harness):
    await set_link(harness, "default", network_loss_rate=0.5)
    number = lost_and_delivered()[0][0]
    for name in ("a", "b"):  # it is lost each time it is sent
        request = pb.RelayRequest(frames=[make_frame(name, frame_number=number)])
        error = await refusal(harness.stub.Relay(request))
        assert error.code() == grpc.StatusCode.DATA_LOSS
        rebuilt = from_rpc_error(error, "channel_service", "here", 1.0)
        assert isinstance(rebuilt, FrameLost)
        assert (rebuilt.link, rebuilt.frame_numbers) == ("default", [number])
    assert not harness.receiver.got
    assert statuses(harness) == {"a": "FrameLost", "b": "FrameLost"}
    (row,) = harness.store.overhead()
    assert (row["num_instances"], row["num_failed"], row["payload_bytes"]) == (2, 2, 128)


async def test_if_some_frames_are_lost_the_others_have_their_answers(harness):
    await set_link(harness, "default", network_loss_rate=0.5)
    lost, delivered = lost_and_delivered()
    frames = [make_frame(str(number), frame_number=number) for number in range(40)]
    response = await harness.stub.Relay(pb.RelayRequest(frames=frames))
    for number, result in enumerate(response.results):
        assert result.state.frame_number == number
        assert result.state.lost == (number in lost) == (not result.HasField("answer"))
        assert result.answer.instance_id == ("" if number in lost else str(number))
    (got,) = harness.receiver.got
    assert [received.state.frame_number for received in got.frames] == delivered
    assert statuses(harness) == {
        **{str(number): "FrameLost" for number in lost},
        **{str(number): "OK" for number in delivered},
    }
    propagated = await harness.stub.Propagate(pb.PropagateRequest(frames=frames))
    for number, received in enumerate(propagated.frames):
        assert received.frame.HasField("symbols") == (number in delivered)
        assert received.state.HasField("gains") == (number in delivered)


async def give_up(call, reached: asyncio.Event) -> None:
    """Cancel a call after `reached` is set."""
    await reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def until_stored(harness, count: int) -> None:
    for _ in range(250):
        if len(statuses(harness)) == count:
            return
        await asyncio.sleep(0.02)


async def test_a_caller_that_cancels_while_lost_frames_are_stored_has_a_row_for_each(harness, monkeypatch):
    await set_link(harness, "default", network_loss_rate=0.5)
    add, reached = harness.store.add, asyncio.Event()

    async def add_slowly(rows, **options):
        await add(rows, **options)
        if rows[0]["status"] == "FrameLost":
            reached.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(harness.store, "add", add_slowly)
    lost, delivered = lost_and_delivered()
    frames = [make_frame(str(number), frame_number=number) for number in range(40)]
    await give_up(harness.stub.Relay(pb.RelayRequest(frames=frames)), reached)
    await until_stored(harness, 40)
    assert statuses(harness) == {
        **{str(number): "FrameLost" for number in lost},
        **{str(number): "CancelledError" for number in delivered},
    }
    assert not harness.receiver.got


async def test_a_caller_that_cancels_while_its_frames_are_drawn_has_a_row_for_each(harness, monkeypatch):
    loop, reached, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    send_frames, finish, serving = service.send_frames, service._finish_despite_cancel, []

    def send_slowly(*arguments):
        loop.call_soon_threadsafe(reached.set)
        release.wait(10)
        return send_frames(*arguments)

    def finish_and_tell(work):
        serving.append(asyncio.current_task())
        return finish(work)

    monkeypatch.setattr(service, "send_frames", send_slowly)
    monkeypatch.setattr(service, "_finish_despite_cancel", finish_and_tell)
    frames = [make_frame(str(number)) for number in range(40)]
    await give_up(harness.stub.Relay(pb.RelayRequest(frames=frames)), reached)
    while not serving[0].cancelling():  # the cancellation reaches the service while it draws
        await asyncio.sleep(0.01)
    release.set()
    await until_stored(harness, 40)
    assert statuses(harness) == dict.fromkeys(map(str, range(40)), "CancelledError")
    assert not harness.receiver.got


async def test_the_networks_delay_is_waited_for_stated_and_counted_as_downlink(harness):
    await set_link(harness, "far", network_delay_ms=120.0, network_jitter_ms=20.0)
    request = pb.RelayRequest(link="far", frames=[make_frame(str(n)) for n in range(3)])
    response = await harness.stub.Relay(request)
    delays_ms = [result.state.network_delay_ms for result in response.results]
    assert len(set(delays_ms)) == 3
    assert all(100 <= delay_ms <= 140 for delay_ms in delays_ms)
    assert response.timings.downlink_ms >= max(delays_ms)
    assert response.timings.channel_ms < 100
    with harness.store._engine.connect() as connection:
        rows = connection.execute(INSTANCES.select()).all()
    assert [row.network_delay_ms for row in rows] == delays_ms
    assert all(row.downlink_ms >= row.network_delay_ms for row in rows)


async def test_impairments_and_csi_errors_do_not_change_the_radio_channel(harness):
    x, delivered = unit_symbols(), lost_and_delivered()[1][0]
    drawn = draw(Channel("rayleigh", snr_db=3.0, csi_error_db=-10.0), delivered, x.shape)
    overrides = pb.LinkSettings(
        channel="rayleigh", snr_db=3.0, csi="mismatched", csi_error_db=-10.0, network_loss_rate=0.5
    )
    frames = [make_frame("a", x, frame_number=delivered)]
    response = await harness.stub.Propagate(pb.PropagateRequest(frames=frames, overrides=overrides))
    (received,) = response.frames
    np.testing.assert_array_equal(unpack_symbols(received.frame.symbols), apply(x, drawn)[0])
    gains = unpack_symbols(received.state.gains)
    np.testing.assert_array_equal(gains, drawn.mismatched_gains)
    assert (gains != drawn.gains).all()


async def test_a_schedule_is_followed_frame_by_frame_and_an_override_has_its_own_snr(harness):
    schedule = {"at": [0, 10], "snr_db": [20, 0], "interpolation": "linear"}
    await set_link(harness, "drive", snr_schedule=schedule)
    frames = [make_frame(str(number)) for number in range(11)]
    response = await harness.stub.Relay(pb.RelayRequest(link="drive", frames=frames))
    snrs_db = [result.state.requested_snr_db for result in response.results]
    assert snrs_db == pytest.approx(np.linspace(20, 0, 11))
    fixed = pb.RelayRequest(link="drive", frames=[make_frame("fixed")], overrides=pb.LinkSettings(snr_db=7.0))
    assert (await harness.stub.Relay(fixed)).results[0].state.requested_snr_db == 7.0


async def test_links_are_replaced_and_deleted_and_their_changes_stored_with_time_and_origin(harness):
    stub = harness.stub
    await set_link(harness, "l1", channel="rician", seed=3)
    await set_link(harness, "l1", snr_db=1.0)
    assert (await stub.GetLink(pb.GetLinkRequest(name="l1"))).settings.channel == "rician"
    await set_link(harness, "l1", replace=True, snr_db=2.0)
    assert (await stub.GetLink(pb.GetLinkRequest(name="l1"))).settings.channel == "awgn"
    harness.links.delete("l1", origin="http 127.0.0.1")
    for call in (
        stub.GetLink(pb.GetLinkRequest(name="l1")),
        stub.Relay(pb.RelayRequest(link="l1", frames=[make_frame("a")])),
    ):
        assert (await refusal(call)).code() == grpc.StatusCode.NOT_FOUND
    changes = harness.links.changes("l1")
    assert [change.action for change in changes] == ["set", "set", "replace", "delete"]
    assert changes[1].settings == pb.LinkSettings(snr_db=1.0)
    assert all(change.origin.startswith("grpc ipv4:127.0.0.1:") for change in changes[:3])
    times = [change.time for change in changes]
    assert times == sorted(times)


async def test_what_a_link_records_another_one_replays(harness):
    await set_link(harness, "drive", channel="rayleigh", snr_db=3.0, seed=7, record="monday")
    frames = [make_frame(str(number), unit_symbols(seed=number), frame_number=number) for number in range(8)]
    sent = await harness.stub.Propagate(pb.PropagateRequest(link="drive", frames=frames))
    await set_link(harness, "again", replay="monday")
    again = await harness.stub.Propagate(pb.PropagateRequest(link="again", frames=frames[::-1]))
    for one, other in zip(sent.frames, reversed(again.frames), strict=True):
        assert other.frame.symbols == one.frame.symbols
        assert other.state.gains == one.state.gains
        assert (other.state.requested_snr_db, other.state.seed) == (3.0, 7)
