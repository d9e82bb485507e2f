"""Prometheus metrics of the channel service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

from protos.semcom.v1 import frame_pb2
from shared.ledger import Overhead
from shared.systems import SYSTEMS
from shared.tasks import TASKS

_OTHER = "unknown"
_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CountedPassage(Protocol):
    """What is counted of a frame."""

    @property
    def received(self) -> frame_pb2.ReceivedFrame:
        """The frame and its channel."""

    @property
    def overhead(self) -> Overhead:
        """Its cost."""


class Metrics:
    """Counters and histograms, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("task", "system", "channel", "status")
        self._frames = Counter("semcom_channel_frames", "Frames relayed.", names, registry=self.registry)
        self._channel_uses = Counter(
            "semcom_channel_uses",
            "Complex symbols sent, pilots apart.",
            ("task", "system"),
            registry=self.registry,
        )
        self._payload_bytes = Counter(
            "semcom_channel_payload_bytes", "Symbols as encoded.", ("task", "system"), registry=self.registry
        )
        self._hop_seconds = Histogram(
            "semcom_channel_hop_duration_seconds",
            "Duration of a hop.",
            ("hop",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def count(self, passages: Sequence[CountedPassage], status: str, hops_ms: Mapping[str, float]) -> None:
        """Count the frames of one request and observe its hops [ms]."""
        for passage in passages:
            frame, state = passage.received.frame, passage.received.state
            # A label is kept for ever: names from outside become one only where they are known.
            task = frame.task if frame.task in TASKS else _OTHER
            names = (task, frame.system if frame.system in SYSTEMS else _OTHER)
            self._frames.labels(*names, state.channel, status).inc()
            self._channel_uses.labels(*names).inc(passage.overhead.channel_uses)
            self._payload_bytes.labels(*names).inc(passage.overhead.payload_bytes)
        for hop, duration_ms in hops_ms.items():
            self._hop_seconds.labels(hop).observe(duration_ms / 1e3)
