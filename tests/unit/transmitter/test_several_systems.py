"""One input through several systems: answers in the order asked for, one draw, errors beside answers."""

import grpc
import httpx
import pytest
from gateway_fakes import PICTURE, Gateway, LoopbackChannel, PowerSystem, png_of, refused, rpc_error

from shared.errors import FrameLost
from systems.registry import DEFAULT_SYSTEM, SYSTEMS, get_system
from systems.rows import read_options

TEXT = {"json": {"text": "a fine film"}}


class NumberingChannel(LoopbackChannel):
    """Numbers the frames of a link, as the channel service does, where they bring no number."""

    next_number = 7

    async def Relay(self, request, timeout):
        (frame,) = request.frames
        if not frame.HasField("frame_number"):
            frame.frame_number, self.next_number = self.next_number, self.next_number + 1
        return await super().Relay(request, timeout)


class Named(PowerSystem):
    """The same under the name of another system."""

    def __init__(self, name, tasks=PowerSystem.tasks):
        super().__init__()
        self.name, self.tasks = name, tasks


@pytest.fixture
def gateway():
    systems = {"mfmsc": Named("mfmsc"), "mmsc": Named("mmsc"), "mfsc": Named("mfsc", ("vqa",))}
    return Gateway(NumberingChannel(), systems)


def transmit(gateway, systems, task="sentiment", **options):
    params = {"system": systems, **options.pop("params", {})}
    return gateway.transmit(task, params=params, **{**TEXT, **options})


def test_each_system_answers_in_the_order_asked_for_over_the_same_draw(gateway):
    outcomes = transmit(gateway, "mmsc,mfmsc", params={"seed": 5}).json()
    assert [outcome["system"] for outcome in outcomes] == ["mmsc", "mfmsc"]
    assert all(outcome["error"] is None for outcome in outcomes)
    results = [outcome["result"] for outcome in outcomes]
    assert [result["system"] for result in results] == ["mmsc", "mfmsc"]
    assert [result["answer"]["label"] for result in results] == ["yes", "yes"]
    assert {(result["frame_number"], result["seed"]) for result in results} == {(7, 5)}
    assert [request.frames[0].frame_number for request in gateway.channel.requests] == [7, 7]
    assert len({result["instance_id"] for result in results}) == 2
    assert len(gateway.channel.completed) == 2


def test_a_number_of_the_client_holds_for_all(gateway):
    outcomes = transmit(gateway, "mfmsc,mmsc", params={"frame_number": 0}).json()
    assert [outcome["result"]["frame_number"] for outcome in outcomes] == [0, 0]


def test_the_upload_is_decoded_once(gateway):
    files = {"image": ("p.png", png_of(PICTURE))}
    gateway.transmit("vqa", params={"system": "mfmsc,mmsc"}, data={"text": "what shape?"}, files=files)
    (first,), (second,) = gateway.systems["mfmsc"].sources, gateway.systems["mmsc"].sources
    assert first is second


def test_a_system_that_fails_says_so_beside_the_others(gateway):
    outcomes = transmit(gateway, "mfsc, mfmsc ,separate").json()
    assert [outcome["system"] for outcome in outcomes] == ["mfsc", "mfmsc", "separate"]
    assert [outcome["result"] is None for outcome in outcomes] == [True, False, True]
    assert [outcome["error"] and outcome["error"]["type"] for outcome in outcomes] == [
        "TaskNotTrained", None, "TaskNotTrained"
    ]  # fmt: skip
    assert "--system mfsc" in outcomes[0]["error"]["message"]


def test_where_all_fail_the_request_fails(gateway):
    refused(transmit(gateway, "mfsc,separate"), 503, says="semcom train --system mfsc")


def test_after_a_lost_frame_the_others_take_its_number(gateway):
    error = FrameLost("default", [3])
    lost = rpc_error(grpc.StatusCode.DATA_LOSS, error)
    relay = gateway.channel.Relay

    async def lose_the_first(request, timeout):
        if request.frames[0].system == "mfmsc":
            raise lost
        return await relay(request, timeout)

    gateway.channel.Relay = lose_the_first
    outcomes = transmit(gateway, "mfmsc,mmsc").json()
    assert outcomes[0]["error"]["type"] == "FrameLost"
    assert outcomes[1]["result"]["frame_number"] == 3


@pytest.mark.parametrize(
    ("systems", "status"),
    [
        *((wrong, 422) for wrong in ("", ",", "mfmsc,", ",mfmsc", "mfmsc,,mmsc", "mfmsc,mfmsc", "x," * 200)),
        *((wrong, 404) for wrong in ("mfmsc,morse", "morse,mfmsc", "mfmsc;mmsc", "MFMSC,mmsc", "mfmsc,\x00")),
    ],
)
def test_names_that_are_no_list_of_systems(gateway, systems, status):
    refused(transmit(gateway, systems), status, field="system")
    assert not gateway.channel.requests


def test_an_option_goes_to_those_that_declare_it(gateway):
    gateway.systems["separate"] = Named("separate", ())
    files = {"image": ("p.png", png_of(PICTURE))}
    params = {"system": "mfmsc,separate", "symbols_per_token": 8, "mcs": "16qam-1/2"}
    outcomes = gateway.transmit("image_reconstruction", params=params, files=files).json()
    assert outcomes[0]["result"]["overhead"]["channel_uses"] == 3 * 8


def test_an_option_that_none_declares_is_refused(gateway):
    refused(
        transmit(gateway, "mfmsc,mmsc", params={"mcs": "qpsk-1/2"}), 422, field="mcs", says="mmsc: symbols"
    )


def test_a_value_that_one_of_them_refuses_is_refused(gateway):
    params = {"symbols_per_token": 400}
    refused(transmit(gateway, "mfmsc,separate", params=params), 422, field="symbols_per_token")


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_system_reads_its_options_as_among_several(name):
    system = get_system(name)
    options = read_options([system, get_system(DEFAULT_SYSTEM)], "vqa", {})
    assert options[name] == system.read_options("vqa", {})


async def test_metrics_count_the_request_once_and_each_system_apart(gateway):
    transport = httpx.ASGITransport(gateway.build())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.post("/transmit", params={"task": "sentiment", "system": "mfmsc,mmsc"}, **TEXT)
        text = (await client.get("/metrics")).text
    assert 'semcom_transmitter_requests_total{status="200",system="several",task="sentiment"} 1.0' in text
    for system in ("mfmsc", "mmsc"):
        assert f'semcom_transmitter_upload_bytes_total{{system="{system}",task="sentiment"}} 11.0' in text
