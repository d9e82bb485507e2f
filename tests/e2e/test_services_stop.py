"""Receiver and transmitter as real processes: how they start, refuse to start, and stop."""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
PORTS = {
    "receiver": ("SEMCOM_RECEIVER_HTTP_PORT", "SEMCOM_RECEIVER_GRPC_PORT"),
    "transmitter": ("SEMCOM_TRANSMITTER_HTTP_PORT",),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(service, **variables):
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    return subprocess.Popen(
        [sys.executable, "-m", service], env=environment, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("service", PORTS)
def test_sigterm_ends_a_service_with_status_0(service, tmp_path):
    ports = {name: free_port() for name in PORTS[service]}
    process = spawn(service, SEMCOM_WEIGHTS=tmp_path, **ports)
    try:
        url = f"http://127.0.0.1:{ports[PORTS[service][0]]}/healthz"
        deadline = time.monotonic() + START_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                assert httpx.get(url, trust_env=False).status_code == 200
                break
            except httpx.TransportError:
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=STOP_TIMEOUT_S)
    finally:
        process.kill()
    assert process.returncode == 0, log
    (ready,) = [line for line in map(json.loads, log.splitlines()) if line["event"] == "ready"]
    assert ready["service"] == service
    assert ready["systems"] == {}
    assert set(ports.values()) <= {value for value in ready.values() if isinstance(value, int)}


@pytest.fixture
def start(monkeypatch, capsys, caplog):
    """Starts a service in this process; the exit status of its main, and what it wrote."""

    def run(service, **variables):
        module = importlib.import_module(f"{service}.__main__")
        monkeypatch.setattr(module, "configure_logging", lambda *_: None)  # of this process stays as it is
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        try:
            status = module.main()
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().err + caplog.text

    return run


@pytest.mark.parametrize(
    ("service", "name"),
    [("receiver", "SEMCOM_RECEIVER_GRPC_PORT"), ("transmitter", "SEMCOM_MAX_UPLOAD_BYTES")],
)
def test_a_bad_setting_is_named_at_the_start(start, service, name):
    status, log = start(service, **{name: -1})
    assert status == 2
    assert f"{name} = '-1' is not allowed" in log


@pytest.mark.parametrize("service", PORTS)
def test_broken_weights_are_named_at_the_start(start, service, tmp_path):
    folder = tmp_path / "mfmsc"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    ports = {name: free_port() for name in PORTS[service]}
    status, log = start(service, SEMCOM_WEIGHTS=tmp_path, **ports)
    assert status == 2
    assert "weights = 'mfmsc' is not allowed" in log


def test_a_taken_port_is_named_at_the_start(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"SEMCOM_RECEIVER_GRPC_PORT": port, "SEMCOM_RECEIVER_HTTP_PORT": free_port()}
        status, log = start("receiver", SEMCOM_WEIGHTS=tmp_path, **ports)
    assert status == 2
    assert f"SEMCOM_RECEIVER_GRPC_PORT = '{port}' is not allowed; allowed: a free port of 127.0.0.1" in log
