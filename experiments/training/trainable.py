"""What training must know of a system: its networks, and how they are trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from torch import Tensor, nn

from experiments.training.objectives import SpeechCode
from experiments.training.recipes import Recipe
from experiments.training.sampling import Sampler
from experiments.training.warm_start import copy_first_layers, load_bert
from shared.errors import InvalidField
from shared.weights import Side
from systems.layers.batch import Batch
from systems.layers.profiles import Profile
from systems.registry import SYSTEMS, get_system


class TrainableSystem(ABC):
    """Both networks of one system, as a training run holds them.

    encode (transmitter) -> channel -> decode (receiver) -> loss of the task -> parameters_of the task

    Attributes:
        recipes: Recipe of each profile that the system is trained in.
        is_independent: Whether each task is trained alone, into weights of its own.
        speech: How the speech head spells.
        pretrained: Beginnings of the names of the transmitter's parameters that the warm start copied.
    """

    recipes: ClassVar[Mapping[str, Recipe]]
    is_independent: ClassVar[bool] = False
    speech: ClassVar[SpeechCode]
    pretrained: tuple[str, ...] = ()

    def __init__(self, transmitter: nn.Module, receiver: nn.Module) -> None:
        self.transmitter, self.receiver = transmitter, receiver

    @property
    def halves(self) -> dict[Side, nn.Module]:
        """Both networks by name."""
        return {"transmitter": self.transmitter, "receiver": self.receiver}

    @classmethod
    @abstractmethod
    def build(
        cls, profile: Profile, tasks: Sequence[str], labels: Mapping[str, Sequence[str]], vocab_size: int
    ) -> Self:
        """Make both networks with random weights from torch's global random source.

        Args:
            profile: Sizes.
            tasks: Names of the tasks.
            labels: Labels of each labelling task, in the order of the head's outputs.
            vocab_size: Number of word pieces.
        """

    @abstractmethod
    def config(
        self, profile: Profile, vocab_size: int, words: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Any]:
        """What the manifest says of the networks, so that the system's sides can build them again.

        Args:
            profile: Sizes.
            vocab_size: Number of word pieces.
            words: Of each task that answers with a transcript, the words of its training transcripts.
        """

    def warm_start(self, folder: Path, samplers: Mapping[str, Sampler], seed: int) -> None:
        """Let the networks begin from a pretrained BERT; unless overridden, the text encoder alone.

        Args:
            folder: Of the BERT, in the Hugging Face layout.
            samplers: Training batches of each task.
            seed: Of what is drawn.

        Raises:
            InvalidField: If the BERT has other sizes than the networks.
        """
        self.start_text_encoder(load_bert(folder))

    def start_text_encoder(self, bert: nn.Module) -> None:
        """Copy embeddings and first layers of a BERT into the text encoder, where the tasks have text."""
        encoders: Any = self.transmitter.encoders
        if "text" in encoders:
            copy_first_layers(encoders["text"].bert, bert, with_embeddings=True)
            self.pretrained = ("encoders.text.bert.",)

    @abstractmethod
    def parts_of(self, task: str) -> tuple[str, ...]:
        """Beginnings of the names of the parameters, of both networks, that a task's gradient reaches."""

    def parameters_of(self, task: str) -> dict[str, nn.Parameter]:
        """Parameters that a task's gradient reaches, by name."""
        named = chain(self.transmitter.named_parameters(), self.receiver.named_parameters())
        return {name: parameter for name, parameter in named if name.startswith(self.parts_of(task))}

    def follow_batches(self, task: str, recipe: Recipe) -> bool:
        """Set whether batch norms follow the batches of this task, and return it."""
        return False

    def encode(self, task: str, batch: Batch, symbols_per_token: int) -> tuple[Tensor, Tensor]:
        """Encode a batch of one task.

        Returns:
            Symbols, complex64 [B, L, S], unit mean power an instance; mask, bool [B, L], False where padded.
        """
        encoded: tuple[Tensor, Tensor] = self.transmitter(task, batch, symbols_per_token)
        return encoded

    def decode(self, task: str, x_hat: Tensor, mask: Tensor) -> Tensor:
        """Scores of a batch.

        Args:
            task: Of the batch.
            x_hat: Equalised symbols, complex64 [B, L, S].
            mask: bool [B, L], False where a token is padding.

        Returns:
            float, first dimension B.
        """
        scores: Tensor = self.receiver(task, x_hat, mask)
        return scores


def get_trainable(system: str) -> type[TrainableSystem]:
    """The class that the system's row names in the module `training` of its package.

    Raises:
        UnknownName: If there is no such system.
        InvalidField: If the system is not trained.
    """
    row = get_system(system)
    if not row.trainable:
        trained = ", ".join(name for name, other in SYSTEMS.items() if other.trainable)
        raise InvalidField("system", system, f"a system that is trained: {trained}")
    return cast(type[TrainableSystem], getattr(import_module(f"{row.package}.training"), row.trainable))
