"""One instance of a task, decoded from what the client sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.tasks import Modality

SAMPLE_RATE_HZ = 16_000
"""Of every recording, once it is decoded."""

Source = Mapping[Modality, Any]
"""One instance as `transmitter.media` decodes it, a value for each modality of its task:

text: str; image: uint8 [height, width, 3]; audio: float32 [num_samples], 16 kHz mono, -1 to 1;
video: uint8 [num_frames, height, width, 3].
"""
