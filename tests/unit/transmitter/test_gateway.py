"""The REST edge in process: what goes through it, and what it says of itself."""

import base64
import io
import math
import re

import httpx
import numpy as np
import pytest
from gateway_fakes import (
    PICTURE,
    UNTRAINED,
    Gateway,
    LoopbackChannel,
    PowerSystem,
    png_of,
    refused,
    unavailable,
)
from grpc_health.v1 import health_pb2
from PIL import Image

from protos.semcom.v1 import channel_service_pb2
from shared.link_settings import link_settings
from shared.tasks import TASKS, get_task
from shared.wire import unpack_symbols
from systems.layers.profiles import PROFILES
from systems.registry import DEFAULT_SYSTEM, SYSTEMS


@pytest.fixture
def gateway():
    return Gateway()


def test_a_text_task_by_json(gateway):
    response = gateway.transmit("sentiment", json={"text": " a fine\nfilm "})
    assert response.status_code == 200
    body = response.json()
    assert gateway.system.sources == [{"text": "a fine film"}]
    assert body["answer"] == {"label": "yes", "probabilities": {"yes": 0.75, "no": 0.25}}
    assert body["scores"] == {}
    assert {name: body[name] for name in ("task", "system", "link", "channel", "fading", "csi")} == {
        "task": "sentiment", "system": "mfmsc", "link": "default",
        "channel": "awgn", "fading": "block", "csi": "perfect",
    }  # fmt: skip
    assert body["snr_db"] == body["requested_snr_db"] == 12.0
    assert body["realised_snr_db"] == 11.5
    assert body["post_equalisation_snr_db"] == 11.9
    assert body["k_factor_db"] is None
    assert body["network_delay_ms"] == 40.0
    assert body["fingerprint"] == "f" * 16
    assert body["overhead"]["source_bytes"] == len(" a fine\nfilm ")
    assert body["overhead"]["channel_uses"] == 16
    assert body["overhead"]["payload_bytes"] == 128
    assert body["overhead"]["bandwidth_ratio"] == pytest.approx(16 / len("a fine film"))


def test_the_answer_counts_word_pieces_that_were_sent_as_unknown(gateway):
    assert gateway.transmit("sentiment", json={"text": "a ☃ and a ☃"}).json()["unknown_pieces"] == 2
    assert gateway.transmit("sentiment", json={"text": "a fine film"}).json()["unknown_pieces"] == 0


def test_a_json_body_may_begin_with_a_byte_order_mark(gateway):
    headers = {"content-type": "application/json"}
    response = gateway.transmit("sentiment", content=b'\xef\xbb\xbf{"text": "x"}', headers=headers)
    assert response.status_code == 200
    assert gateway.system.sources == [{"text": "x"}]


@pytest.mark.parametrize("body", [{"text": "a fine film"}, {"text": "é & ü=1+1"}])
def test_a_text_task_by_a_urlencoded_form(gateway, body):
    assert gateway.transmit("sentiment", data=body).status_code == 200
    assert gateway.system.sources == [body]


@pytest.mark.parametrize("preamble", [b"This is a message in parts.\r\n", b"\r\n", b"--bo\r\n" * 5000, b""])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 100_000])
def test_lines_before_the_first_boundary_are_skipped(gateway, preamble, chunk_bytes):
    part = b'--bound\r\nContent-Disposition: form-data; name="text"\r\n\r\na fine film\r\n--bound--\r\n'
    body = preamble + part
    step = max(chunk_bytes, len(body) // 200)

    async def chunks():
        for start in range(0, len(body), step):
            yield body[start : start + step]

    headers = {"content-type": "multipart/form-data; boundary=bound"}
    response = gateway.transmit("sentiment", content=chunks(), headers=headers)
    assert response.status_code == 200, response.text
    assert gateway.system.sources == [{"text": "a fine film"}]


def test_a_multimodal_task_by_multipart(gateway):
    png = png_of(PICTURE)
    response = gateway.transmit("vqa", data={"text": "what shape?"}, files={"image": ("circle.png", png)})
    assert response.status_code == 200
    (source,) = gateway.system.sources
    np.testing.assert_array_equal(source["image"], PICTURE)
    assert source["text"] == "what shape?"
    assert list(source) == ["image", "text"]  # the order in which the fusion concatenates
    assert response.json()["overhead"]["source_bytes"] == len(png) + len("what shape?")


def test_reconstructed_text_is_scored(gateway):
    body = gateway.transmit("text_reconstruction", json={"text": "A fine film"}).json()
    assert body["answer"] == {"text": "a fine film"}
    assert body["scores"] == {"bleu": pytest.approx(1.0)}


def test_a_reconstructed_picture_comes_back_with_its_score(gateway):
    noisy = PICTURE // 2 * 2  # half of the values are off by one: an error of 1/2
    body = gateway.transmit("image_reconstruction", files={"image": ("p.png", png_of(noisy))}).json()
    with Image.open(io.BytesIO(base64.b64decode(body["answer"]["image_png_base64"]))) as image:
        np.testing.assert_array_equal(np.asarray(image), PICTURE)
    assert body["scores"]["psnr_db"] == pytest.approx(10 * math.log10(255**2 / 0.5))


def test_only_what_the_client_sets_is_overridden(gateway):
    gateway.transmit("sentiment", json={"text": "x"})
    gateway.transmit(
        "sentiment",
        json={"text": "x"},
        params={"channel": "rician", "k_factor_db": 0, "snr_db": -6, "seed": 2**64 - 1, "frame_number": 0,
                "csi": "estimated", "num_pilots": 4, "link": "north"},
    )  # fmt: skip
    plain, full = gateway.channel.requests
    assert plain.link == "default"
    assert not plain.overrides.ListFields()
    assert not plain.frames[0].HasField("frame_number")
    assert full.link == "north"
    assert full.overrides == channel_service_pb2.LinkSettings(
        channel="rician", k_factor_db=0.0, snr_db=-6.0, seed=2**64 - 1, csi="estimated", num_pilots=4
    )
    assert full.frames[0].HasField("frame_number")


def test_every_setting_that_an_instance_may_override_reaches_the_link(gateway):
    settings = {
        name: "walk" if setting.type == "string" else setting.maximum
        for name, setting in link_settings().items()
        if setting.is_overridable
    }
    assert {"channel", "snr_db", "k_factor_db", "doppler_hz", "trace"} <= settings.keys()
    assert not {"network_delay_ms", "record", "replay"} & settings.keys()
    assert gateway.transmit("sentiment", json={"text": "x"}, params=settings).status_code == 200
    assert gateway.channel.requests[0].overrides == channel_service_pb2.LinkSettings(**settings)


def test_a_parameter_that_only_the_channel_service_knows_reaches_the_link(gateway):
    gateway.channel.parameters = {"blocked_share": 0.2}
    for value, status in (("0.5", 200), ("half", 422)):
        params = {"blocked_share": value, "symbols_per_token": 16}
        answer = gateway.transmit("sentiment", json={"text": "x"}, params=params)
        assert answer.status_code == status
    assert answer.json()["error"]["field"] == "blocked_share"
    (request,) = gateway.channel.requests
    assert dict(request.overrides.parameters) == {"blocked_share": 0.5}


@pytest.mark.parametrize(("encoding", "payload_bytes"), [("float32", 128), ("float16", 64), ("int8", 32)])
def test_symbols_are_encoded_as_asked(gateway, encoding, payload_bytes):
    body = gateway.transmit("sentiment", json={"text": "x"}, params={"encoding": encoding}).json()
    assert body["overhead"]["payload_bytes"] == payload_bytes
    frame = gateway.channel.requests[0].frames[0]
    np.testing.assert_allclose(unpack_symbols(frame.symbols), np.ones((1, 16)), atol=0.01)


def test_hops_add_up_and_reach_the_store(gateway):
    body = gateway.transmit("sentiment", json={"text": "x"}).json()
    latency = body["latency_ms"]
    assert sum(ms for hop, ms in latency.items() if hop != "total") == pytest.approx(latency["total"])
    assert latency["decode"] == 0.2
    assert latency["downlink"] == 0.3
    assert latency["channel"] == pytest.approx(0.2)  # residence less downlink and decode
    (completed,) = gateway.channel.completed
    assert completed.instance_id == body["instance_id"]
    assert gateway.channel.requests[0].frames[0].encode_ms == latency["encode"]
    assert completed.total_ms == latency["total"]


def test_networks_run_beside_the_event_loop(gateway):
    gateway.transmit("sentiment", json={"text": "x"})
    assert gateway.system.threads
    assert all(name.startswith("encode") for name in gateway.system.threads)


def test_the_catalogue(gateway):
    tasks = {task["name"]: task for task in gateway.request("GET", "/tasks").json()}
    assert list(tasks) == list(TASKS)
    assert tasks["vqa"]["modalities"] == ["image", "text"]
    assert tasks["vqa"]["trained_in"] == ["mfmsc"]
    assert tasks[UNTRAINED]["trained_in"] == []
    (system,) = gateway.request("GET", "/systems").json()
    assert system["tasks"] == list(PowerSystem.tasks)
    assert system["fingerprint"] == "f" * 16
    (option,) = system["options"]
    assert (option["name"], option["minimum"], option["maximum"]) == ("symbols_per_token", 4, 16)
    assert "text_reconstruction" in option["tasks"]


async def test_metrics_count_requests_by_status():
    gateway = Gateway()
    transport = httpx.ASGITransport(gateway.build())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for task, text in (("sentiment", "x"), ("sentiment", ""), ("secret", "x")):
            await client.post("/transmit", params={"task": task}, json={"text": text})
        metrics = (await client.get("/metrics")).text
    name = "semcom_transmitter_requests_total"
    assert f'{name}{{status="200",system="mfmsc",task="sentiment"}} 1.0' in metrics
    assert f'{name}{{status="422",system="mfmsc",task="sentiment"}} 1.0' in metrics
    assert f'{name}{{status="404",system="mfmsc",task="unknown"}} 1.0' in metrics
    assert 'semcom_transmitter_upload_bytes_total{system="mfmsc",task="sentiment"} 1.0' in metrics
    assert "secret" not in metrics


def has_example(schema, openapi):
    """An example of its own, or of a schema that it may be or that it refers to."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return all(has_example(field, openapi) for field in schema["properties"].values())
    parts = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    return "examples" in schema or bool(parts) and all(has_example(part, openapi) for part in parts)


def test_openapi_documents_every_field_with_an_example(gateway):
    openapi = gateway.request("GET", "/openapi.json").json()
    operation = openapi["paths"]["/transmit"]["post"]
    assert {"200", "404", "409", "413", "415", "422", "502", "503", "504"} <= set(operation["responses"])
    for parameter in operation["parameters"]:
        schema = parameter["schema"]
        assert parameter["description"], parameter
        assert schema.get("examples"), parameter
    body = operation["requestBody"]["content"]
    assert set(body["multipart/form-data"]["schema"]["properties"]) == {"text", "image", "audio", "video"}
    for name in ("TransmitAnswer", "OverheadAnswer", "LatencyAnswer", "TaskInfo", "SystemInfo"):
        fields = openapi["components"]["schemas"][name]["properties"]
        assert [field for field, schema in fields.items() if not has_example(schema, openapi)] == []


def test_openapi_says_what_becomes_of_texts_and_pictures(gateway):
    openapi = gateway.request("GET", "/openapi.json").json()
    fields = openapi["paths"]["/transmit"]["post"]["requestBody"]["content"]
    form, json_body, urlencoded = (fields[kind]["schema"]["properties"] for kind in fields)
    parameters = {entry["name"]: entry for entry in openapi["paths"]["/transmit"]["post"]["parameters"]}
    for profile in PROFILES.values():
        assert f"{profile.max_text_tokens} ({profile.name})" in parameters["system"]["description"]
    for described in (json_body, urlencoded):
        assert described["text"]["description"] == form["text"]["description"]
    height, width = get_task("image_reconstruction").image_size
    answer = openapi["components"]["schemas"]["ImageAnswer"]["properties"]["image_png_base64"]
    scores = openapi["components"]["schemas"]["TransmitAnswer"]["properties"]["scores"]
    for described in (form["image"], answer, scores):
        assert f"{height}x{width} pixels" in described["description"]


def test_openapi_states_the_systems_and_every_option_as_the_registry_declares_them(gateway):
    openapi = gateway.request("GET", "/openapi.json").json()
    listed = openapi["paths"]["/transmit"]["post"]["parameters"]
    parameters = {entry["name"]: entry for entry in listed}
    assert len(parameters) == len(listed)  # no option has the name of another parameter
    one, several = parameters["system"]["schema"]["anyOf"]
    assert one["enum"] == list(SYSTEMS)
    for name in SYSTEMS:
        assert re.fullmatch(several["pattern"], f"{DEFAULT_SYSTEM},{name}")
        assert not re.fullmatch(several["pattern"], name)
    assert parameters["system"]["schema"]["default"] == DEFAULT_SYSTEM
    for system in SYSTEMS.values():
        for option in system.options:
            stated = parameters[option.name]
            assert f"{system.name}: {option.description}" in stated["description"]
            limits: dict[str, object] = {"minimum": option.minimum, "maximum": option.maximum}
            if option.choices:
                limits = {"enum": list(option.choices)}
            assert {"type": option.type, **limits} in stated["schema"]["anyOf"]


def test_an_instance_that_cannot_be_completed_is_still_answered(caplog):
    class Forgetful(LoopbackChannel):
        async def CompleteInstances(self, request, timeout):
            raise unavailable()

    assert Gateway(Forgetful()).transmit("sentiment", json={"text": "x"}).status_code == 200
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.message == "instances not completed"


def test_readiness():
    assert Gateway().request("GET", "/readyz").status_code == 200
    refused(Gateway(systems={}).request("GET", "/readyz"), 503, says="no weights in 'weights'")
    down = Gateway(LoopbackChannel(unavailable()))
    refused(down.request("GET", "/readyz"), 503, says="channel_service at channel:1 cannot be reached")
    assert down.request("GET", "/healthz").status_code == 200
    stopping = LoopbackChannel()
    stopping.health = health_pb2.HealthCheckResponse.NOT_SERVING
    refused(
        Gateway(stopping).request("GET", "/readyz"), 503, says="channel_service at channel:1 is not ready"
    )
