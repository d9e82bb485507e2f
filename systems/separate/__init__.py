"""Separate source and channel coding, and a learned system that reads the decoded source."""

from __future__ import annotations

from shared.tasks import TASKS
from systems.rows import Option, System
from systems.separate.adaptation import AUTO
from systems.separate.config import MAX_QUALITY, MIN_QUALITY
from systems.separate.mcs import MCS

_MCS_CHOICE = Option(
    "mcs",
    "string",
    "qpsk-1/2",
    f"Modulation and code rate; {AUTO} takes the best one for the link's channel and requested SNR.",
    choices=(*MCS, AUTO),
    adaptive_value=AUTO,
)
_QUALITY = Option(
    "quality",
    "integer",
    50,
    "Of JPEG; for a clip the constant rate factor of H.264 follows from it.",
    minimum=MIN_QUALITY,
    maximum=MAX_QUALITY,
    tasks=tuple(name for name, task in TASKS.items() if {"image", "video"} & set(task.modalities)),
    trades_channel_uses=True,
)

SEPARATE = System(
    "separate",
    "Separate source and channel coding: JPEG, H.264 and 16-bit PCM with LDPC codes, UTF-8 with a Turbo "
    "code, each modality a frame of its own. The receiver decodes the source, and a learned network "
    "reads it as it would without a channel; where something cannot be decoded, the answer is an outage.",
    package=__name__,
    options=(_MCS_CHOICE, _QUALITY),
    peak_power=7 / 3,  # 64-QAM
)
