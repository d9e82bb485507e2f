"""What both sides of U-DeepSC and T-DeepSC know: sizes of the networks, and what each task sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.errors import UnknownName
from shared.tasks import Modality, Task
from systems.layers.profiles import Profile

PATCH_SIZES = (4, 8, 16)
"""Sides of a picture's patches [pixels]; a picture takes the first that leaves at most MAX_PATCHES."""

MAX_PATCHES = 64

CODERS: Mapping[Modality, Modality] = {"text": "text", "image": "image", "audio": "audio", "video": "image"}
"""Whose encoder and channel coders a modality uses: the frames of a clip are pictures."""

REALS_PER_TOKEN: Mapping[Modality, int] = {"text": 6, "image": 16, "audio": 16}
"""What a channel encoder makes of one token; two reals are one symbol."""

TIME_REDUCTION = 4
"""Frames of 10 ms that one token of speech stands for."""

STEPS_PER_TOKEN = 2
"""Characters that one token of speech can spell."""

FRAME_STEP = 2
"""Of the frames that a profile samples from a clip, every second one is encoded."""

_TOKENS_SENT: Mapping[str, Mapping[Modality, int]] = {
    "vqa": {"image": 3, "text": 2},
    "movie_genres": {"image": 4, "text": 4},
}


@dataclass(frozen=True)
class Sizes:
    """Sizes of the networks, beside those of the profile; pictures and texts have the profile's width.

    Attributes:
        image_heads: Attention heads of the picture encoder.
        image_layers: Its layers.
        text_layers: BERT layers of the text encoder.
        speech_width: Width of the speech encoder.
        speech_heads: Its attention heads.
        speech_layers: Its layers.
        decoder_width: Width of the channel decoder's tokens and of the semantic decoder.
        decoder_heads: Attention heads of the semantic decoder.
        decoder_layers: Its layers.
        num_queries: Learned queries of a task that answers with labels.
    """

    image_heads: int = 6
    image_layers: int = 6
    text_layers: int = 4
    speech_width: int = 128
    speech_heads: int = 4
    speech_layers: int = 4
    decoder_width: int = 128
    decoder_heads: int = 4
    decoder_layers: int = 2
    num_queries: int = 25


SIZES: Mapping[str, Sizes] = {
    "tiny": Sizes(
        image_layers=1, text_layers=1, speech_width=32, speech_layers=1, decoder_width=32, num_queries=5
    ),
    "compact": Sizes(),
}
"""By the name of the profile."""


def get_sizes(profile: Profile) -> Sizes:
    """The sizes that go with a profile.

    Raises:
        UnknownName: If there are none.
    """
    if profile.name not in SIZES:
        raise UnknownName("profile", profile.name, ", ".join(SIZES))
    return SIZES[profile.name]


def text_profile(profile: Profile) -> Profile:
    """The profile with the layers of the text encoder."""
    return replace(profile, text_layers=get_sizes(profile).text_layers)


def sends_every_token(task: Task) -> bool:
    """True where every token is sent, a row each; else a few tokens of each modality, in one row."""
    return task.answer.sends_sequence or task.modalities == ("video",)


def num_tokens_sent(task: Task, modality: Modality) -> int:
    """Tokens that a task without a sequence sends of a modality; one is the CLS token."""
    return _TOKENS_SENT.get(task.name, {}).get(modality, 1)


def num_reals_sent(task: Task, modality: Modality) -> int:
    """Reals that a task without a sequence sends of a modality."""
    return num_tokens_sent(task, modality) * REALS_PER_TOKEN[CODERS[modality]]


def num_symbols(task: Task) -> int:
    """Channel uses of a row of a task's frame."""
    if sends_every_token(task):
        return REALS_PER_TOKEN[CODERS[task.modalities[0]]] // 2
    return sum(num_reals_sent(task, modality) for modality in task.modalities) // 2


def grid_of(size: tuple[int, int]) -> tuple[int, int, int]:
    """How a picture is cut.

    Args:
        size: Height and width [pixels].

    Returns:
        Side of a patch [pixels], rows and columns of patches.
    """
    height, width = size
    patch = next(side for side in PATCH_SIZES if height * width <= MAX_PATCHES * side**2)
    return patch, height // patch, width // patch


def picture_size(task: Task, profile: Profile) -> tuple[int, int]:
    """Height and width of a task's pictures or frames [pixels]."""
    return task.image_size if "image" in task.modalities else (profile.video_size, profile.video_size)


def num_clip_tokens(profile: Profile) -> int:
    """Tokens of a clip: one for each frame that is encoded."""
    return -(-profile.video_frames // FRAME_STEP)
