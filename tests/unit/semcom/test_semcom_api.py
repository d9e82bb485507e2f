import json
import math
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from semcom.api import Client, ServiceError


@pytest.fixture
def client(service):
    with Client(service.url, service.url, timeout_s=5) as opened:
        yield opened


def test_text_goes_as_json_and_only_given_options_as_query(client, service):
    client.transmit("sentiment", text="fine ☺", snr_db=-6.0, frame_number=0)
    asked = service.asked[0]
    assert (asked.method, asked.path) == ("POST", "/transmit")
    assert asked.query == {
        "task": ["sentiment"],
        "snr_db": ["-6.0"],
        "frame_number": ["0"],
    }
    assert asked.content_type == "application/json"
    assert json.loads(asked.body) == {"text": "fine ☺"}


def test_a_system_and_its_options_are_parameters_of_their_own(client, service):
    client.transmit("text_reconstruction", text="x", system="mfmsc", options={"rate": 5, "task": "vqa"})
    query = service.asked[0].query
    # An option that is another parameter too is sent twice, which the transmitter refuses.
    assert query == {"task": ["text_reconstruction", "vqa"], "system": ["mfmsc"], "rate": ["5"]}


@pytest.mark.parametrize("as_bytes", [True, False])
def test_media_go_as_multipart(client, service, tmp_path, as_bytes):
    path = tmp_path / "circle.png"
    path.write_bytes(b"\x89PNG bytes")
    result = client.transmit("vqa", text="what shape?", image=path.read_bytes() if as_bytes else path)
    asked = service.asked[0]
    assert asked.content_type.startswith("multipart/form-data")
    assert b'name="image"' in asked.body
    assert b"\x89PNG bytes" in asked.body
    assert b'name="text"' in asked.body
    assert b"what shape?" in asked.body
    assert result["answer"]["label"] == "red"


def test_a_missing_file_is_an_os_error(client, service, tmp_path):
    with pytest.raises(FileNotFoundError):
        client.transmit("vqa", image=tmp_path / "nothing.png")
    assert service.asked == []


def test_refusal_carries_the_services_error(client, service):
    service.status = 422
    service.answer = {"error": {"type": "InvalidField", "message": "snr_db = 'nan'", "field": "snr_db"}}
    with pytest.raises(ServiceError, match="snr_db = 'nan'") as caught:
        client.transmit("sentiment", text="x", snr_db=math.nan)
    assert (caught.value.status, caught.value.error["field"]) == (422, "snr_db")


@pytest.mark.parametrize("answer", ["<html>proxy</html>", "[]", '{"error": "text"}', '{"detail": 1}'])
def test_what_is_not_our_error_is_still_a_client_error(client, service, answer):
    service.status, service.answer = 502, answer
    with pytest.raises(ServiceError, match="HTTP 502"):
        client.tasks()


def test_an_absent_service_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with (
            Client(url, url, timeout_s=5) as client,
            pytest.raises(ServiceError, match=url) as caught,
        ):
            client.tasks()
    assert (caught.value.status, caught.value.error["type"]) == (0, "ServiceUnavailable")


def test_a_silent_service_times_out():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Client(url, url, timeout_s=0.1) as client,
            pytest.raises(ServiceError, match="in time") as caught,
        ):
            client.links()
    assert caught.value.error["type"] == "DeadlineExceeded"


def test_a_request_is_waited_for_as_long_as_the_services_may_take(service):
    service.delay_s = 0.5
    with Client(service.url, service.url, timeout_s=0.1) as client:
        assert client.transmit("sentiment", text="x", timeout_s=20)["answer"]["label"] == "red"
        with pytest.raises(ServiceError, match="in time"):
            client.transmit("sentiment", text="x")


def test_set_link_patches_the_given_fields_even_nan(client, service):
    client.set_link("a/b", snr_db=math.nan, channel="awgn")
    asked = service.asked[0]
    assert (asked.method, asked.path) == ("PATCH", "/links/a%2Fb")
    sent = json.loads(asked.body)
    assert sent.keys() == {"snr_db", "channel"}
    assert math.isnan(sent["snr_db"])


def test_reports_are_rows_or_files(client, service):
    service.answer = [{"task": "vqa"}]
    assert client.report("overhead", task="vqa", link=None, snr_bin_db=3.0) == [{"task": "vqa"}]
    assert service.asked[0].query == {"task": ["vqa"], "snr_bin_db": ["3.0"]}
    service.answer = "task,system\nvqa,mfmsc\n"
    assert client.report_file("latency", "csv", link="l") == b"task,system\nvqa,mfmsc\n"
    assert service.asked[1].path == "/reports/latency"
    assert service.asked[1].query == {"format": ["csv"], "link": ["l"]}


def test_a_recording_is_fetched_as_it_is(client, service):
    service.answer = '{"format": "semcom recording"}\n'
    assert client.recording("drive") == service.answer.encode()
    assert service.asked[0].path == "/recordings/drive"


def test_recordings_and_traces_are_brought_with_their_type(client, service, tmp_path):
    (tmp_path / "walk.csv").write_text("1,0\n")
    client.keep_recording("drive", b"{}\n")
    client.keep_trace("walk", tmp_path / "walk.csv")
    client.keep_trace("run", b"\x93NUMPY")
    assert [(asked.method, asked.path, asked.content_type, asked.body) for asked in service.asked] == [
        ("PUT", "/recordings/drive", "application/jsonl", b"{}\n"),
        ("PUT", "/traces/walk", "text/csv", b"1,0\n"),
        ("PUT", "/traces/run", "application/octet-stream", b"\x93NUMPY"),
    ]


@pytest.fixture
def closing():
    """A client, and what its service was asked, which closes each connection on the second request."""
    methods = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version, num_asked = "HTTP/1.1", 0

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            methods.append(self.command)
            self.num_asked += 1
            if self.num_asked == 2:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        do_GET = do_POST = do_PUT = do_PATCH = answer

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        with Client(url, url, timeout_s=5) as client:
            yield client, methods
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("again", "method"),
    [
        (lambda client: client.tasks(), "GET"),
        (lambda client: client.replace_link(snr_db=3), "PUT"),
        (lambda client: client.set_link(snr_db=3), "PATCH"),
    ],
)
def test_a_request_on_a_connection_that_was_just_closed_is_sent_again(closing, again, method):
    client, methods = closing
    client._channel = client._transmitter
    assert client.tasks() == []
    assert again(client) == []
    assert methods == ["GET", method, method]


def test_an_instance_is_not_sent_twice(closing):
    client, methods = closing
    client.tasks()
    with pytest.raises(ServiceError, match="cannot be reached"):
        client.transmit("sentiment", text="x")
    assert methods == ["GET", "POST"]
