"""Links: which values they accept, and that a refused change changes nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from channel_service.links.links import MAX_LINKS, Links
from channel_service.links.settings import LinkSettings
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, UnknownName


def changes(**fields) -> channel_service_pb2.LinkSettings:
    return channel_service_pb2.LinkSettings(**fields)


def test_the_default_link_always_exists():
    settings = Links().get("default")
    assert (settings.channel, settings.fading, settings.snr_db, settings.csi) == (
        "awgn",
        "block",
        12.0,
        "perfect",
    )
    assert (settings.seed, settings.symbol_rate_hz) == (0, 1e6)


@pytest.mark.parametrize(
    ("field", "value"),
    [("snr_db", -30.0), ("snr_db", 60.0), ("snr_db", 0.0), ("seed", 2**64 - 1), ("num_pilots", 1024)],
)
def test_the_ends_of_each_range_are_allowed(field, value):
    assert getattr(Links().set("default", changes(**{field: value})), field) == value


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_is_a_uint64(seed):
    with pytest.raises(InvalidField, match="seed"):
        LinkSettings(seed=seed)


def test_pilots_need_one_gain_a_frame_whichever_is_set_first():
    links = Links()
    with pytest.raises(InvalidField, match="csi"):
        links.set("default", changes(csi="estimated", fading="symbol"))
    links.set("default", changes(csi="estimated"))
    with pytest.raises(InvalidField, match="csi"):
        links.set("default", changes(fading="symbol"))
    assert links.get("default").fading == "block"


def test_absent_fields_keep_their_value_and_zero_is_a_value():
    links = Links()
    links.set("default", changes(snr_db=3.0, seed=9))
    links.set("default", changes(channel="rayleigh"))
    assert links.get("default") == LinkSettings(channel="rayleigh", snr_db=3.0, seed=9)
    links.set("default", changes(snr_db=0.0, seed=0))
    assert (links.get("default").snr_db, links.get("default").seed) == (0.0, 0)


def test_an_unknown_link_is_refused_with_the_names_of_the_known_ones():
    links = Links()
    with pytest.raises(UnknownName, match="default"):
        links.get("nowhere")
    for number in range(100):
        links.set(f"link-{number}", changes())
    with pytest.raises(UnknownName) as caught:
        links.get("nowhere")
    assert len(caught.value.message) < 300


def test_links_are_limited_in_number_but_can_still_be_changed():
    links = Links()
    for number in range(MAX_LINKS - 1):
        links.set(f"link-{number}", changes())
    with pytest.raises(InvalidField, match=str(MAX_LINKS)):
        links.set("one-more", changes())
    assert links.set("link-0", changes(snr_db=1.0)).snr_db == 1.0


def test_each_frame_number_of_a_link_is_used_once():
    links = Links()
    links.set("other", changes())
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: next(links.find("default").numbers), range(2000)))
    assert sorted(numbers) == list(range(2000))
    assert next(links.find("other").numbers) == 0


def test_settings_are_the_same_after_protobuf_and_pilots_are_sent_only_if_estimated():
    settings = LinkSettings(channel="rician", csi="estimated", num_pilots=3, seed=2**64 - 1)
    assert LinkSettings().with_changes(settings.to_proto()) == settings
    assert settings.pilots_a_frame == settings.to_channel().num_pilots == 3
    assert LinkSettings(num_pilots=3).pilots_a_frame == 0
