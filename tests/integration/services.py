"""The three services in one process: their own `serve` functions on one loop, over real gRPC and HTTP."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import httpx

from channel_service.__main__ import serve as serve_channel
from receiver.__main__ import serve as serve_receiver
from shared.runtime.settings import ChannelSettings, ReceiverSettings, TransmitterSettings
from transmitter.__main__ import serve as serve_transmitter

NAMES = ("receiver", "channel_service", "transmitter")
_START_TIMEOUT_S = 30.0


def _free_ports(num_ports):
    """Ports that nobody listens on; held together while they are drawn, so that they differ."""
    sockets = [socket.socket() for _ in range(num_ports)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Services:
    """Starts and stops the services one by one.

    Args:
        weights: Of both ends.
        folder: For the report store.
        receiver_weights: Of the receiver, where they are to differ.
        access: Further settings that all three have, such as the access token.
    """

    def __init__(self, weights, folder, receiver_weights=None, **access):
        ports = _free_ports(5)
        http = dict(zip(NAMES, ports[2:], strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in http.items()}
        self.receiver_address, self.channel_address = (f"127.0.0.1:{port}" for port in ports[:2])
        receiver = ReceiverSettings(
            receiver_grpc_port=ports[0],
            receiver_http_port=http["receiver"],
            weights=receiver_weights or weights,
            **access,
        )
        channel = ChannelSettings(
            channel_grpc_port=ports[1],
            channel_http_port=http["channel_service"],
            receiver_address=self.receiver_address,
            channel_store=str(Path(folder) / "reports.sqlite3"),
            channel_recordings=str(Path(folder) / "recordings"),
            page_url=self.urls["transmitter"] + "/",
            **access,
        )
        transmitter = TransmitterSettings(
            transmitter_http_port=http["transmitter"],
            channel_address=self.channel_address,
            channel_url=self.urls["channel_service"],
            weights=weights,
            **access,
        )
        self._serve = {
            "receiver": (serve_receiver, receiver),
            "channel_service": (serve_channel, channel),
            "transmitter": (serve_transmitter, transmitter),
        }
        self._running = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        for name in NAMES:
            self.start(name)
        return self

    def __exit__(self, *_):
        for name in reversed(list(self._running)):
            self.stop(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, name):
        """Start one service and wait until its HTTP side is alive."""
        serve, settings = self._serve[name]
        stop = asyncio.Event()
        self._running[name] = stop, asyncio.run_coroutine_threadsafe(serve(settings, stop), self._loop)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and not self._running[name][1].done():
            try:
                httpx.get(f"{self.urls[name]}/healthz", trust_env=False).raise_for_status()
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{name} did not start: {self._running[name][1]}")

    def stop(self, name):
        """Stop one service and wait for its end; what it raised is raised here."""
        self.signal_stop(name)
        _, served = self._running.pop(name)
        served.result(timeout=20)

    def signal_stop(self, name):
        """Do what SIGTERM does, without waiting."""
        stop, _ = self._running[name]
        self._loop.call_soon_threadsafe(stop.set)

    def get(self, name, path, **options):
        """GET from a service."""
        return httpx.get(f"{self.urls[name]}{path}", trust_env=False, timeout=60, **options)

    def transmit(self, task, fields, **params):
        """POST /transmit with fields of (file name, bytes)."""
        return httpx.post(
            f"{self.urls['transmitter']}/transmit",
            params={"task": task, **params},
            files=list(fields.items()),
            trust_env=False,
            timeout=60,
        )
