"""The HTTP app in process: reports, instances, readiness and the documented fields."""

import csv
import io
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import parquet
from stored_rows import add

from shared.ledger import HOPS


def store_two(service) -> None:
    answered = {"instance_id": "a", "blocks_in_error": 1, "outage": True, "seed": "0"}
    unknown = dict.fromkeys(("downlink_ms", "decode_ms", "blocks_in_error", "outage"))
    add(service.store, answered)
    add(service.store, {**unknown, "instance_id": "b", "status": "ServiceUnavailable"})


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
    shown = "LinkChange LinkState LinkEvent Schedule Names StoredRecording StoredTrace OverheadReportRow "
    shown += "LatencyReportRow PaperReportRow InstanceRow ErrorDetail"
    for name in shown.split():
        for field, entry in document["components"]["schemas"][name]["properties"].items():
            assert entry.get("description"), (name, field)
            assert entry.get("examples"), (name, field)
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (operation["summary"], parameter["name"])
