"""Every system meets bad requests and wild symbols with an answer or a named error."""

import numpy as np
import pytest
from gateway_fakes import PICTURE, Gateway, png_of, refused
from test_media import audio_file, greys, tone, video_file

from shared.errors import InvalidField
from shared.tasks import TASKS
from systems.base import Received
from systems.loading import load_receivers, load_transmitters
from systems.registry import SYSTEMS

_MEDIA = {"audio": ("audio", audio_file(tone())), "video": ("video", video_file(greys(3), "avi", "mjpeg"))}


@pytest.fixture(scope="module")
def transmitters(tiny_systems):
    return load_transmitters(tiny_systems)


@pytest.fixture(scope="module")
def receivers(tiny_systems):
    return load_receivers(tiny_systems)


def test_every_system_is_tried(transmitters, receivers):
    assert set(transmitters) == set(receivers) == set(SYSTEMS)


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_bad_options_and_bodies_are_refused_by_name(system, transmitters):
    gateway, task = Gateway(systems=transmitters), "vqa"
    good = {"data": {"text": "what?"}, "files": {"image": ("p.png", png_of(PICTURE))}}
    assert gateway.transmit(task, params={"system": system}, **good).status_code == 200
    num_sent = len(gateway.channel.requests)
    refused(gateway.transmit(task, params={"system": system, "volume": "9"}, **good), 422, "volume")
    for option in SYSTEMS[system].options:
        wrong = {"system": system, option.name: "\x00"}
        refused(gateway.transmit(task, params=wrong, **good), 422, option.name)
    refused(gateway.transmit(task, params={"system": system}, json={"text": "what?"}), 422, "image")
    cut = {"data": {"text": "what?"}, "files": {"image": ("p.png", png_of(PICTURE)[:-60])}}
    refused(gateway.transmit(task, params={"system": system}, **cut), 415, "image")
    assert len(gateway.channel.requests) == num_sent


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_media_at_their_ends_are_answered_or_refused(system, transmitters):
    tiny, wide = np.zeros((1, 1, 3), np.uint8), np.zeros((1, 900, 3), np.uint8)
    texts = ["?", "é☃\U0001f600", "word " * 400, "\n\t x"]
    for task in transmitters[system].tasks:
        for text, pixels in zip(texts, (tiny, wide, PICTURE, PICTURE), strict=True):
            media = {**_MEDIA, "text": (None, text.encode()), "image": ("p.png", png_of(pixels))}
            files = [(modality, media[modality]) for modality in TASKS[task].modalities]
            response = Gateway(systems=transmitters).transmit(task, params={"system": system}, files=files)
            assert response.status_code in (200, 413, 415, 422), response.text


_SYMBOLS = {
    "one": np.zeros((1, 1)),
    "odd": np.zeros((3, 50)),
    "many": np.random.default_rng(0).standard_normal((70, 16)),
    "huge": np.full((1, 16), 1e30),
    "vector": np.random.default_rng(1).standard_normal((1, 16)),
}


@pytest.mark.parametrize("symbols", list(_SYMBOLS))
@pytest.mark.parametrize("system", list(SYSTEMS))
def test_symbols_that_no_transmitter_sent_end_in_an_answer_or_a_named_error(system, symbols, receivers):
    x = _SYMBOLS[symbols].astype(np.complex64)
    frame = Received(x, np.full(x.shape, 0.1, np.float32))
    for task in receivers[system].tasks:
        try:
            answers = receivers[system].decode(task, [frame])
        except InvalidField:  # as the interface allows for a shape that the task does not send
            continue
        assert len(answers) == 1
