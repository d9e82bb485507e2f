"""What a service refuses to start with, and says."""

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from systems.registry import SYSTEMS

ROOT = Path(__file__).parents[2]

PORTS = {
    "receiver": ("SEMCOM_RECEIVER_HTTP_PORT", "SEMCOM_RECEIVER_GRPC_PORT"),
    "transmitter": ("SEMCOM_TRANSMITTER_HTTP_PORT",),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


@pytest.fixture
def broken_row(monkeypatch, tmp_path):
    """A row of another distribution that cannot be imported, read anew by whoever asks."""
    (tmp_path / "broken_rows.py").write_text("raise RuntimeError('half written')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(SYSTEMS, "_found", None)
    monkeypatch.setattr(SYSTEMS, "_problems", [])
    monkeypatch.setenv("SEMCOM_SYSTEMS", "broken=broken_rows:SYSTEM")


@pytest.mark.usefixtures("broken_row")
@pytest.mark.parametrize("service", PORTS)
def test_a_row_that_is_not_fit_is_named_at_the_start(start, service, tmp_path):
    status, log = start(service, SEMCOM_WEIGHTS=tmp_path, **{name: free_port() for name in PORTS[service]})
    assert status == 2
    assert "from SEMCOM_SYSTEMS" in log
    assert "half written" in log


def test_the_channel_service_names_it_too(tmp_path):
    (tmp_path / "broken_rows.py").write_text("raise RuntimeError('half written')\n")
    variables = {"SEMCOM_SYSTEMS": "broken=broken_rows:SYSTEM", "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "channel_service"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "from SEMCOM_SYSTEMS" in done.stderr
    assert "half written" in done.stderr
    assert "Traceback" not in done.stderr
