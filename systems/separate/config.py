"""What the manifest of a system with digital frames says, from which both its sides are rebuilt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.errors import InvalidField

MIN_QUALITY, MAX_QUALITY = 1, 95
"""Of a picture or clip, on the scale of JPEG."""


@dataclass(frozen=True)
class SeparateConfig:
    """The model that reads the decoded source, and the size to which a clip is brought before it is sent.

    Attributes:
        clean_system: Name of the learned system that the receiver runs without a channel.
        clean_fingerprint: Fingerprint of that system's weights.
        video_frames: Frames sampled from a clip.
        video_size: Height and width of a frame [pixels].
    """

    clean_system: str
    clean_fingerprint: str
    video_frames: int
    video_size: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> SeparateConfig:
        """Read the config of a manifest.

        Raises:
            InvalidField: If it is not of this shape.
        """
        try:
            return cls(
                str(config["clean_system"]),
                str(config["clean_fingerprint"]),
                int(config["video_frames"]),
                int(config["video_size"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            allowed = "clean_system, clean_fingerprint, video_frames and video_size in the config"
            raise InvalidField("weights", f"config with {', '.join(config)}", allowed) from error

    def to_json(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return asdict(self)
