"""`python -m channel_service` as a process: its start, its stop, and what it depends on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import grpc
import httpx
import pytest
from channel_harness import make_frame
from grpc_health.v1 import health_pb2, health_pb2_grpc
from http_harness import HOST, free_port

from protos.semcom.v1 import channel_service_pb2 as pb
from protos.semcom.v1 import channel_service_pb2_grpc

RECEIVER_PROGRAM = """
import asyncio, sys
from channel_harness import RECEIVER_NAME, ChosenReceiver
from protos.semcom.v1 import receiver_pb2_grpc
from shared.runtime.grpc_runtime import build_server, running, stop_on_signals

async def main():
    stop = stop_on_signals()
    server, checks = build_server((RECEIVER_NAME,))
    receiver_pb2_grpc.add_ReceiverServiceServicer_to_server(ChosenReceiver(), server)
    server.add_insecure_port(sys.argv[1])
    async with running(server, checks, (RECEIVER_NAME,)):
        await stop.wait()

asyncio.run(main())
"""


@contextmanager
def process(arguments: list[str], **variables: str):
    """A child process that has ended when the block ends, also after an error."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


class Started:
    def __init__(self, folder, **variables: str) -> None:
        self.grpc_port, self.http_port, self.receiver_port = free_port(), free_port(), free_port()
        self.url = f"http://{HOST}:{self.http_port}"
        self.variables = {
            "SEMCOM_CHANNEL_GRPC_PORT": str(self.grpc_port),
            "SEMCOM_CHANNEL_HTTP_PORT": str(self.http_port),
            "SEMCOM_RECEIVER_ADDRESS": f"{HOST}:{self.receiver_port}",
            "SEMCOM_CHANNEL_STORE": str(folder / "reports.sqlite3"),
            **variables,
        }

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(self.url + path, timeout=5, trust_env=False)
        except httpx.HTTPError:
            return None

    def wait_for(self, path: str, status: int, timeout_s: float = 30.0) -> httpx.Response:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            response = self.get(path)
            if response is not None and response.status_code == status:
                return response
            time.sleep(0.05)
        raise AssertionError(f"{path} did not answer {status} within {timeout_s:g} s")


def test_it_starts_before_the_receiver_finds_it_and_stops_on_sigterm(tmp_path):
    started = Started(tmp_path)
    with process(["-m", "channel_service"], **started.variables) as service:
        reason = started.wait_for("/readyz", 503).json()["error"]["message"]
        assert str(started.receiver_port) in reason

        with grpc.insecure_channel(f"{HOST}:{started.grpc_port}") as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
            stub = channel_service_pb2_grpc.ChannelServiceStub(channel)
            with pytest.raises(grpc.RpcError) as caught:
                stub.Relay(pb.RelayRequest(frames=[make_frame("early")]), timeout=10)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE

            here = os.path.dirname(__file__)
            path = os.pathsep.join([here, os.getcwd()])
            address = f"{HOST}:{started.receiver_port}"
            with process(["-c", RECEIVER_PROGRAM, address], PYTHONPATH=path) as receiver:
                started.wait_for("/readyz", 200)
                changed = httpx.put(started.url + "/links/default", json={"snr_db": 3.0}, trust_env=False)
                assert changed.status_code == 200
                answered = stub.Relay(pb.RelayRequest(frames=[make_frame("a")]), timeout=10)
                assert answered.results[0].state.requested_snr_db == 3.0
                receiver.terminate()
                assert receiver.wait(20) == 0
        (row,) = started.get("/reports/overhead").json()
        assert (row["num_instances"], row["num_failed"]) == (2, 1)

        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=20)
        assert service.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert any(line["event"] == "ready" and line["grpc_port"] == started.grpc_port for line in lines)
    assert not any("exception" in line for line in lines)
    statuses = [line["status"] for line in lines if line.get("method", "").endswith("/Relay")]
    assert statuses == ["UNAVAILABLE", "OK"]


@pytest.mark.parametrize("name", ["SEMCOM_CHANNEL_GRPC_PORT", "SEMCOM_CHANNEL_STORE", "SEMCOM_LOG_LEVEL"])
def test_a_bad_setting_ends_the_start_and_is_named(tmp_path, name):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        bad = {
            "SEMCOM_CHANNEL_GRPC_PORT": str(taken.getsockname()[1]),
            "SEMCOM_CHANNEL_STORE": str(tmp_path),
            "SEMCOM_LOG_LEVEL": "LOUD",
        }
        variables = {**Started(tmp_path).variables, name: bad[name]}
        with process(["-m", "channel_service"], **variables) as service:
            _, errors = service.communicate(timeout=30)
    assert service.returncode == 2
    assert name in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_a_taken_http_port_ends_the_start(tmp_path):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        variables = {
            **Started(tmp_path).variables,
            "SEMCOM_CHANNEL_HTTP_PORT": str(taken.getsockname()[1]),
        }
        with process(["-m", "channel_service"], **variables) as service:
            _, errors = service.communicate(timeout=30)
    assert service.returncode != 0
    assert "address already in use" in errors
