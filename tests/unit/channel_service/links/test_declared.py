"""A setting of a link is declared once, and everything else that names it follows."""

import asyncio
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from google.protobuf.descriptor import FieldDescriptor

from channel_service.descriptions import DOCUMENT, settings_file, with_tables
from channel_service.http.links import add_link_routes
from channel_service.links.links import Links
from channel_service.links.settings import LinkSettings, declared_settings
from channel_service.radio.channels import Channel, draw
from channel_service.radio.models import MODELS, Model, check_parameters
from channel_service.radio.models.flat_fading import K_FACTOR_DB, Rician
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.link_settings import SETTINGS_FILE, LinkSetting, link_settings

_TYPES = {
    "number": {FieldDescriptor.TYPE_DOUBLE},
    "integer": {FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64},
    "string": {FieldDescriptor.TYPE_STRING},
}
BLOCKED_SHARE = LinkSetting("blocked_share", 0.2, "Share of blocked frames", minimum=0, maximum=0.9)


class Blockage(Model):
    """Half a gain for as many frames as a parameter says."""

    parameters = (BLOCKED_SHARE,)

    def gains(self, inputs):
        is_blocked = np.exp(-(np.abs(next(inputs.paths)) ** 2)) < inputs.channel[BLOCKED_SHARE]
        return np.where(is_blocked, 0.5, 1.0).astype(np.complex64)


@pytest.fixture
def blockage(monkeypatch):
    monkeypatch.setitem(MODELS, "blockage", Blockage())


def test_the_contract_has_a_field_of_its_type_for_each_setting():
    contract = channel_service_pb2.LinkSettings.DESCRIPTOR.fields_by_name
    declared = declared_settings(MODELS.built_in)
    assert set(contract) - {"snr_schedule", "parameters"} == declared.keys()
    for name, setting in declared.items():
        assert contract[name].type in _TYPES[setting.type], name
        assert contract[name].has_presence, name
        assert setting.allows(setting.default), name


def test_what_other_packages_and_the_document_say_is_current():
    assert SETTINGS_FILE.read_text() == settings_file(), "run: make protos"
    assert list(link_settings().values()) == list(declared_settings(MODELS.built_in).values())
    document = DOCUMENT.read_text()
    assert document == with_tables(document), "run: make protos"


def test_the_readers_of_a_parameter_are_those_that_declare_it():
    settings = link_settings()
    assert settings["k_factor_db"].read_by == {"channel": ("rician",)}
    assert settings["delay_spread_ns"].read_by == {"channel": tuple(f"tdl-{letter}" for letter in "abcde")}
    assert settings["doppler_hz"].read_by == {"fading": ("doppler",)}
    assert settings["doppler_hz"].help == "Largest Doppler shift (0 to 1000000 Hz; for fading=doppler)."


@pytest.mark.usefixtures("blockage")
def test_a_model_of_another_distribution_brings_its_parameter():
    links = Links(Path("none"))
    assert links.get("default").to_dict()["k_factor_db"] == 6.0
    changes = channel_service_pb2.LinkSettings(channel="blockage", parameters={"blocked_share": 0.9})
    settings = links.set("far", changes)
    assert settings.to_dict()["blocked_share"] == 0.9
    assert dict(settings.to_proto().parameters) == {"blocked_share": 0.9}
    assert LinkSettings.from_dict(settings.to_dict()) == settings
    channel = settings.to_channel()
    blocked = [draw(channel, number, (1, 1)).gains.item() == 0.5 for number in range(2000)]
    assert np.mean(blocked) == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / 2000))
    for bad, field in (({"blocked_share": 0.95}, "blocked_share"), ({"nothing": 1.0}, "nothing")):
        with pytest.raises(InvalidField) as caught:
            links.set("far", channel_service_pb2.LinkSettings(parameters=bad))
        assert caught.value.field == field
    with pytest.raises(InvalidField, match="nothing"):
        draw(Channel("blockage", nothing=1.0), 0, (1, 1))


@pytest.mark.usefixtures("blockage")
def test_the_description_over_http_has_it_too():
    app = FastAPI()
    add_link_routes(app, Links(Path("none")))

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://c") as client:
            return await client.get("/link-settings")

    rows = {row["name"]: row for row in asyncio.run(get()).json()}
    assert rows.keys() == link_settings().keys() | {"blocked_share"}
    assert rows["blocked_share"]["read_by"] == {"channel": ["blockage"]}
    assert rows["channel"]["choices"]["blockage"] == "Blockage"
    assert (rows["k_factor_db"]["type"], rows["num_pilots"]["type"]) == ("number", "integer")


@pytest.mark.parametrize(
    "parameter",
    [
        LinkSetting("snr_db", 1.0, "taken", minimum=0, maximum=1),
        LinkSetting("k_factor_db", 1.0, "declared otherwise", minimum=0, maximum=1),
        LinkSetting("name_of_it", "text", "no number"),
        LinkSetting("Share", 1.0, "no name", minimum=0, maximum=1),
    ],
    ids=lambda parameter: parameter.name,
)
def test_a_parameter_that_is_not_fit_is_refused(parameter):
    model = Rician()
    model.parameters = (K_FACTOR_DB,)
    assert check_parameters("clear", model, "here") is model
    model.parameters = (parameter,)
    with pytest.raises(ValueError, match=parameter.name):
        check_parameters("clear", model, "here")
