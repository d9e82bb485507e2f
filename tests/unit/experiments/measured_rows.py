"""Rows as `semcom figures` stores them."""

from __future__ import annotations

from typing import Any

from experiments.report.measured import CHANNELS, NO_NOISE_DB, SNRS_DB


def rows_of(task: str, dataset: str, metric: str, **changes: Any) -> list[dict[str, Any]]:
    """A figure at each place of the channel; its value says which place."""
    places = [(channel, snr_db) for channel in CHANNELS for snr_db in SNRS_DB]
    return [
        {
            "task": task, "system": "mfmsc", "dataset": dataset, "split": "test", "channel": channel,
            "fading": "block", "csi": "perfect", "snr_db": snr_db, "metric": metric,
            "value": 0.5 + snr_db / 200 - 0.1 * (channel == "rayleigh"), "low": 0.1, "high": 0.9,
            "num_instances": 10, "num_realisations": 1, "channel_uses": 16.0, "payload_bytes": 128.0,
            "seed": 0, "commit": "abc", "fingerprint": "beef", "guesser": 0.25, "realised_snr_db": snr_db,
            "over_network": False, "config": {"options": {}}, **changes,
        }
        for channel, snr_db in [*places, (CHANNELS[0], NO_NOISE_DB)]
    ]  # fmt: skip
