"""Prometheus metrics of the channel service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from protos.semcom.v1 import frame_pb2
from shared.ledger import Overhead
from shared.systems import SYSTEMS
from shared.tasks import TASKS

_OTHER = "unknown"
_PREFIX = "semcom_channel"
# Fields of the ledger: name of the counter, which Prometheus ends in _total, and what it says.
_COSTS: Mapping[str, tuple[str, str]] = {
    "channel_uses": ("uses", "Complex symbols sent, pilots apart."),
    "num_pilots": ("pilots", "Pilot symbols sent."),
    "source_bytes": ("source_bytes", "Inputs as the clients sent them."),
    "payload_bytes": ("payload_bytes", "Symbols as encoded."),
    "message_bytes": ("message_bytes", "Protobuf messages of the frames."),
    "wire_bytes": ("wire_bytes", "Requests as gRPC sends them: HTTP/2 DATA frames with their heads."),
    "airtime_ms": ("airtime_seconds", "Time on the air at the link's symbol rate."),
}
# Prometheus counts in base units.
_SCALES: Mapping[str, float] = {"airtime_ms": 1e-3}
_BUCKETS_DB = tuple(float(snr_db) for snr_db in range(-30, 61, 3))
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
    """Counters and histograms, in a registry of their own.

    Attributes:
        registry: What /metrics shows.
        requests_in_progress: Relayed requests under way.
        live_viewers: Viewers of the live feed.
        live_dropped: Frames a viewer was too slow for.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._frames = self._counter("frames", "Frames relayed.", ("task", "system", "channel", "status"))
        self._costs = {
            field: self._counter(name, meaning, ("task", "system"))
            for field, (name, meaning) in _COSTS.items()
        }
        self._hop_seconds = Histogram(
            f"{_PREFIX}_hop_duration_seconds",
            "Duration of a hop.",
            ("hop",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._realised_snr = Histogram(
            f"{_PREFIX}_realised_snr_decibels",
            "SNR measured on a frame, Es/N0 per complex symbol.",
            ("channel",),
            buckets=_BUCKETS_DB,
            registry=self.registry,
        )
        self.requests_in_progress = self._gauge("requests_in_progress", "Relayed requests under way.")
        self.live_viewers = self._gauge("live_viewers", "Viewers of the live feed.")
        self.live_dropped = self._counter("live_frames_dropped", "Frames a viewer was too slow for.")

    def count(self, passages: Sequence[CountedPassage], status: str, hops_ms: Mapping[str, float]) -> None:
        """Count the frames of one request and observe its hops [ms]."""
        for passage in passages:
            frame, state = passage.received.frame, passage.received.state
            # A label is kept for ever: names from outside become one only where they are known.
            task = frame.task if frame.task in TASKS else _OTHER
            names = (task, frame.system if frame.system in SYSTEMS else _OTHER)
            self._frames.labels(*names, state.channel, status).inc()
            self._realised_snr.labels(state.channel).observe(state.realised_snr_db)
            for field, counter in self._costs.items():
                counter.labels(*names).inc(getattr(passage.overhead, field) * _SCALES.get(field, 1))
        for hop, duration_ms in hops_ms.items():
            self._hop_seconds.labels(hop).observe(duration_ms / 1e3)

    def _counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", meaning, registry=self.registry)
