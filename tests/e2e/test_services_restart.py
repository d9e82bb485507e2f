"""`semcom up` over real processes that are killed: what comes back, and what is given up."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from semcom.api import Client
from semcom.stack import Ports

UP = (sys.executable, "-m", "semcom.cli", "up")
TIMEOUT_S = 180.0


@dataclass
class Up:
    """A running `semcom up`, its ports, and what it has printed so far."""

    process: subprocess.Popen[str]
    ports: Ports
    folder: Path
    lines: list[str] = field(default_factory=list)

    def read(self):
        self.lines.extend(self.process.stdout)

    def wait_for(self, pattern):
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := re.search(pattern, "".join(self.lines))):
            assert time.monotonic() < deadline, "".join(self.lines)
            time.sleep(0.1)
        return found

    def children(self):
        number = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{number}/task/{number}/children").read_text().split()]

    def pid_of(self, service):
        """The child that runs a service."""
        for pid in self.children():
            if Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").endswith(f"\0{service}"):
                return pid
        raise AssertionError(f"no child runs {service}")


def is_running(pid):
    """Whether the process does anything yet: one that waits for its exit status to be read does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def up(tiny_weights, tmp_path):
    if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        pytest.skip("the children of a process are found through /proc")
    ports = Ports.free()
    numbers = {f"SEMCOM_{name.upper()}_PORT": str(number) for name, number in vars(ports).items()}
    process = subprocess.Popen(
        [*UP, "--weights", str(tiny_weights)],
        cwd=tmp_path,
        env={**os.environ, **numbers},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        started = Up(process, ports, tmp_path)
        reader = threading.Thread(target=started.read)
        reader.start()
        try:
            started.wait_for("Ready")
            yield started
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            reader.join()


def test_a_killed_receiver_comes_back_and_the_others_stay(up):
    others = [up.pid_of(service) for service in ("transmitter", "channel_service")]
    killed = up.pid_of("receiver")
    os.kill(killed, signal.SIGKILL)
    up.wait_for(r"receiver ended with status -9 \(death 1 of 5\); it is started again in 0.5 s")
    up.wait_for("receiver is back")
    assert up.pid_of("receiver") != killed
    assert [up.pid_of(service) for service in ("transmitter", "channel_service")] == others
    with Client(f"http://127.0.0.1:{up.ports.transmitter_http}") as client:
        assert client.transmit("sentiment", text="a fine film")["answer"]
    children = up.children()
    assert len(children) == 3
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(TIMEOUT_S) == 0
    assert not any(map(is_running, children))
    assert "Traceback" not in "".join(up.lines)
    assert (up.folder / "runs" / "semcom.sqlite3").exists()


def test_the_services_end_with_their_parent_even_where_it_is_killed(up):
    children = up.children()
    assert len(children) == 3
    assert all(map(is_running, children))
    up.process.kill()
    deadline = time.monotonic() + 60.0
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, children))


def _bind_soon(taken, port):
    """Take the port of a process that is just ending."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return
        time.sleep(0.005)
    raise AssertionError(f"port {port} is not free")


def test_a_service_that_cannot_start_is_given_up_with_its_log(up):
    port = up.ports.channel_grpc
    killed = up.pid_of("channel_service")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        up.process.send_signal(signal.SIGSTOP)  # nothing is started again before the port is taken
        os.kill(killed, signal.SIGKILL)
        try:
            _bind_soon(taken, port)
            taken.listen()
        finally:
            up.process.send_signal(signal.SIGCONT)
        up.process.wait(TIMEOUT_S)
    assert up.process.returncode == 1
    found = up.wait_for(rf"(?s)gave up: channel_service ended with status 2.*GRPC_PORT = '{port}'")
    pauses = re.findall(r"started again in ([\d.]+) s", found.string)
    assert pauses == ["0.5", "1", "2", "4"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{up.ports.receiver_http}/healthz", trust_env=False)
