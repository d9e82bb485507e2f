"""The transmitter's network: semantic encoders with a task embedding, choice of tokens, channel encoders.

Shapes: B batch, L tokens, P width, S channel uses a row of a frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from shared.tasks import Modality, Task, get_task
from systems.deepsc.config import (
    CODERS,
    FRAME_STEP,
    REALS_PER_TOKEN,
    get_sizes,
    num_tokens_sent,
    picture_size,
    sends_sequence,
)
from systems.deepsc.encoders import ImageEncoder, SpeechEncoder, TextEncoder
from systems.deepsc.layers import Encoded
from systems.layers.batch import Batch
from systems.layers.layers import Tokens, named_vectors, normalise_power
from systems.layers.profiles import Profile


class TransmitterNetwork(nn.Module):
    """Tokens of a few kinds, each through the linear channel encoder of its modality.

    sequence:  encoder -> all tokens -> channel encoder -> a row of symbols for each token
    else:      encoders -> CLS token and pooled tokens -> channel encoders -> one row of symbols

    Args:
        profile: Sizes.
        tasks: Names of the tasks to serve.
        vocab_size: Number of word pieces.

    Source: U-DeepSC, section III.
    """

    def __init__(self, profile: Profile, tasks: Sequence[str], vocab_size: int) -> None:
        super().__init__()
        served = [get_task(name) for name in tasks]
        coders = dict.fromkeys(CODERS[modality] for task in served for modality in task.modalities)
        pictured = [task for task in served if {"image", "video"} & set(task.modalities)]
        picture_sizes = dict.fromkeys(picture_size(task, profile) for task in pictured)
        makers: Mapping[Modality, Callable[[], nn.Module]] = {
            "text": lambda: TextEncoder(profile, vocab_size),
            "image": lambda: ImageEncoder(profile, picture_sizes),
            "audio": lambda: SpeechEncoder(profile),
        }
        widths = {"audio": get_sizes(profile).speech_width}
        self.encoders = nn.ModuleDict({coder: makers[coder]() for coder in coders})
        self.task_embedding = named_vectors(tasks, profile.width)
        self.pooling = nn.ModuleDict(
            {task.name: _make_pooling(task, widths, profile.width) for task in served}
        )
        self.channel_encoders = nn.ModuleDict(
            {coder: nn.Linear(widths.get(coder, profile.width), REALS_PER_TOKEN[coder]) for coder in coders}
        )

    def forward(self, task_name: str, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encode a batch of one task.

        Returns:
            Symbols, complex64 [B, L, S], unit mean power an instance; mask, bool [B, L], False where padded.
            L is 1 where the task sends no sequence.
        """
        task = get_task(task_name)
        chosen = {modality: self._choose(task, modality, batch) for modality in task.modalities}
        coded = [
            self.channel_encoders[CODERS[modality]](own.values).float() for modality, own in chosen.items()
        ]
        if sends_sequence(task):
            ((reals,), (tokens,)) = coded, chosen.values()
            mask = tokens.mask
        else:
            reals = torch.cat([own.flatten(1) for own in coded], 1)[:, None]  # [B, 1, 2S]
            mask = reals.new_ones(reals.shape[:2]).bool()
        symbols = torch.view_as_complex(reals.unflatten(-1, (-1, 2)).contiguous())
        return normalise_power(symbols, mask), mask

    def _choose(self, task: Task, modality: Modality, batch: Batch) -> Tokens:
        """The tokens of a modality that are sent, for each instance."""
        encoded = self._encode(task, modality, batch)
        if sends_sequence(task):
            values, mask = encoded.tokens
        else:
            values = encoded.summary[:, None]
            pooling = self.pooling[task.name]
            assert isinstance(pooling, nn.ParameterDict)
            if modality in pooling:
                values = torch.cat([values, pool(encoded.tokens, pooling[modality])], 1)
            mask = values.new_ones(values.shape[:2]).bool()
        rows = batch.rows.get(modality)
        return Tokens(values, mask) if rows is None else Tokens(values[rows], mask[rows])

    def _encode(self, task: Task, modality: Modality, batch: Batch) -> Encoded:
        encoder, embedding = self.encoders[CODERS[modality]], self.task_embedding[task.name]
        inputs = batch.inputs[modality]
        if modality != "video":
            encoded: Encoded = encoder(embedding, *inputs)
            return encoded
        frames = inputs[0][:, ::FRAME_STEP]  # [B, F, 3, H, W]; other clips that give a scene are not read
        values = encoder(embedding, frames.flatten(0, 1)).summary.unflatten(0, frames.shape[:2])
        return Encoded(values.mean(1), Tokens(values, values.new_ones(values.shape[:2]).bool()))


def pool(tokens: Tokens, queries: Tensor) -> Tensor:
    """One token for each query: the mean of all tokens, weighted by how much they are like the query.

    Args:
        tokens: [B, L, P].
        queries: float, shape [Q, P].

    Returns:
        float, shape [B, Q, P].
    """
    likeness = queries @ tokens.values.transpose(1, 2) / math.sqrt(queries.shape[1])  # [B, Q, L]
    weights = likeness.masked_fill(~tokens.mask[:, None], -math.inf).softmax(-1)
    return weights.to(tokens.values.dtype) @ tokens.values


def _make_pooling(task: Task, widths: Mapping[str, int], width: int) -> nn.ParameterDict:
    """Queries of each modality of which a task sends more than the CLS token."""
    if sends_sequence(task):
        return nn.ParameterDict()
    counts = {modality: num_tokens_sent(task, modality) - 1 for modality in task.modalities}
    return nn.ParameterDict(
        {
            modality: nn.Parameter(torch.randn(count, widths.get(CODERS[modality], width)))
            for modality, count in counts.items()
            if count
        }
    )
