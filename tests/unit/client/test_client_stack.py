import socket
from dataclasses import asdict

import pytest

from client.stack import Ports, StackError


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
