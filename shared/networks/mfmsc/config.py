"""What both halves of MFMSC share, and those of the systems that are made from its network.

How each task is sent, and what a manifest says of the networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.errors import InvalidField
from shared.networks.profiles import Profile, get_profile
from shared.tasks import Task


def is_multimodal(task: Task) -> bool:
    """True where the fusion module joins several modalities."""
    return len(task.modalities) > 1


def sends_sequence(task: Task) -> bool:
    """True where every token is sent; else one averaged vector."""
    return task.answer in ("text", "transcript", "image")


def is_mirror_proof(task: Task) -> bool:
    """True where a picture alone gets one label: seen in a mirror it gets the same."""
    return task.answer == "label" and task.modalities == ("image",)


@dataclass(frozen=True)
class MfmscConfig:
    """What the networks are rebuilt from, beside the manifest's tasks and labels.

    Attributes:
        profile: Name of the profile.
        vocab_size: Word pieces; 1 without text.
        words: Of each task that answers with a transcript, all words of the transcripts it was trained on; a
            task without spells what it hears.
        has_fusion: Whether several modalities are fused to one vector; else all their tokens are sent.
    """

    profile: str
    vocab_size: int
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    has_fusion: bool = True

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> MfmscConfig:
        """Read the config of a manifest.

        Raises:
            InvalidField: If it is not of this shape.
        """
        try:
            words = {task: tuple(known) for task, known in config["words"].items()}
            has_fusion = bool(config.get("has_fusion", True))  # older weights do not state it
            return cls(str(config["profile"]), int(config["vocab_size"]), words, has_fusion)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidField(
                "weights", f"config with {', '.join(config)}", "profile, vocab_size and words in the config"
            ) from error

    @property
    def sizes(self) -> Profile:
        """The profile itself.

        Raises:
            UnknownName: If there is none of that name.
        """
        return get_profile(self.profile)

    def to_json(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return {**asdict(self), "words": {task: list(known) for task, known in self.words.items()}}
