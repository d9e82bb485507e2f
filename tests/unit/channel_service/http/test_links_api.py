"""The HTTP app in process: links, schedules, recordings and traces."""

import io
import json
import math
from pathlib import Path

import httpx
import numpy as np
import pytest

from shared.link_settings import link_settings

EXPECTED = Path(__file__).parents[3] / "expected"


def test_put_sets_the_fields_of_its_body_and_get_shows_them(service):
    changed = service.put("default", '{"snr_db": -3, "channel": "rayleigh", "seed": 18446744073709551615}')
    assert changed.status_code == 200
    assert changed.json() == service.request("GET", "/links/default").json()
    defaults = {name: setting.default for name, setting in link_settings().items()}
    assert changed.json() == {
        **defaults, "name": "default", "channel": "rayleigh", "snr_db": -3.0, "seed": 2**64 - 1,
        "snr_schedule": None,
    }  # fmt: skip
    assert {"k_factor_db": 6.0, "doppler_hz": 10.0, "num_pilots": 4, "trace": ""}.items() <= defaults.items()
    assert service.links.get("default").snr_db == -3.0


def test_a_body_may_begin_with_a_byte_order_mark(service):
    changed = service.put("default", '\ufeff{"snr_db": -3}')
    assert (changed.status_code, changed.json().get("snr_db")) == (200, -3.0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"snr_db": NaN}', "snr_db"),
        ('{"snr_db": Infinity}', "snr_db"),
        ('{"snr_db": 1e400}', "snr_db"),
        ('{"snr_db": 1e9}', "snr_db"),
        ('{"snr_db": "loud"}', "snr_db"),
        ('{"k_factor_db": 41}', "k_factor_db"),
        ('{"channel": "vacuum"}', "channel"),
        ('{"channel": "\\ud800"}', "channel"),
        ('{"fading": "slow"}', "fading"),
        ('{"csi": "half"}', "csi"),
        ('{"csi": "estimated", "fading": "symbol"}', "csi"),
        ('{"num_pilots": 0}', "num_pilots"),
        ('{"num_pilots": 4.5}', "num_pilots"),
        ('{"seed": -1}', "seed"),
        ('{"seed": 18446744073709551616}', "seed"),
        ('{"symbol_rate_hz": 0}', "symbol_rate_hz"),
        ('{"coherence_symbols": -1}', "coherence_symbols"),
        ('{"coherence_symbols": 4, "csi": "estimated"}', "csi"),
        ('{"channel": "tdl-a", "csi": "estimated"}', "csi"),
        ('{"doppler_hz": NaN}', "doppler_hz"),
        ('{"frame_interval_ms": -1}', "frame_interval_ms"),
        ('{"nakagami_m": 0.4}', "nakagami_m"),
        ('{"delay_spread_ns": 1e6}', "delay_spread_ns"),
        ('{"csi_error_db": 21}', "csi_error_db"),
        ('{"channel": "trace"}', "trace"),
        ('{"trace": "../x"}', "trace"),
        ('{"network_delay_ms": -1}', "network_delay_ms"),
        ('{"network_jitter_ms": 1e5}', "network_jitter_ms"),
        ('{"network_loss_rate": 1.1}', "network_loss_rate"),
        ('{"record": "A"}', "record"),
        ('{"record": "a", "replay": "b"}', "record"),
        ('{"replay": "a/b"}', "replay"),
        ('{"snr_schedule": {"at": [0], "snr_db": []}}', "snr_schedule.at"),
        ('{"snr_schedule": {"at": [1, 0], "snr_db": [0, 0]}}', "snr_schedule.at"),
        ('{"snr_schedule": {"at": [NaN], "snr_db": [0]}}', "snr_schedule.at"),
        ('{"snr_schedule": {"at": [0], "snr_db": [61]}}', "snr_schedule.snr_db"),
        ('{"snr_schedule": {"at": [0], "snr_db": [0], "over": "km"}}', "snr_schedule.over"),
        ('{"snr_schedule": {"at": [0], "snr_db": [0], "repeats": true}}', "snr_schedule.repeats"),
        ('{"snr_schedule": {"at": [0], "snr_db": [0], "interpolation": "x"}}', "snr_schedule.interpolation"),
        ('{"snr_schedule": {"at": [0], "snr_db": [0], "step": 1}}', "snr_schedule.step"),
        ('{"snr": 3}', "snr"),
        ("[]", "body"),
        ("{", "body"),
        ("", "body"),
    ],
)
def test_bad_settings_are_422_that_name_the_field_and_change_nothing(service, body, field):
    before = service.links.get("default")
    refused = service.put("default", body)
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert error["field"] == field
    assert error["allowed"]
    assert field in error["message"]
    assert service.links.get("default") == before


def test_put_replaces_and_patch_changes(service):
    assert service.patch("l1", '{"channel": "rician", "snr_db": 3}').json()["channel"] == "rician"
    assert service.patch("l1", '{"seed": 7}').json()["snr_db"] == 3.0
    replaced = service.put("l1", '{"seed": 8}').json()
    assert (replaced["channel"], replaced["snr_db"], replaced["seed"]) == ("awgn", 12.0, 8)


def test_a_deleted_link_is_gone_but_its_changes_are_shown(service):
    service.put("l1", '{"seed": 1}')
    service.patch("l1", '{"snr_db": 2}')
    assert service.request("DELETE", "/links/l1").status_code == 204
    for method, path in (("GET", "/links/l1"), ("DELETE", "/links/l1"), ("GET", "/links/l2/changes")):
        assert service.request(method, path).status_code == 404
    refused = service.request("DELETE", "/links/default")
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "link")
    changes = service.request("GET", "/links/l1/changes").json()
    assert [(change["action"], change["settings"]) for change in changes] == [
        ("replace", {"seed": "1"}),
        ("set", {"snr_db": 2.0}),
        ("delete", {}),
    ]
    assert all(change["origin"].startswith("http 127.0.0.1") for change in changes)
    times = [change["time"] for change in changes]
    assert times == sorted(times)
    assert all(time.endswith("Z") for time in times)


def test_a_csv_file_is_a_schedule_in_one_request(service):
    options = {"content": "at,snr_db\n0,20\n1.5,-3\n", "headers": {"Content-Type": "text/csv"}}
    query = {"over": "time_s", "interpolation": "hold"}
    put = service.request("PUT", "/links/default/schedule", params=query, **options)
    assert put.status_code == 200
    assert put.json()["snr_schedule"] == {
        "at": [0.0, 1.5], "snr_db": [20.0, -3.0], "over": "time_s", "interpolation": "hold", "repeats": False,
    }  # fmt: skip
    assert service.request("DELETE", "/links/default/schedule").json()["snr_schedule"] is None
    assert service.request("PUT", "/links/new/schedule", **options).json()["name"] == "new"
    assert service.request("DELETE", "/links/nowhere/schedule").status_code == 404
    for text, field in (
        ("0,1\n1,x\n", "line 2"),
        ("0\n", "line 1"),
        ("", "body"),
        ("at,snr_db\n", "body"),
        ("0,1\n1," + "2" * 200_000, "line 2"),
    ):
        refused = service.request("PUT", "/links/default/schedule", content=text, headers=options["headers"])
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)


def test_recordings_are_listed_and_downloaded_and_no_other_file_is(service, tmp_path):
    assert service.request("GET", "/recordings").json() == {"recordings": [], "traces": []}
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "drive.jsonl").write_text("{}\n")
    (tmp_path / "secret.jsonl").write_text("{}\n")
    (folder / "walk.csv").write_text("1,0\n")
    assert service.request("GET", "/recordings").json() == {"recordings": ["drive"], "traces": ["walk"]}
    assert service.request("GET", "/recordings/drive").text == "{}\n"
    for name in ("secret", "..%2Fsecret", "%2E%2E%2Fsecret"):
        assert service.request("GET", f"/recordings/{name}").status_code == 404


@pytest.mark.parametrize("num_bytes", [3, 200_000])
def test_a_recording_that_grows_while_it_is_sent_is_sent_as_it_was(service, num_bytes):
    path = service.links.recordings._folder / "drive.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"x" * num_bytes)
    app = service.app

    async def recording_meanwhile(scope, receive, send):
        async def record(message):
            if message["type"] == "http.response.start":
                with path.open("ab") as file:
                    file.write(b"y" * 100)
            await send(message)

        await app(scope, receive, record)

    service.app = recording_meanwhile
    response = service.request("GET", "/recordings/drive")
    assert response.content == b"x" * num_bytes
    assert response.headers["content-length"] == str(num_bytes)


def test_a_recording_goes_to_another_machine_and_is_replayed_there(service, tmp_path):
    recorded = (EXPECTED / "drive.jsonl").read_bytes()
    kind = {"Content-Type": "application/jsonl"}

    def upload(name: str, content: bytes) -> httpx.Response:
        return service.request("PUT", f"/recordings/{name}", content=content, headers=kind)

    response = upload("monday", recorded)
    assert (response.status_code, response.json()) == (201, {"name": "monday", "num_frames": 8})
    assert service.request("GET", "/recordings/monday").content == recorded
    assert service.put("again", '{"replay": "monday"}').status_code == 200
    for name, content in (
        ("monday", recorded),
        ("No", recorded),
        ("empty", b""),
        ("header", recorded.splitlines(keepends=True)[0]),
        ("other", b"{}\n"),
        ("short", recorded[:-9]),
        ("torn", recorded.replace(b'"shape": [1, 1]', b'"shape": [1, 2]')),
        ("wild", recorded.replace(b'"snr_db": 3.0', b'"snr_db": 1e9')),
        ("deep", recorded + b"[" * 100_000 + b"\n"),
    ):
        refused = upload(name, content)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "recording"), name
    assert service.request("GET", "/recordings").json()["recordings"] == ["monday"]
    assert [path.name for path in (tmp_path / "recordings").iterdir()] == ["monday.jsonl"]
    wrong = service.request("PUT", "/recordings/x", content=recorded, headers={"Content-Type": "text/csv"})
    assert wrong.status_code == 415


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("frame_number", math.inf, "frame_number = 'inf'"),
        ("frame_number", 1.5, "frame_number = '1.5'"),
        ("frame_number", 2**64, "frame_number = '18446744073709551616'"),
        ("noise_variance", 0.0, "noise_variance = '0.0'"),
        ("noise_variance", math.nan, "noise_variance = 'nan'"),
        ("noise_variance", 1e80, "noise_variance = '1e+80'"),
        ("noise_variance", 1e-7, "noise_variance = '1e-07'"),
        ("gains", {"shape": [1, 1], "data": "mXZhfwAAAAA="}, "gains = '|h| = 2.99692e+38'"),
        ("gains", {"shape": [1, 1], "data": "AADAfwAAAAA="}, "gains = 'NaN or infinity'"),
    ],
)
def test_a_recording_with_a_bad_value_is_refused_by_its_name(service, field, value, shown):
    header, line = (EXPECTED / "drive.jsonl").read_text().splitlines(keepends=True)[:2]
    bad = json.dumps({**json.loads(line), field: value}) + "\n"
    refused = service.request(
        "PUT", "/recordings/bad", content=header + bad, headers={"Content-Type": "application/jsonl"}
    )
    error = refused.json()["error"]
    assert (refused.status_code, error["field"], error["value"]) == (422, "recording", "bad")
    assert f"({shown} is not allowed; allowed: " in error["allowed"]


def npy_with_header(header: str) -> bytes:
    padded = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode() + bytes(48)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 no archive",
        npy_with_header("{'descr': '<c16', 'shape': (3,"),
        npy_with_header("{'descr': [('a', 'x', 'y', 'z')], 'fortran_order': False, 'shape': (3,), }"),
        npy_with_header("{'descr': '<c16', 'fortran_order': False, 'shape': (10000000000000,), }"),
        npy_with_header("{'descr': '<c16', 'fortran_order': False, 'shape': (10000000000000000000000,), }"),
        npy_with_header("-" * 9000 + "1"),
    ],
    ids=["archive", "open bracket", "unknown type", "no memory", "no number", "deep"],
)
def test_a_broken_numpy_file_is_refused_as_a_trace(service, content):
    kind = {"Content-Type": "application/octet-stream"}
    refused = service.request("PUT", "/traces/bad", content=content, headers=kind)
    error = refused.json()["error"]
    assert (refused.status_code, error["field"], error["value"]) == (422, "trace", "bad")
    assert "finite complex gains" in error["allowed"]


def test_traces_are_uploaded_as_csv_or_numpy_files_and_played(service):
    file = io.BytesIO()
    np.save(file, np.array([1, 1j, -2]))
    for name, kind, content in (
        ("walk", "text/csv", b"1,0\n0,1\n-2,0\n"),
        ("run", "application/octet-stream", file.getvalue()),
    ):
        response = service.request("PUT", f"/traces/{name}", content=content, headers={"Content-Type": kind})
        assert (response.status_code, response.json()) == (201, {"name": name, "num_gains": 3})
        assert service.put("played", f'{{"channel": "trace", "trace": "{name}"}}').status_code == 200
        for taken, bad in ((name, content), ("bad", b"1,2,3\n"), ("bad", b"")):
            refused = service.request("PUT", f"/traces/{taken}", content=bad, headers={"Content-Type": kind})
            assert (refused.status_code, refused.json()["error"]["field"]) == (422, "trace")
    assert service.request("GET", "/recordings").json()["traces"] == ["run", "walk"]


def test_bad_and_unknown_names(service):
    for field in ("trace", "replay"):
        missing = service.put("default", f'{{"{field}": "gone"}}')
        assert (missing.status_code, missing.json()["error"]["value"]) == (404, "gone")
    assert service.put("Not-A-Name", "{}").status_code == 422
    unknown = service.request("GET", "/links/nowhere")
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "UnknownName")
    assert "default" in unknown.json()["error"]["allowed"]
