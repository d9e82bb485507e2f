"""The HTTP side in process: links, reports, readiness and metrics."""

import asyncio
import csv
import io
import sys
from datetime import UTC, datetime

import httpx
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from pyarrow import parquet

from channel_service.api import create_app
from channel_service.links import Links
from channel_service.live import LiveFeed
from channel_service.metrics import Metrics
from channel_service.reports import Store
from shared.errors import ServiceUnavailable
from shared.ledger import HOPS


class Service:
    """The app with its parts; `receiver_is_up` decides about readiness."""

    def __init__(self, store_path) -> None:
        self.links, self.store = Links(), Store(str(store_path))
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

    def put(self, name: str, body: str) -> httpx.Response:
        return self.request(
            "PUT", f"/links/{name}", content=body, headers={"Content-Type": "application/json"}
        )


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
        "bandwidth_ratio": 0.25, "channel_ms": 1.0,
    }  # fmt: skip
    answered = {**row, "instance_id": "a", "status": "OK", "downlink_ms": 2.0, "decode_ms": 3.0}
    failed = {**row, "instance_id": "b", "status": "ServiceUnavailable"}
    asyncio.run(service.store.add([answered]))
    asyncio.run(service.store.add([failed]))


def test_put_changes_what_it_names_and_get_shows_it(service):
    changed = service.put("default", '{"snr_db": -3, "channel": "rayleigh", "seed": 18446744073709551615}')
    assert changed.status_code == 200
    assert changed.json() == service.request("GET", "/links/default").json()
    assert changed.json() == {
        "name": "default", "channel": "rayleigh", "fading": "block", "snr_db": -3.0, "k_factor_db": 6.0,
        "csi": "perfect", "num_pilots": 4, "seed": 2**64 - 1, "symbol_rate_hz": 1e6,
    }  # fmt: skip
    assert service.links.get("default").snr_db == -3.0


def test_put_makes_links_and_the_list_has_them_all(service):
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


def test_bad_and_unknown_names(service):
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


def test_reports_can_be_narrowed(service):
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


def test_instances_are_shown_whole_and_in_pages(service):
    store_two(service)
    rows = service.request("GET", "/reports/instances", params={"limit": 1}).json()
    assert [(row["instance_id"], row["status"]) for row in rows] == [("b", "ServiceUnavailable")]
    assert datetime.fromisoformat(rows[0]["created"]).tzinfo is UTC
    (answered,) = service.request("GET", "/reports/instances", params={"status": "OK"}).json()
    assert (answered["instance_id"], answered["seed"], answered["decode_ms"]) == ("a", "0", 3.0)


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
    reports = ("OverheadReportRow", "LatencyReportRow", "PaperReportRow", "InstanceRow")
    shown = ("LinkChange", "LinkState", "ErrorDetail", *reports)
    for name in shown:
        for field, entry in document["components"]["schemas"][name]["properties"].items():
            assert entry.get("description"), (name, field)
            assert entry.get("examples"), (name, field)
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (operation["summary"], parameter["name"])
