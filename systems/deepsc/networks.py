"""Both networks of U-DeepSC and T-DeepSC.

transmitter: semantic encoders with a task embedding, choice of tokens, channel encoders
receiver: channel decoders, a transformer decoder with queries, one linear head a task

Shapes: B batch, L tokens, P width, D width of the decoder, S channel uses a row of a frame, Q queries.
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
    num_reals_sent,
    num_tokens_sent,
    picture_size,
    sends_every_token,
)
from systems.deepsc.encoders import ImageEncoder, SpeechEncoder, TextEncoder
from systems.deepsc.heads import make_head
from systems.deepsc.layers import Encoded, sinusoids
from systems.layers.batch import Batch
from systems.layers.layers import Tokens, named_vectors, normalise_power
from systems.layers.profiles import Profile

_FFN_RATIO = 4
_QUERY_DEVIATION = 0.5


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
            self.channel_encoders[CODERS[modality]](tokens.values).float()
            for modality, tokens in chosen.items()
        ]
        if sends_every_token(task):
            ((reals,), (tokens,)) = coded, chosen.values()
            mask = tokens.mask
        else:
            reals = torch.cat([reals.flatten(1) for reals in coded], 1)[:, None]  # [B, 1, 2S]
            mask = reals.new_ones(reals.shape[:2]).bool()
        symbols = torch.view_as_complex(reals.unflatten(-1, (-1, 2)).contiguous())
        return normalise_power(symbols, mask), mask

    def _choose(self, task: Task, modality: Modality, batch: Batch) -> Tokens:
        """The tokens of a modality that are sent, for each instance."""
        encoded = self._encode(task, modality, batch)
        if sends_every_token(task):
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
    if sends_every_token(task):
        return nn.ParameterDict()
    counts = {modality: num_tokens_sent(task, modality) - 1 for modality in task.modalities}
    return nn.ParameterDict(
        {
            modality: nn.Parameter(torch.randn(count, widths.get(CODERS[modality], width)))
            for modality, count in counts.items()
            if count
        }
    )


class ReceiverNetwork(nn.Module):
    """x_hat -> linear of each modality, norm, + position -> decoder whose queries attend to it -> head.

    A task with labels has learned queries; what the decoder makes of them is averaged before the head. A task
    whose answer is a sequence has a query for each place: the token that was received there, plus one learned
    query of the task.

    Args:
        profile: Sizes.
        tasks: Names of the tasks to serve.
        labels: The labels of each labelling task, in the order of the head's outputs.
        vocab_size: Word pieces, for reconstructed text.

    Source: U-DeepSC, section III.
    """

    def __init__(
        self, profile: Profile, tasks: Sequence[str], labels: Mapping[str, Sequence[str]], vocab_size: int
    ) -> None:
        super().__init__()
        sizes = get_sizes(profile)
        width, served = sizes.decoder_width, [get_task(name) for name in tasks]
        coders = dict.fromkeys(CODERS[modality] for task in served for modality in task.modalities)
        self.channel_decoders = nn.ModuleDict(
            {coder: nn.Linear(REALS_PER_TOKEN[coder], width) for coder in coders}
        )
        self.norm = nn.LayerNorm(width)
        self.queries = nn.ParameterDict(
            {
                task.name: _QUERY_DEVIATION
                * torch.randn(1 if task.answer.sends_sequence else sizes.num_queries, width)
                for task in served
            }
        )
        self.decoder = nn.ModuleList(
            nn.TransformerDecoderLayer(
                width, sizes.decoder_heads, _FFN_RATIO * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(sizes.decoder_layers)
        )
        self.decoder_norm = nn.LayerNorm(width)
        self.heads = nn.ModuleDict(
            {
                task.name: make_head(
                    task.answer, width, num_labels=len(labels.get(task.name, ())), vocab_size=vocab_size
                )
                for task in served
            }
        )

    def forward(self, task_name: str, x_hat: Tensor, mask: Tensor | None = None) -> Tensor:
        """Scores of a batch of one task.

        Args:
            task_name: Name of the task.
            x_hat: complex64, shape [B, L, S], after the equaliser; L is 1 where the task sends no sequence.
            mask: bool, shape [B, L], False where padded; None where nothing is.

        Returns:
            float: [B, num_labels] for labels, [B, 2 L, characters] for transcripts, [B, L, 48] for pictures,
            [B, L, vocab_size] for text.
        """
        task = get_task(task_name)
        received = self._restore(task, x_hat)
        if mask is None or not sends_every_token(task):
            mask = received.new_ones(received.shape[:2]).bool()
        memory = Tokens(received, mask)
        values = self._attend(task, memory)
        if not task.answer.sends_sequence:
            values = values.mean(1)
        scores: Tensor = self.heads[task_name](values)
        return scores.float()

    def _restore(self, task: Task, x_hat: Tensor) -> Tensor:
        """Tokens [B, L, D] of all modalities, with their places."""
        reals = torch.view_as_real(x_hat).flatten(2)  # [B, L, 2S]
        if sends_every_token(task):
            tokens = self.channel_decoders[CODERS[task.modalities[0]]](reals)
        else:
            counts = [num_reals_sent(task, modality) for modality in task.modalities]
            parts = torch.split(reals[:, 0], counts, 1)
            coders = [CODERS[modality] for modality in task.modalities]
            decoded = [
                self.channel_decoders[coder](part.reshape(len(part), -1, REALS_PER_TOKEN[coder]))
                for coder, part in zip(coders, parts, strict=True)
            ]
            tokens = torch.cat(decoded, 1)
        tokens = self.norm(tokens)
        placed: Tensor = tokens + sinusoids(tokens.shape[1], tokens.shape[2], tokens.device).to(tokens.dtype)
        return placed

    def _attend(self, task: Task, memory: Tokens) -> Tensor:
        """What the decoder makes of the queries, [B, Q, D]."""
        queries = self.queries[task.name].to(memory.values.dtype)
        is_padded = ~memory.mask
        is_sequence = task.answer.sends_sequence
        values = memory.values + queries if is_sequence else queries.expand(len(memory.values), -1, -1)
        for layer in self.decoder:
            values = layer(
                values,
                memory.values,
                tgt_key_padding_mask=is_padded if is_sequence else None,
                memory_key_padding_mask=is_padded,
            )
        normed: Tensor = self.decoder_norm(values)
        return normed
