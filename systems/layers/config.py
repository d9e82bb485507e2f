"""What a manifest says of a learned system's networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from shared.errors import InvalidField
from systems.layers.profiles import Profile, get_profile


@dataclass(frozen=True)
class NetworkConfig:
    """What the networks are rebuilt from, beside the manifest's tasks and labels.

    Attributes:
        profile: Name of the profile.
        vocab_size: Word pieces; 1 without text.
        words: For each task that answers with a transcript, all words of the transcripts it was trained on; a
            task without spells what it hears.
    """

    profile: str
    vocab_size: int
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Read the config of a manifest.

        Raises:
            InvalidField: If it is not of this shape.
        """
        try:
            words = {task: tuple(known) for task, known in config["words"].items()}
            return cls(str(config["profile"]), int(config["vocab_size"]), words)
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
