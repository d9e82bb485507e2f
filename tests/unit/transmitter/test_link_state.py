"""What a system that adapts to the link is told before it encodes."""

import pytest
from gateway_fakes import Gateway, LoopbackChannel, PowerSystem

from shared.weights import Manifest
from systems.base import KnownLink
from systems.per_task import PerTaskTransmitter


class AdaptiveSystem(PowerSystem):
    """Keeps the states that it is told, and sends 4 symbols a token."""

    def __init__(self):
        super().__init__()
        self.told = []

    def needs_link(self, options):
        return options["symbols_per_token"] == 16

    def adapt(self, options, link):
        self.told.append(link)
        return {**options, "symbols_per_token": 4}


@pytest.mark.parametrize(
    ("params", "is_scheduled", "expected"),
    [
        ({}, False, KnownLink("rayleigh", 12.0)),
        ({"channel": "awgn"}, False, KnownLink("awgn", 12.0)),
        ({"snr_db": 3}, False, KnownLink("rayleigh", 3.0)),
        ({}, True, KnownLink("rayleigh", None)),
        ({"snr_db": 3}, True, KnownLink("rayleigh", 3.0)),
    ],
)
def test_the_state_is_that_of_the_link_under_the_settings_of_the_instance(params, is_scheduled, expected):
    system, channel = AdaptiveSystem(), LoopbackChannel()
    if is_scheduled:
        channel.schedule.at.append(0.0)
        channel.schedule.snr_db.append(1.0)
    gateway = Gateway(channel, {"mfmsc": system})
    answer = gateway.transmit("text_reconstruction", files={"text": ("t.txt", b"a film")}, params=params)
    assert answer.status_code == 200
    assert system.told == [expected]
    assert answer.json()["overhead"]["channel_uses"] == 3 * 4


def test_the_snr_of_a_replayed_recording_is_not_known_before():
    system, channel = AdaptiveSystem(), LoopbackChannel()
    channel.replay = "drive"
    gateway = Gateway(channel, {"mfmsc": system})
    gateway.transmit("text_reconstruction", files={"text": ("t.txt", b"a film")}, params={"snr_db": 3})
    assert system.told == [KnownLink("rayleigh", None)]


def test_a_system_trained_one_by_one_adapts_as_its_sides_do():
    side = AdaptiveSystem()
    manifest = Manifest(side.name, side.tasks, {}, {})
    joined = PerTaskTransmitter([side], [manifest])
    link = KnownLink("awgn", 3.0)
    assert joined.needs_link({"symbols_per_token": 16})
    assert not joined.needs_link({"symbols_per_token": 8})
    assert joined.adapt({"symbols_per_token": 16}, link) == {"symbols_per_token": 4}
    assert side.told == [link]


def test_a_system_trained_one_by_one_without_options_of_the_link_is_never_asked():
    side = PowerSystem()
    joined = PerTaskTransmitter([side], [Manifest(side.name, side.tasks, {}, {})])
    assert not joined.needs_link({"symbols_per_token": 16})


def test_options_that_leave_nothing_to_the_link_are_kept():
    system = AdaptiveSystem()
    gateway = Gateway(systems={"mfmsc": system})
    params = {"symbols_per_token": 8}
    answer = gateway.transmit("text_reconstruction", files={"text": ("t.txt", b"a film")}, params=params)
    assert answer.json()["overhead"]["channel_uses"] == 3 * 8
    assert system.told == []
