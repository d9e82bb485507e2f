"""MFMSC, and the systems that are made from its network."""

from __future__ import annotations

from shared.tasks import TASKS
from systems.layers.profiles import CHANNEL_USES_PER_TOKEN, MIN_CHANNEL_USES_PER_TOKEN, PROFILES
from systems.rows import Option, System

_PIECES = ", ".join(f"{profile.max_text_tokens} ({profile.name})" for profile in PROFILES.values())
_RATE = Option(
    "symbols_per_token",
    "integer",
    CHANNEL_USES_PER_TOKEN,
    "Rate of a task that sends a sequence: so many symbols of each token are sent. "
    "A rate below those that the weights were trained for is refused.",
    unit="channel uses a token",
    minimum=MIN_CHANNEL_USES_PER_TOKEN,
    maximum=CHANNEL_USES_PER_TOKEN,
    tasks=tuple(name for name, task in TASKS.items() if task.answer.sends_sequence),
)

MFMSC = System(
    "mfmsc",
    "Multi-modal fusion-based multi-task semantic communication: one set of weights for all tasks, "
    "multi-modal features fused to one vector of 16 channel uses. Of a text it takes as many word "
    f"pieces, marks of start and end included, as its profile has room for: {_PIECES}.",
    package=__name__,
    options=(_RATE,),
    trainable="Mfmsc",
)
MFSC = System(
    "mfsc",
    "The network of mfmsc, one training and one set of weights for each task.",
    package=__name__,
    options=(_RATE,),
    trainable="Mfsc",
)
MMSC = System(
    "mmsc",
    "The encoders of mfmsc without its fusion: a task of several modalities sends every token of each, "
    "16 channel uses a token.",
    package=__name__,
    options=(_RATE,),
    trainable="Mmsc",
)
