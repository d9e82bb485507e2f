"""The HTTP app in process: links, reports, readiness and metrics."""

import asyncio
import csv
import io
import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from pyarrow import parquet

from channel_service.http.app import create_app
from channel_service.links.links import Links
from channel_service.relay.live import LiveFeed
from channel_service.relay.metrics import Metrics
from channel_service.reports.store import Store
from shared.errors import ServiceUnavailable
from shared.ledger import HOPS

EXPECTED = Path(__file__).parents[3] / "expected"


class Service:
    """The app with its parts; `receiver_is_up` sets whether the service is ready."""

    def __init__(self, store_path) -> None:
        self.links, self.store = Links(store_path.parent / "recordings"), Store(str(store_path))
        self.receiver_is_up = True
        self.app = create_app(self.links, self.store, LiveFeed(Metrics()), self._ready, CollectorRegistry())

    async def _ready(self) -> None:
        if not self.receiver_is_up:
            raise ServiceUnavailable("receiver", "127.0.0.1:1")

    def request(self, method: str, path: str, **options) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://channel") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def put(self, name: str, body: str, method: str = "PUT") -> httpx.Response:
        return self.request(
            method, f"/links/{name}", content=body, headers={"Content-Type": "application/json"}
        )

    def patch(self, name: str, body: str) -> httpx.Response:
        return self.put(name, body, "PATCH")


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path / "reports.sqlite3")
    yield made
    made.store.close()


def store_two(service: Service) -> None:
    row = {
        "task": "vqa", "system": "mfmsc", "link": "default", "channel": "awgn", "fading": "block",
        "csi": "perfect", "requested_snr_db": 12.0, "realised_snr_db": 11.9, "noise_variance": 0.063,
        "seed": "0", "frame_number": "7", "source_bytes": 100, "real_values": 32, "channel_uses": 16,
        "num_pilots": 0, "payload_bytes": 128, "message_bytes": 200, "wire_bytes": 230, "airtime_ms": 0.016,
        "bandwidth_ratio": 0.25, "network_delay_ms": 1.5, "channel_ms": 1.0,
        "information_bits": 800, "coded_bits": 1944, "num_blocks": 1, "code_rate": 800 / 1944,
    }  # fmt: skip
    answered = {**row, "instance_id": "a", "status": "OK", "downlink_ms": 2.0, "decode_ms": 3.0}
    answered |= {"blocks_in_error": 1, "outage": True}
    failed = {**row, "instance_id": "b", "status": "ServiceUnavailable"}
    asyncio.run(service.store.add([answered]))
    asyncio.run(service.store.add([failed]))


def test_put_sets_the_fields_of_its_body_and_get_shows_them(service):
    changed = service.put("default", '{"snr_db": -3, "channel": "rayleigh", "seed": 18446744073709551615}')
    assert changed.status_code == 200
    assert changed.json() == service.request("GET", "/links/default").json()
    assert changed.json() == {
        "name": "default", "channel": "rayleigh", "fading": "block", "snr_db": -3.0, "k_factor_db": 6.0,
        "csi": "perfect", "num_pilots": 4, "seed": 2**64 - 1, "symbol_rate_hz": 1e6,
        "coherence_symbols": 0, "doppler_hz": 10.0, "frame_interval_ms": 1.0, "nakagami_m": 2.0,
        "delay_spread_ns": 100.0, "csi_error_db": -20.0, "trace": "", "snr_schedule": None,
        "network_delay_ms": 0.0, "network_jitter_ms": 0.0, "network_loss_rate": 0.0,
        "record": "", "replay": "",
    }  # fmt: skip
    assert service.links.get("default").snr_db == -3.0


def test_put_creates_links_and_the_list_has_them_all(service):
    assert service.put("drive-1", "{}").status_code == 200
    assert [link["name"] for link in service.request("GET", "/links").json()] == ["default", "drive-1"]


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


def test_reports_as_json(service):
    assert service.request("GET", "/reports/overhead").json() == []
    store_two(service)
    (row,) = service.request("GET", "/reports/overhead").json()
    assert (row["num_instances"], row["num_failed"], row["payload_bytes"]) == (2, 1, 128)
    rows = service.request("GET", "/reports/latency").json()
    assert [row["hop"] for row in rows] == list(HOPS)
    assert {row["hop"]: row["p50_ms"] for row in rows}["decode"] == 3.0


@pytest.mark.parametrize("kind", ["overhead", "latency", "paper", "instances"])
def test_reports_as_csv_hold_the_same(service, kind):
    store_two(service)
    rows = service.request("GET", f"/reports/{kind}").json()
    sheet = service.request("GET", f"/reports/{kind}", params={"format": "csv"})
    assert sheet.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [{name: "" if v is None else str(v) for name, v in row.items()} for row in rows] == lines


def test_reports_can_be_filtered(service):
    store_two(service)
    assert service.request("GET", "/reports/overhead", params={"task": "vqa", "link": "default"}).json()
    for name in ("task", "system", "link"):
        assert service.request("GET", "/reports/overhead", params={name: "other"}).json() == []


@pytest.mark.parametrize("kind", ["overhead", "latency", "paper", "instances"])
def test_reports_as_parquet_hold_the_same_and_keep_their_types_when_empty(service, kind):
    def read() -> pa.Table:
        sent = service.request("GET", f"/reports/{kind}", params={"format": "parquet"})
        assert sent.headers["content-type"] == "application/vnd.apache.parquet"
        return parquet.read_table(io.BytesIO(sent.content))

    empty = read()
    assert empty.num_rows == 0
    store_two(service)
    table = read()
    assert table.to_pylist() == service.request("GET", f"/reports/{kind}").json()
    assert table.schema == empty.schema
    assert table.schema.field("task").type == pa.string()


def test_parquet_without_its_library_names_the_extra(service, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = service.request("GET", "/reports/overhead", params={"format": "parquet"})
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert (error["field"], error["value"]) == ("format", "parquet")
    assert "semcom[reports]" in error["allowed"]
    assert service.request("GET", "/reports/overhead", params={"format": "csv"}).status_code == 200


def test_a_report_has_the_columns_it_is_grouped_by(service):
    store_two(service)
    query = {"group_by": "task,channel,snr_bin", "snr_bin_db": 5}
    (row,) = service.request("GET", "/reports/overhead", params=query).json()
    assert list(row)[:4] == ["task", "channel", "snr_bin", "num_instances"]
    assert (row["snr_bin"], row["num_instances"], row["wire_bytes"]) == (10.0, 2, 230)
    (whole,) = service.request("GET", "/reports/paper", params={"group_by": ""}).json()
    assert whole == {"num_instances": 2, "kilobytes": 0.128}


def test_instances_have_all_columns_and_pages(service):
    store_two(service)
    rows = service.request("GET", "/reports/instances", params={"limit": 1}).json()
    assert [(row["instance_id"], row["status"]) for row in rows] == [("b", "ServiceUnavailable")]
    assert datetime.fromisoformat(rows[0]["created"]).tzinfo is UTC
    (answered,) = service.request("GET", "/reports/instances", params={"status": "OK"}).json()
    assert (answered["instance_id"], answered["seed"], answered["decode_ms"]) == ("a", "0", 3.0)
    assert answered["network_delay_ms"] == 1.5
    assert (answered["outage"], answered["blocks_in_error"], answered["coded_bits"]) == (True, 1, 1944)


@pytest.mark.parametrize(
    "query",
    [
        {"format": "xml"},
        {"tsk": "vqa"},
        {"task": "x" * 65},
        {"group_by": "task,colour"},
        {"group_by": "task,task"},
        {"snr_bin_db": "0"},
        {"snr_bin_db": "NaN"},
        {"min_snr_db": "Infinity"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_bad_report_queries_are_422_that_name_the_field(service, query):
    refused = service.request("GET", "/reports/overhead", params=query)
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert error["field"] == next(iter(query))
    assert error["allowed"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 10**9}, {"offset": -1}, {"group_by": "task"}])
def test_bad_pages_are_422_that_name_the_field(service, query):
    refused = service.request("GET", "/reports/instances", params=query)
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == next(iter(query))


def test_readiness_says_what_is_missing(service):
    assert service.request("GET", "/readyz").json() == {"status": "ready"}
    service.receiver_is_up = False
    not_ready = service.request("GET", "/readyz")
    assert not_ready.status_code == 503
    assert "receiver" in not_ready.json()["error"]["message"]
    assert service.request("GET", "/healthz").status_code == 200


def test_every_field_is_documented_with_an_example(service):
    document = service.request("GET", "/openapi.json").json()
    shown = (
        "LinkChange",
        "LinkState",
        "LinkEvent",
        "Schedule",
        "Names",
        "StoredRecording",
        "StoredTrace",
        "OverheadReportRow",
        "LatencyReportRow",
        "PaperReportRow",
        "InstanceRow",
        "ErrorDetail",
    )
    for name in shown:
        for field, entry in document["components"]["schemas"][name]["properties"].items():
            assert entry.get("description"), (name, field)
            assert entry.get("examples"), (name, field)
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (operation["summary"], parameter["name"])
