"""A row of the report store, for tests."""

import asyncio

from channel_service.reports.queries import InstanceQuery, ReportQuery
from channel_service.reports.store import Store

ROW = {
    "instance_id": "a", "status": "OK", "task": "vqa", "system": "mfmsc", "link": "default",
    "channel": "awgn", "fading": "block", "csi": "perfect", "requested_snr_db": 12.0, "realised_snr_db": 11.9,
    "noise_variance": 0.063, "seed": str(2**64 - 1), "frame_number": "7", "source_bytes": 100,
    "real_values": 32, "channel_uses": 16, "num_pilots": 0, "payload_bytes": 128, "message_bytes": 200,
    "wire_bytes": 230, "airtime_ms": 0.016, "bandwidth_ratio": 0.25, "network_delay_ms": 1.5,
    "information_bits": 800, "coded_bits": 1944, "num_blocks": 1, "code_rate": 800 / 1944,
    "blocks_in_error": 0, "outage": False, "channel_ms": 1.0, "downlink_ms": 2.0, "decode_ms": 3.0,
}  # fmt: skip


def add(store: Store, *rows: dict) -> None:
    asyncio.run(store.add([{**ROW, **row} for row in rows]))


def page(store: Store, limit: int = 1000, offset: int = 0, **filters) -> list[dict]:
    return store.instances(InstanceQuery(ReportQuery(**filters), limit, offset))
