"""A stand-in for both HTTP services that records what it was asked; the command, run in process."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from semcom.cli import main

RESULT = {
    "instance_id": "5f0c",
    "task": "vqa",
    "system": "mfmsc",
    "link": "default",
    "channel": "rayleigh",
    "fading": "block",
    "csi": "perfect",
    "snr_db": -6.0,
    "requested_snr_db": -6.0,
    "realised_snr_db": -6.1,
    "post_equalisation_snr_db": -7.5,
    "noise_variance": 3.98,
    "k_factor_db": None,
    "frame_number": 7,
    "seed": 3,
    "fingerprint": "abcdef",
    "answer": {"label": "red", "probabilities": {"red": 0.75, "blue": 0.25}},
    "outage": False,
    "blocks_in_error": 0,
    "unknown_pieces": 0,
    "scores": {},
    "overhead": {
        "source_bytes": 300,
        "real_values": 32,
        "channel_uses": 16,
        "num_pilots": 0,
        "payload_bytes": 128,
        "message_bytes": 260,
        "airtime_ms": 0.016,
        "bandwidth_ratio": 0.0013,
    },
    "latency_ms": {"encode": 9, "uplink": 1, "channel": 1, "downlink": 1, "decode": 3, "total": 15},
}


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    content_type: str
    body: bytes


@dataclass
class FakeService:
    """Answers every request with `answer` and `status`, after `delay_s`."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    answer: Any = field(default_factory=lambda: RESULT)
    status: int = 200
    delay_s: float = 0.0


@pytest.fixture
def service() -> Iterator[FakeService]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content_type = self.headers.get("Content-Type", "")
            query = parse_qs(url.query, keep_blank_values=True)
            fake.asked.append(Asked(self.command, url.path, query, content_type, body))
            sent = fake.answer.encode() if isinstance(fake.answer, str) else json.dumps(fake.answer).encode()
            time.sleep(fake.delay_s)
            self.send_response(fake.status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake = FakeService(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture
def semcom(monkeypatch, capsys, service):
    """Runs `semcom ARGS` against the fake service; gives exit status, standard output and standard error."""
    monkeypatch.setenv("SEMCOM_URL", service.url)
    monkeypatch.setenv("SEMCOM_CHANNEL_URL", service.url)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["semcom", *args])
        with pytest.raises(SystemExit) as exit_info:
            main()
        out, err = capsys.readouterr()
        return int(exit_info.value.code or 0), out, err

    return run
