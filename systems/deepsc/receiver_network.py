"""The receiver's network: channel decoders, a transformer decoder with queries, one linear head a task.

Shapes: B batch, L tokens, S channel uses a row of a frame, D width, Q queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from shared.tasks import Task, get_task
from systems.deepsc.config import (
    CODERS,
    REALS_PER_TOKEN,
    STEPS_PER_TOKEN,
    get_sizes,
    num_reals_sent,
    sends_sequence,
)
from systems.deepsc.layers import sinusoids
from systems.layers.layers import Tokens
from systems.layers.patches import VALUES_PER_PATCH, PatchTransform
from systems.layers.preprocessing import tensor_to_unit_range
from systems.layers.profiles import Profile
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS

_FFN_RATIO = 4
_QUERY_DEVIATION = 0.5
_NUM_OUTPUTS = {"transcript": STEPS_PER_TOKEN * len(TRANSCRIPT_CHARACTERS), "image": VALUES_PER_PATCH}


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
                * torch.randn(1 if _gives_sequence(task) else sizes.num_queries, width)
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
        counts = {task.name: len(labels.get(task.name, ())) for task in served}
        outputs = {
            task.name: _NUM_OUTPUTS.get(
                task.answer, vocab_size if task.answer == "text" else counts[task.name]
            )
            for task in served
        }
        self.heads = nn.ModuleDict({name: nn.Linear(width, count) for name, count in outputs.items()})
        self.transform = PatchTransform()

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
        if mask is None or not sends_sequence(task):
            mask = received.new_ones(received.shape[:2]).bool()
        memory = Tokens(received, mask)
        values = self._attend(task, memory)
        if not _gives_sequence(task):
            values = values.mean(1)
        return self._scores(task, self.heads[task_name](values).float())

    def _restore(self, task: Task, x_hat: Tensor) -> Tensor:
        """Tokens [B, L, D] of all modalities, with their places."""
        reals = torch.view_as_real(x_hat).flatten(2)  # [B, L, 2S]
        if sends_sequence(task):
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
        is_sequence = _gives_sequence(task)
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

    def _scores(self, task: Task, outputs: Tensor) -> Tensor:
        """What the head gives, as the answer's scores."""
        if task.answer == "transcript":
            return outputs.reshape(len(outputs), -1, len(TRANSCRIPT_CHARACTERS))
        if task.answer == "image":
            return tensor_to_unit_range(self.transform.inverse(outputs))
        return outputs


def _gives_sequence(task: Task) -> bool:
    """True where the answer has a part for every token that is sent."""
    return task.answer in ("text", "transcript", "image")
