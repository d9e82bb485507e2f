"""How U-DeepSC is trained: its networks, what each task trains of them, and where they begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from experiments.systems.base import TrainableSystem
from experiments.training.objectives import SpeechCode
from experiments.training.recipes import RECIPES, Recipe
from experiments.training.sampling import Sampler
from experiments.training.warm_start import copy_first_layers, load_bert
from receiver.systems.deepsc.network import ReceiverNetwork
from receiver.systems.transcripts import TRANSCRIPT_CHARACTERS
from shared.networks.batch import Batch
from shared.networks.config import NetworkConfig
from shared.networks.deepsc.config import CODERS, SIZES, STEPS_PER_TOKEN, TIME_REDUCTION
from shared.networks.deepsc.encoders import TextEncoder
from shared.networks.deepsc.transmitter_network import TransmitterNetwork
from shared.networks.profiles import Profile
from shared.tasks import get_task

_TEXT_ENCODER = "encoders.text"
_PART_RATES = {_TEXT_ENCODER: 5e-5, "encoders.image": 3e-4, "encoders.audio": 5e-4, "decoder": 5e-4}


def _adapted(recipe: Recipe) -> Recipe:
    """The same data, steps and batches, with rates and frozen parts of this system's networks.

    Transformers take smaller steps than the linear parts around them. A task that left all encoders to others
    leaves only the text encoder: the patches of its pictures are of a size that no other task has.
    """
    tasks = {
        name: replace(task, part_rates={}, frozen=(_TEXT_ENCODER,) if task.frozen else ())
        for name, task in recipe.tasks.items()
    }
    return replace(recipe, tasks=tasks, part_rates=_PART_RATES)


class Trainable(TrainableSystem):
    """Eight tasks that share encoders, channel coders and the semantic decoder.

    Source: U-DeepSC (Zhang et al., arXiv 2209.07689).
    """

    recipes = {name: _adapted(recipe) for name, recipe in RECIPES.items() if name in SIZES}
    speech = SpeechCode(TRANSCRIPT_CHARACTERS, TIME_REDUCTION, STEPS_PER_TOKEN)
    transmitter: TransmitterNetwork
    receiver: ReceiverNetwork

    @classmethod
    def build(
        cls, profile: Profile, tasks: Sequence[str], labels: Mapping[str, Sequence[str]], vocab_size: int
    ) -> Self:
        """Make both networks with random weights; see the base class."""
        transmitter = TransmitterNetwork(profile, tasks, vocab_size)
        return cls(transmitter, ReceiverNetwork(profile, tasks, labels, vocab_size))

    def config(
        self, profile: Profile, vocab_size: int, words: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Any]:
        """Profile, number of word pieces and known words; see the base class."""
        return NetworkConfig(profile.name, vocab_size, words).to_json()

    def warm_start(self, folder: Path, samplers: Mapping[str, Sampler], seed: int) -> None:
        """Copy the first layers and the embeddings of a BERT into the text encoder; see the base class."""
        if "text" not in self.transmitter.encoders:
            return
        encoder = self.transmitter.encoders["text"]
        assert isinstance(encoder, TextEncoder)
        copy_first_layers(encoder.bert, load_bert(folder), with_embeddings=True)
        self.pretrained = (f"{_TEXT_ENCODER}.bert.",)

    def prepare(self, recipe: Recipe) -> None:
        """Nothing is to be made ready."""

    def parameters_of(self, task: str) -> dict[str, nn.Parameter]:
        """Encoders and channel coders of the task's modalities, the decoder, and what is the task's own."""
        coders = {CODERS[modality] for modality in get_task(task).modalities}
        sent = [f"task_embedding.{task}", f"pooling.{task}."]
        sent += [f"{part}.{coder}." for part in ("encoders", "channel_encoders") for coder in coders]
        received = ["norm.", "decoder", f"queries.{task}", f"heads.{task}."]
        received += [f"channel_decoders.{coder}." for coder in coders]
        named_sent, named_received = self.transmitter.named_parameters(), self.receiver.named_parameters()
        parameters = {name: own for name, own in named_sent if name.startswith(tuple(sent))}
        return parameters | {name: own for name, own in named_received if name.startswith(tuple(received))}

    def follow_batches(self, task: str) -> bool:
        """No part keeps statistics of batches."""
        return False

    def encode(self, task: str, batch: Batch, symbols_per_token: int) -> tuple[Tensor, Tensor]:
        """Encode a batch of one task; a token has one rate alone. See the base class."""
        encoded: tuple[Tensor, Tensor] = self.transmitter(task, batch)
        return encoded

    def decode(self, task: str, x_hat: Tensor, mask: Tensor) -> Tensor:
        """Scores of a batch from equalised symbols; see the base class."""
        scores: Tensor = self.receiver(task, x_hat, mask)
        return scores
