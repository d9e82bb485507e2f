"""Client to receiver and back over real gRPC: every task, every channel state, every failure behind."""

import base64
import importlib.util
import io
import threading
import time

import av
import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image
from services import Services

from shared.errors import TooLarge
from shared.ledger import HOPS
from shared.runtime.draining import Drain
from shared.tasks import TASKS
from systems.loading import load_transmitters


def _media():
    rng = np.random.default_rng(0)
    image, audio, video = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (48, 40, 3), np.uint8)).save(image, "PNG")
    soundfile.write(audio, 0.1 * rng.standard_normal(8000), 16_000, format="FLAC")
    with av.open(video, "w", format="mp4") as clip:
        stream = clip.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for level in range(0, 200, 20):
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), level, np.uint8))))
        clip.mux(stream.encode())
    return {
        "text": (None, "what is this?"),
        "image": ("image.png", image.getvalue()),
        "audio": ("audio.flac", audio.getvalue()),
        "video": ("video.mp4", video.getvalue()),
    }


needs_tdl = pytest.mark.skipif(
    importlib.util.find_spec("sionna") is None, reason="needs pip install 'semcom[tdl]'"
)
MEDIA = _media()
VQA = {"image": MEDIA["image"], "text": MEDIA["text"]}


def _check_label(answer):
    assert answer["label"] == next(iter(answer["probabilities"]))
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)


def _check_labels(answer):
    above = [label for label, probability in answer["probabilities"].items() if probability > 0.5]
    assert answer == {"labels": above, "probabilities": answer["probabilities"]}
    assert all(0 < probability < 1 for probability in answer["probabilities"].values())


def _check_text(answer):
    assert list(answer) == ["text"]
    assert set(answer["text"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789' ?.,")


def _check_image(answer):
    with Image.open(io.BytesIO(base64.b64decode(answer["image_png_base64"]))) as image:
        assert image.size == (32, 32)


CHECKS = {
    "label": _check_label, "labels": _check_labels, "text": _check_text, "transcript": _check_text,
    "image": _check_image,
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_is_answered(services, task):
    fields = {modality: MEDIA[modality] for modality in task.modalities}
    response = services.transmit(task.name, fields, snr_db=12)
    assert response.status_code == 200, response.text
    body = response.json()
    CHECKS[task.answer.kind](body["answer"])
    assert set(body["scores"]) == {"image": {"psnr_db"}, "text": {"bleu"}}.get(task.answer.kind, set())
    overhead = body["overhead"]
    assert overhead["source_bytes"] == sum(len(value) for _, value in fields.values())
    assert overhead["payload_bytes"] == 8 * overhead["channel_uses"]
    assert (overhead["channel_uses"] > 16) == task.answer.sends_sequence
    latency = body["latency_ms"]
    assert all(latency[hop] > 0 for hop in HOPS)
    assert sum(latency[hop] for hop in HOPS if hop != "total") == pytest.approx(latency["total"])


def test_a_frame_replays_and_the_next_one_differs(services):
    def send(frame_number):
        body = services.transmit("vqa", VQA, channel="rayleigh", seed=5, frame_number=frame_number).json()
        return {name: body[name] for name in ("answer", "realised_snr_db", "post_equalisation_snr_db")}

    assert send(3) == send(3)
    assert send(3) != send(4)


@pytest.mark.parametrize("encoding", ["float32", "float16", "int8"])
@pytest.mark.parametrize(
    ("channel", "fading", "csi"),
    [
        ("awgn", "block", "perfect"),
        ("awgn", "block", "none"),
        ("rayleigh", "block", "perfect"),
        ("rayleigh", "block", "estimated"),
        ("rayleigh", "symbol", "perfect"),
        ("rayleigh", "symbol", "none"),
        ("rician", "block", "perfect"),
        ("rician", "doppler", "estimated"),
        ("nakagami", "doppler", "mismatched"),
        pytest.param("tdl-d", "block", "perfect", marks=needs_tdl),
    ],
)
def test_every_channel_state_is_applied_and_stated(services, encoding, channel, fading, csi):
    response = services.transmit(
        "vqa", VQA, channel=channel, fading=fading, csi=csi, snr_db=6, encoding=encoding, num_pilots=8
    )
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["channel"], body["fading"], body["csi"]) == (channel, fading, csi)
    assert body["snr_db"] == body["requested_snr_db"] == 6.0
    assert body["noise_variance"] == pytest.approx(10**-0.6)
    assert body["overhead"]["num_pilots"] == (8 if csi == "estimated" else 0)
    assert (body["k_factor_db"] is not None) == (channel == "rician")


def test_at_high_snr_every_encoding_and_csi_gives_the_same_answer(services):
    """At 60 dB over AWGN nothing but rounding is left, so the equaliser must not get in the way."""
    answers = [
        services.transmit("vqa", VQA, snr_db=60, csi=csi, encoding=encoding).json()["answer"]["probabilities"]
        for csi, encoding in (("perfect", "float32"), ("none", "float32"), ("perfect", "float16"))
    ]
    for answer in answers[1:]:
        assert answer == pytest.approx(answers[0], abs=0.01)


def test_a_frame_that_the_network_loses_is_no_answer_but_a_502(services):
    link = {"json": {"network_loss_rate": 1.0}, "trust_env": False}
    assert httpx.put(f"{services.urls['channel_service']}/links/gone", **link).status_code == 200
    response = services.transmit("sentiment", {"text": MEDIA["text"]}, link="gone", frame_number=5)
    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["type"], error["link"], error["frame_numbers"]) == ("FrameLost", "gone", [5])
    assert "network_loss_rate" in error["message"]


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({"channel": "fog"}, 422, "channel"),
        ({"fading": "slow"}, 422, "fading"),
        ({"csi": "genie"}, 422, "csi"),
        ({"csi": "estimated", "channel": "rayleigh", "fading": "symbol"}, 422, "csi"),
        ({"link": "nowhere"}, 404, "link"),
        ({"link": "No Where"}, 404, "link"),
    ],
)
def test_what_the_channel_service_refuses_keeps_its_words(services, params, status, field):
    response = services.transmit("sentiment", {"text": MEDIA["text"]}, **params)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["field"] == field
    assert error["allowed"]


def test_a_text_too_long_to_bring_back_is_refused_as_in_process(services, tiny_weights):
    long = " ".join(["film"] * 63)  # 65 pieces with the marks; the tiny profile takes 64
    response = services.transmit("text_reconstruction", {"text": (None, long)})
    assert response.status_code == 413
    error = response.json()["error"]
    assert (error["type"], error["field"], error["value"]) == ("TooLarge", "text", "65 word pieces")
    assert "at most 64 word pieces" in error["allowed"]
    with pytest.raises(TooLarge) as refusal:
        load_transmitters(tiny_weights)["mfmsc"].encode(
            "text_reconstruction", [{"text": long}], {"symbols_per_token": 16}
        )
    assert refusal.value.message == error["message"]
    assert services.transmit("sentiment", {"text": (None, long)}).status_code == 200


def test_the_store_gets_every_hop(services):
    services.transmit("sentiment", {"text": MEDIA["text"]})
    deadline = time.monotonic() + 5
    while True:  # the transmitter completes the row behind the answer
        report = services.get("channel_service", "/reports/latency", params={"task": "sentiment"}).json()
        hops = {row["hop"]: row for row in report}
        if set(hops) == set(HOPS) or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert set(hops) == set(HOPS)
    assert hops["total"]["mean_ms"] >= hops["encode"]["mean_ms"] > 0


def test_an_upload_of_50_megabytes_over_a_real_connection(services):
    response = services.transmit("image_classification", {"image": ("large.png", bytes(50 << 20))})
    assert response.status_code == 413
    assert response.json()["error"]["field"] == "body"


def test_a_refused_task_with_a_large_body_still_reads_the_refusal(services):
    response = services.transmit("poetry", {"image": ("large.png", bytes(15 << 20))})
    assert response.status_code == 404


def test_services_may_go_and_come_back(tiny_weights, tmp_path):
    def status_and_words():
        response = running.transmit("sentiment", {"text": MEDIA["text"]})
        return response.status_code, response.json().get("error", {}).get("message", "")

    def num_failed():
        return running.get("channel_service", "/reports/overhead").json()[0]["num_failed"]

    with Services(tiny_weights, tmp_path) as running:
        assert status_and_words() == (200, "")
        running.stop("receiver")
        status, words = status_and_words()
        assert status == 503
        assert f"receiver at {running.receiver_address} cannot be reached" in words
        assert running.get("channel_service", "/readyz").status_code == 503
        assert num_failed() == 1  # what met no receiver is in the books

        running.stop("channel_service")
        status, words = status_and_words()
        assert status == 503
        assert f"channel_service at {running.channel_address} cannot be reached" in words
        assert running.get("transmitter", "/readyz").status_code == 503

        running.start("receiver")
        running.start("channel_service")
        deadline = time.monotonic() + 5
        while status_and_words()[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert status_and_words() == (200, "")
        assert num_failed() >= 1  # and whatever came before the receiver was back


def test_a_request_at_work_is_answered_before_the_transmitter_stops(tiny_weights, tmp_path, monkeypatch):
    is_at_work, work = threading.Event(), Drain.work

    def work_and_tell(drain):
        is_at_work.set()
        return work(drain)

    monkeypatch.setattr(Drain, "work", work_and_tell)
    with Services(tiny_weights, tmp_path) as running:

        def body():
            yield b'{"text": '
            assert is_at_work.wait(30)  # a request that comes once the service stops is refused
            running.signal_stop("transmitter")
            while running.get("transmitter", "/readyz").status_code == 200:
                time.sleep(0.01)
            yield b'"a good film"}'

        url = f"{running.urls['transmitter']}/transmit?task=sentiment"
        headers = {"content-type": "application/json"}
        response = httpx.post(url, content=body(), headers=headers, trust_env=False)
        assert response.status_code == 200, response.text
        running.stop("transmitter")
        with pytest.raises(httpx.ConnectError):
            running.get("transmitter", "/healthz")
        stored = running.get("channel_service", "/reports/latency").json()
        assert {row["hop"] for row in stored} == set(HOPS)  # completed before the end


def test_a_receiver_with_other_weights_refuses(tiny_weights, other_weights, tmp_path):
    with Services(tiny_weights, tmp_path, receiver_weights=other_weights) as running:
        response = running.transmit("sentiment", {"text": MEDIA["text"]})
        held = running.get("transmitter", "/systems").json()[0]["fingerprint"]
    assert response.status_code == 409
    error = response.json()["error"]
    assert error["type"] == "WeightsMismatch"
    assert error["sent"] == held != error["held"]


def test_without_weights_the_services_run_and_say_so(tmp_path):
    with Services(tmp_path / "none", tmp_path) as running:
        response = running.transmit("sentiment", {"text": MEDIA["text"]})
        assert response.status_code == 503
        assert "semcom train --system mfmsc --tasks sentiment" in response.json()["error"]["message"]
        for name in ("transmitter", "receiver"):
            ready = running.get(name, "/readyz")
            assert (ready.status_code, ready.json()["error"]["type"]) == (503, "NoWeights")


@pytest.fixture
def other_weights(tiny_weights, tmp_path):
    """The same networks after one value of the receiver's was changed."""
    import json
    import shutil
    from dataclasses import asdict, replace

    from safetensors.torch import load_file, save_file

    from shared.weights import _sha256, fingerprint_of, load_manifest

    folder = tmp_path / "other" / "mfmsc"
    shutil.copytree(tiny_weights, folder.parent)
    path = folder / "receiver.safetensors"
    tensors = load_file(path)
    name = next(iter(tensors))
    tensors[name] = tensors[name] + 1
    save_file(tensors, path)
    manifest = load_manifest(folder)
    manifest = replace(manifest, sha256={**manifest.sha256, path.name: _sha256(path)})
    manifest = replace(manifest, fingerprint=fingerprint_of(manifest))
    (folder / "manifest.json").write_text(json.dumps(asdict(manifest)))
    return folder.parent
