"""How U-DeepSC is trained: its networks, what each task trains of them, and where they begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from torch import Tensor

from experiments.training.objectives import SpeechCode
from experiments.training.recipes import RECIPES, Recipe, trained_alone
from experiments.training.trainable import TrainableSystem
from shared.tasks import get_task
from systems.deepsc.config import CODERS, SIZES, STEPS_PER_TOKEN, TIME_REDUCTION
from systems.deepsc.networks import ReceiverNetwork, TransmitterNetwork
from systems.layers.batch import Batch
from systems.layers.config import NetworkConfig
from systems.layers.profiles import Profile
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS

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


class UDeepSC(TrainableSystem):
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

    def parts_of(self, task: str) -> tuple[str, ...]:
        """Encoders and channel coders of the task's modalities, the decoder, and what is the task's own."""
        coders = {CODERS[modality] for modality in get_task(task).modalities}
        shared = ("encoders", "channel_encoders", "channel_decoders")
        own = (f"task_embedding.{task}", f"pooling.{task}.", f"queries.{task}", f"heads.{task}.")
        return (*own, "norm.", "decoder", *(f"{part}.{coder}." for part in shared for coder in coders))

    def encode(self, task: str, batch: Batch, symbols_per_token: int) -> tuple[Tensor, Tensor]:
        """Encode a batch of one task; a token has one rate alone. See the base class."""
        encoded: tuple[Tensor, Tensor] = self.transmitter(task, batch)
        return encoded


class TDeepSC(UDeepSC):
    """U-DeepSC's networks, one training a task.

    Source: MFMSC, V-A.
    """

    is_independent = True
    recipes = {name: trained_alone(recipe) for name, recipe in UDeepSC.recipes.items()}
