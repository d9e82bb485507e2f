"""The three services as real processes of this machine.

with Stack.start(free_ports=True) as stack:
    stack.client().transmit("sentiment", text="a fine film")
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import httpx

from semcom.api import Client, error_of, open_http
from semcom.errors import ClientError
from semcom.restarts import Keeper
from shared.runtime.settings import ChannelSettings, ReceiverSettings, TransmitterSettings, load_settings

_HOST = "127.0.0.1"
_POLL_S = 0.1
_PROBE_TIMEOUT_S = 2.0
_STOP_TIMEOUT_S = 30.0
# Two of the services load torch, which takes minutes from a cold disk on a busy machine.
_START_TIMEOUT_S = 300.0
_TAIL_LINES = 15

# In the order they stop: whoever calls ends before whom it calls, so that requests in flight finish.
_SERVICES = {
    "transmitter": "transmitter_http",
    "channel_service": "channel_http",
    "receiver": "receiver_http",
}


class StackError(ClientError):
    """The services could not be started, or one of them ended."""


@dataclass(frozen=True)
class Ports:
    """TCP ports of the three services on this machine."""

    transmitter_http: int
    channel_grpc: int
    channel_http: int
    receiver_grpc: int
    receiver_http: int

    @classmethod
    def configured(cls) -> Ports:
        """As the SEMCOM_* variables say; without them 8000, 50051, 8001, 50052 and 8002."""
        channel, receiver = load_settings(ChannelSettings), load_settings(ReceiverSettings)
        return cls(
            transmitter_http=load_settings(TransmitterSettings).transmitter_http_port,
            channel_grpc=channel.channel_grpc_port,
            channel_http=channel.channel_http_port,
            receiver_grpc=receiver.receiver_grpc_port,
            receiver_http=receiver.receiver_http_port,
        )

    @classmethod
    def free(cls) -> Ports:
        """Five ports that nobody listens on now."""
        with contextlib.ExitStack() as held:
            numbers = []
            for _ in range(5):
                listener = held.enter_context(socket.socket())
                listener.bind((_HOST, 0))
                numbers.append(listener.getsockname()[1])
        return cls(*numbers)

    def check_free(self) -> None:
        """Make sure that each can be bound.

        Raises:
            StackError: Naming the ports that others hold, or that two services share.
        """
        numbers = list(asdict(self).values())
        taken = [
            f"{port} ({name.replace('_', ' ')})"
            for name, port in asdict(self).items()
            if numbers.count(port) > 1 or not _can_bind(port)
        ]
        if taken:
            raise StackError(
                f"taken ports: {', '.join(taken)}; stop what listens there, "
                "set SEMCOM_*_PORT variables, or use --free-ports"
            )


def _can_bind(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError:
            return False
    return True


@dataclass
class ServiceProcess:
    """One running service.

    Attributes:
        name: Name of the service and of its Python package.
        process: Started with the output going to `log`; another one after a restart.
        log: File of JSON lines.
        ready_url: Answers 200 once the service can serve.
        variables: Environment of the process.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready_url: str
    variables: Mapping[str, str]

    @classmethod
    def start(
        cls, name: str, http_port: int, run_folder: Path, variables: Mapping[str, str]
    ) -> ServiceProcess:
        """Start a service that logs into `run_folder`."""
        log = run_folder / f"{name}.log"
        ready_url = f"{_scheme()}://{_HOST}:{http_port}/readyz"
        return cls(name, _spawn(name, log, variables), log, ready_url, variables)

    def status(self) -> int | None:
        """The exit status; None while the process lives."""
        return self.process.poll()

    def is_ready(self) -> bool:
        """Whether it answers that it can serve."""
        with _open_probe() as http:
            return _why_not_ready(http, self.ready_url) is None

    def start_again(self) -> None:
        """Start a process in place of the one that ended; its log goes on in the same file."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = _spawn(self.name, self.log, self.variables)

    def check_running(self) -> None:
        """Make sure the process lives.

        Raises:
            StackError: With its exit status and the tail of its log.
        """
        if self.status() is not None:
            raise StackError(self.describe_end())

    def describe_end(self) -> str:
        """The exit status and the tail of the log."""
        return f"{self.name} ended with status {self.status()}; the end of {self.log}:\n{_tail(self.log)}"


class Stack:
    """Transmitter, channel service and receiver, started together and stopped together."""

    def __init__(self, ports: Ports, services: list[ServiceProcess], run_folder: Path) -> None:
        self.ports, self.run_folder = ports, run_folder
        self.services = services
        self.base_url = f"{_scheme()}://{_HOST}:{ports.transmitter_http}"
        self.channel_url = f"{_scheme()}://{_HOST}:{ports.channel_http}"

    @classmethod
    def start(
        cls,
        *,
        weights: Path | None = None,
        free_ports: bool = False,
        run_folder: Path | None = None,
        store: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = _START_TIMEOUT_S,
        on_progress: Callable[[str], None] | None = None,
    ) -> Stack:
        """Start the services and wait until all three answer /readyz.

        Args:
            weights: Folder with one folder of weights a system; the shipped one where absent.
            free_ports: Take any free ports instead of the configured ones.
            run_folder: Where logs go; a new temporary folder where absent.
            store: SQLite file of the reports; in `run_folder` where absent. Recordings lie beside it.
            environment: Further SEMCOM_* variables for the services.
            timeout_s: Longest wait until all are ready [s].
            on_progress: Told what is being waited for.

        Raises:
            StackError: If there are no weights, a port is taken, or a service ends or is not ready in time;
                nothing is left running.
        """
        _check_weights(weights or load_settings(TransmitterSettings).weights)
        ports = Ports.free() if free_ports else Ports.configured()
        ports.check_free()
        run_folder = Path(tempfile.mkdtemp(prefix="semcom-")) if run_folder is None else run_folder.resolve()
        run_folder.mkdir(parents=True, exist_ok=True)
        store = run_folder / "reports.sqlite3" if store is None else store.resolve()
        variables = {**os.environ, **_variables(ports, store, weights), **(environment or {})}
        stack = cls(ports, [], run_folder)
        try:
            for name in _SERVICES:
                http_port = asdict(ports)[_SERVICES[name]]
                stack.services.append(ServiceProcess.start(name, http_port, run_folder, variables))
            stack._wait_until_ready(timeout_s, on_progress or (lambda _: None))
        except BaseException:
            stack.stop()
            raise
        return stack

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def client(self, timeout_s: float = 120.0) -> Client:
        """A client of these services."""
        settings = load_settings(TransmitterSettings)
        token = settings.access_token.get_secret_value() if settings.access_token else None
        urls = (self.base_url, self.channel_url)
        return Client(*urls, timeout_s, token=token, authority=settings.tls_authority)

    def watch(self, on_event: Callable[[str], None]) -> None:
        """Block, and start a service again when it dies, while the others stay.

        Args:
            on_event: Told of each death, and when a service is back.

        Raises:
            StackError: When a service is given up, with its exit status and the tail of its log; see
                `semcom.restarts`.
        """
        keepers = [Keeper(service, on_event) for service in self.services]
        while True:
            for service, keeper in zip(self.services, keepers, strict=True):
                if not keeper.check():
                    raise StackError(f"gave up: {service.describe_end()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End every service with SIGTERM; SIGKILL those that outlive 30 s or a second Ctrl-C."""
        try:
            for service in self.services:
                _end(service.process)
        finally:
            for service in self.services:
                if service.process.poll() is None:
                    service.process.kill()
                    service.process.wait()
                if service.process.stdin is not None:
                    service.process.stdin.close()

    def _wait_until_ready(self, timeout_s: float, on_progress: Callable[[str], None]) -> None:
        deadline = time.monotonic() + timeout_s
        waiting = list(self.services)
        with _open_probe() as http:
            while waiting:
                on_progress("waiting for " + ", ".join(service.name for service in waiting))
                for service in self.services:
                    service.check_running()
                reasons = {service.name: _why_not_ready(http, service.ready_url) for service in waiting}
                waiting = [service for service in waiting if reasons[service.name] is not None]
                if waiting and time.monotonic() > deadline:
                    late = "; ".join(f"{service.name} ({reasons[service.name]})" for service in waiting)
                    raise StackError(
                        f"not ready within {timeout_s:g} s: {late}; see the logs in {self.run_folder}"
                    )
                time.sleep(_POLL_S if waiting else 0)


def _scheme() -> str:
    """What the HTTP edges speak, by the settings that the services read too."""
    return "https" if load_settings(TransmitterSettings).tls_certificate else "http"


def _variables(ports: Ports, store: Path, weights: Path | None) -> dict[str, str]:
    variables = {f"SEMCOM_{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()}
    # Threads of torch wait some microseconds for the next operation, then leave the core to other services.
    variables["GOMP_SPINCOUNT"] = "8000"
    variables |= {
        "SEMCOM_HOST": _HOST,
        "SEMCOM_ENDS_WITH_INPUT": "yes",
        "SEMCOM_CHANNEL_ADDRESS": f"{_HOST}:{ports.channel_grpc}",
        "SEMCOM_CHANNEL_URL": f"{_scheme()}://{_HOST}:{ports.channel_http}",
        "SEMCOM_PAGE_URL": f"{_scheme()}://{_HOST}:{ports.transmitter_http}/",
        "SEMCOM_RECEIVER_ADDRESS": f"{_HOST}:{ports.receiver_grpc}",
        "SEMCOM_CHANNEL_STORE": str(store),
        "SEMCOM_CHANNEL_RECORDINGS": str(store.parent / "recordings"),
    }
    return variables if weights is None else {**variables, "SEMCOM_WEIGHTS": str(weights.resolve())}


def _spawn(name: str, log: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", name],
            # Ends when we do, even by SIGKILL; then the service stops.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(variables),
            # Ctrl-C reaches us alone, and we end the services in their order.
            start_new_session=True,
        )


def _open_probe() -> httpx.Client:
    return open_http("", _PROBE_TIMEOUT_S, authority=load_settings(TransmitterSettings).tls_authority)


def _why_not_ready(http: httpx.Client, url: str) -> str | None:
    """None once the service can serve; else its own reason."""
    try:
        response = http.get(url)
    except httpx.HTTPError:
        return "no answer yet"
    return None if response.is_success else error_of(response)["message"]


def _check_weights(weights: Path) -> None:
    if not any(weights.glob("*/manifest.json")):
        raise StackError(f"no weights in {weights}; name another folder, or make some with: semcom train")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_TIMEOUT_S)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:]) or "(empty)"
