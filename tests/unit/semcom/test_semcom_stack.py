import socket
import subprocess
import sys
from dataclasses import asdict

import pytest

from semcom.stack import Ports, ServiceProcess, Stack, StackError, _open_probe, _why_not_ready


def test_ports_follow_the_settings(monkeypatch):
    assert Ports.configured() == Ports(8000, 50051, 8001, 50052, 8002)
    monkeypatch.setenv("SEMCOM_CHANNEL_HTTP_PORT", "9001")
    assert Ports.configured().channel_http == 9001


def test_free_ports_differ_and_can_be_bound():
    ports = Ports.free()
    assert len(set(asdict(ports).values())) == 5
    ports.check_free()


def test_a_taken_port_is_named_with_its_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        others = asdict(Ports.free()) | {"channel_grpc": port}
        with pytest.raises(StackError, match=rf"taken ports: {port} \(channel grpc\)"):
            Ports(**others).check_free()


def test_a_port_used_twice_is_refused():
    ports = asdict(Ports.free())
    with pytest.raises(StackError, match="receiver http"):
        Ports(**ports | {"receiver_http": ports["receiver_grpc"]}).check_free()


def test_a_service_that_is_late_is_named_with_its_reason(service, tmp_path):
    service.status = 503
    service.answer = {"error": {"type": "ServiceUnavailable", "message": "receiver cannot be reached"}}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        late = ServiceProcess("channel_service", process, tmp_path / "log", f"{service.url}/readyz", {})
        with Stack(Ports.free(), [late], tmp_path) as stack:
            with pytest.raises(
                StackError, match=r"not ready within 0.3 s: channel_service \(receiver cannot"
            ):
                stack._wait_until_ready(0.3, lambda _: None)
            service.status = 200
            stack._wait_until_ready(0.3, lambda _: None)
    assert process.returncode is not None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("http_proxy", "http://127.0.0.1:9"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("SSL_CERT_FILE", "/nowhere.pem"),
    ],
)
def test_probes_follow_no_variable_that_redirects_them(variable, value, monkeypatch, service):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(variable, value)
    with _open_probe() as http:
        assert _why_not_ready(http, f"{service.url}/readyz") is None
