"""How MFMSC is trained: its networks, what each task trains of them, and where they begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from experiments.training.channel import batch_channel
from experiments.training.objectives import SpeechCode
from experiments.training.recipes import RECIPES, Recipe, trained_alone
from experiments.training.sampling import Sampler
from experiments.training.trainable import TrainableSystem
from experiments.training.warm_start import begin_small, copy_first_layers, load_bert
from experiments.training.word_start import SNR_DB, classify, discriminants, open_path
from shared.answers import TextAnswer
from shared.tasks import get_task
from systems.layers.batch import Batch
from systems.layers.profiles import REALS_PER_TOKEN, Profile
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS
from systems.mfmsc.config import MfmscConfig, is_multimodal
from systems.mfmsc.encoders.speech import TIME_REDUCTION
from systems.mfmsc.encoders.text import TextEncoder
from systems.mfmsc.heads import STEPS_PER_TOKEN
from systems.mfmsc.networks import ReceiverNetwork, TransmitterNetwork

_WORD_START_BATCHES = 50


class Mfmsc(TrainableSystem):
    """Eight tasks that share encoders, fusion, channel encoder and channel decoder.

    Source: MFMSC, Algorithm 1.
    """

    recipes = RECIPES
    has_fusion: ClassVar[bool] = True
    speech = SpeechCode(TRANSCRIPT_CHARACTERS, TIME_REDUCTION, STEPS_PER_TOKEN)
    transmitter: TransmitterNetwork
    receiver: ReceiverNetwork

    @classmethod
    def build(
        cls, profile: Profile, tasks: Sequence[str], labels: Mapping[str, Sequence[str]], vocab_size: int
    ) -> Self:
        """Make both networks with random weights; see the base class."""
        transmitter = TransmitterNetwork(profile, tasks, vocab_size, has_fusion=cls.has_fusion)
        if "image" in transmitter.encoders:
            transmitter.encoders["image"].to(memory_format=torch.channels_last)
        return cls(transmitter, ReceiverNetwork(profile, tasks, labels, vocab_size))

    def config(
        self, profile: Profile, vocab_size: int, words: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Any]:
        """Profile, number of word pieces and known words; see the base class."""
        return MfmscConfig(profile.name, vocab_size, words, self.has_fusion).to_json()

    def warm_start(self, folder: Path, samplers: Mapping[str, Sampler], seed: int) -> None:
        """Copy a BERT into text encoder and fusion; tasks that give text back begin as a linear code.

        Each part takes as many layers as it has itself, from the first on: BERT-base has 12, the fusion 6.
        The fusion's layers begin small: what they add to a token is scaled down, so that the encoders' tokens
        reach the mean as they are, and each task moves them as far as it has data for (SkipInit).

        Source: De and Smith, 2020.
        """
        bert = load_bert(folder)
        self.start_text_encoder(bert)
        if hasattr(self.transmitter, "fusion"):
            layers = self.transmitter.fusion.layers.encoder
            copy_first_layers(layers, bert.encoder)
            begin_small(layers)
        for task, sampler in samplers.items():
            if get_task(task).answer is TextAnswer:
                batches = [sampler.batch(step)[0] for step in range(_WORD_START_BATCHES)]
                self.start_words(task, batches, torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def start_words(self, task: str, batches: Sequence[Batch], generator: torch.Generator) -> None:
        """Let a task that gives text back begin with a linear code of its word pieces.

        The text encoder knows words already. Of the channel encoder the last hidden units are set, two for
        each real of a token's code, and of the head the last layer, the first being zero yet. The units stay
        closed for other tasks if the width P is at least 32 plus the number of units that are not set.

        Args:
            task: Name of the task.
            batches: Training texts, in which rare pieces are no rarer than others.
            generator: Random source of the noise.
        """
        was_training = self.transmitter.training
        self.transmitter.eval()
        encoder, head = self.transmitter.encoders["text"], self.receiver.heads[task].linear
        first, _, last = self.transmitter.channel_encoder.compress
        assert isinstance(encoder, TextEncoder)
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        assert isinstance(head, nn.Linear)
        words = encoder.bert.embeddings.word_embeddings.weight  # [V, P], stand for the classes
        texts = [batch.inputs["text"] for batch in batches]
        present = words[torch.cat([numbers[mask] for numbers, mask in texts])]  # [N, P]
        features = torch.cat([encoder(numbers, mask).values[mask] for numbers, mask in texts])  # [N, P]
        code, centre = discriminants(features, present, REALS_PER_TOKEN)
        open_path(first, last, self.transmitter.task_embedding[task], code, centre)
        decoded = torch.cat([self._decoded(task, batch, generator) for batch in batches])
        classify(head, decoded, present, words)
        self.transmitter.train(was_training)

    def follow_batches(self, task: str, recipe: Recipe) -> bool:
        """Let the picture encoder's norms follow the batches of one task only: the first that trains it."""
        trainers = [
            name
            for name, own in recipe.tasks.items()
            if "image" in get_task(name).modalities
            and not "encoders.image.".startswith((*recipe.frozen, *own.frozen))
        ]
        follows = trainers[:1] == [task]
        self.transmitter.follow_batches(follows)
        return follows

    def parts_of(self, task: str) -> tuple[str, ...]:
        """Encoders of the task's modalities, the shared parts, its task embedding and its head."""
        encoders = [f"encoders.{name}." for name in get_task(task).modalities]
        fusion = ["fusion."] if is_multimodal(get_task(task)) else []
        coders = ("channel_encoder.", "channel_decoder.")
        return (f"task_embedding.{task}", f"heads.{task}.", *coders, *encoders, *fusion)

    def _decoded(self, task: str, batch: Batch, generator: torch.Generator) -> Tensor:
        """The channel decoder's features of every token, after the channel, [N, P]."""
        symbols, mask = self.transmitter(task, Batch(batch.inputs))  # in the order of the inputs
        snr_db, fades = torch.full((len(symbols),), SNR_DB), torch.zeros(len(symbols), dtype=torch.bool)
        x_hat = batch_channel(symbols, snr_db, fades, generator=generator)
        decoded: Tensor = self.receiver.channel_decoder(x_hat)
        return decoded[mask]


class Mfsc(Mfmsc):
    """MFMSC's network, one training a task.

    Source: MFMSC, V-A.
    """

    is_independent = True
    recipes = {name: trained_alone(recipe) for name, recipe in RECIPES.items()}


class Mmsc(Mfmsc):
    """MFMSC without its fusion: a task of several modalities sends all of their tokens.

    Source: MFMSC, V-A.
    """

    has_fusion = False
