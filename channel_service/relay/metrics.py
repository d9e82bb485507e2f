"""Prometheus metrics of the channel service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from channel_service.relay.frames import RelayedFrame
from shared.ledger import OVERHEAD
from shared.tasks import TASKS
from systems.registry import SYSTEMS

_OTHER = "unknown"
_PREFIX = "semcom_channel"
# Prometheus counts in base units.
_SCALES: Mapping[str, float] = {"ms": 1e-3}
_BUCKETS_DB = tuple(float(snr_db) for snr_db in range(-30, 61, 3))
_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters, gauges and histograms in their own registry.

    Attributes:
        registry: The registry that /metrics shows.
        requests_in_progress: Number of Relay requests in progress.
        live_viewers: Number of viewers of the live view.
        live_dropped: Number of frames dropped because a viewer was too slow.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._frames = self._counter(
            "frames", "Frames sent through a link by Relay.", ("task", "system", "channel", "status")
        )
        self._costs = {
            own: self._counter(own.counter, f"{own.description}.", ("task", "system"))
            for own in OVERHEAD
            if own.counter
        }
        self._hop_seconds = Histogram(
            f"{_PREFIX}_hop_duration_seconds",
            "Duration of one hop of a request.",
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
        self.requests_in_progress = self._gauge("requests_in_progress", "Relay requests in progress.")
        self.live_viewers = self._gauge("live_viewers", "Viewers of the live view.")
        self.live_dropped = self._counter(
            "live_frames_dropped", "Frames dropped because a viewer was too slow."
        )

    def count(
        self, relayed_frames: Sequence[RelayedFrame], status: str, hops_ms: Mapping[str, float]
    ) -> None:
        """Count the frames of one request and observe the durations of its hops.

        Args:
            relayed_frames: The frames to count.
            status: OK, or the class of the error.
            hops_ms: Duration by name of the hop [ms].
        """
        for relayed in relayed_frames:
            frame, state = relayed.received.frame, relayed.received.state
            # Prometheus keeps every label value for ever, so only known names become label values.
            task = frame.task if frame.task in TASKS else _OTHER
            names = (task, frame.system if frame.system in SYSTEMS else _OTHER)
            self._frames.labels(*names, state.channel, status).inc()
            self._realised_snr.labels(state.channel).observe(state.realised_snr_db)
            for own, counter in self._costs.items():
                counter.labels(*names).inc(getattr(relayed.overhead, own.name) * _SCALES.get(own.unit, 1))
        for hop, duration_ms in hops_ms.items():
            self._hop_seconds.labels(hop).observe(duration_ms / 1e3)

    def _counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", meaning, registry=self.registry)
