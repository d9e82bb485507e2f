"""Sizes of the networks. A profile is a row of this table; weights name the profile they were made with."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import UnknownName

CHANNEL_USES_PER_TOKEN = 16
REALS_PER_TOKEN = 2 * CHANNEL_USES_PER_TOKEN
MIN_CHANNEL_USES_PER_TOKEN = 4


@dataclass(frozen=True)
class Profile:
    """Sizes of one model.

    Attributes:
        name: tiny (tests), compact (shipped) or paper (BERT-base, the paper's data sets).
        width: P of the paper, the dimension of every token.
        num_heads: Heads of every attention layer.
        text_layers: BERT layers of the text encoder.
        fusion_layers: Attention layers of the fusion module (paper: 6).
        max_text_tokens: Word pieces of a text that are read at most, marks included.
        image_channels: Channels of the stem and the three stages of the ResNet.
        fusion_grid: Image tokens of a fused task, a side.
        speech_channels: Channels of the two VGG blocks.
        speech_layers: Transformer layers of the speech encoder.
        video_layers: Pairs of spatial and temporal attention, in each of both streams.
        video_frames: Frames sampled from a clip.
        video_size: Height and width of a frame [pixels].
        tubelet: Frames, height and width of a tube (N_f, h, w).
        coder_width: Hidden width of the channel decoder; the encoder has two units a real more.
    """

    name: str
    width: int
    num_heads: int = 12
    text_layers: int = 6
    fusion_layers: int = 6
    max_text_tokens: int = 128
    image_channels: tuple[int, int, int, int] = (48, 96, 192, 384)
    fusion_grid: int = 4
    speech_channels: tuple[int, int] = (16, 32)
    speech_layers: int = 4
    video_layers: int = 4
    video_frames: int = 16
    video_size: int = 64
    tubelet: tuple[int, int, int] = (2, 16, 16)
    coder_width: int = 256

    @property
    def ffn_width(self) -> int:
        """Hidden width of every feedforward network."""
        return 4 * self.width


_TABLE = (
    Profile(
        "tiny",
        width=48,
        text_layers=2,
        max_text_tokens=64,
        image_channels=(8, 8, 16, 24),
        speech_channels=(4, 8),
        speech_layers=1,
        video_layers=1,
        coder_width=64,
    ),
    Profile("compact", width=384, video_layers=2, tubelet=(4, 16, 16)),
    Profile(
        "paper",
        width=768,
        text_layers=12,
        max_text_tokens=512,
        image_channels=(64, 128, 256, 512),
        fusion_grid=7,
        speech_channels=(64, 128),
        speech_layers=12,
        video_layers=12,
        video_frames=32,
        video_size=224,
    ),
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in _TABLE}


def get_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        UnknownName: If there is none.
    """
    if name not in PROFILES:
        raise UnknownName("profile", name, ", ".join(PROFILES))
    return PROFILES[name]
