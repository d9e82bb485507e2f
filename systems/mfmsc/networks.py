"""Both networks of MFMSC, and of the systems that are made from them.

Shapes: B batch, L tokens, P width, S = 16 channel uses a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from shared.answers import ImageAnswer
from shared.tasks import Modality, Task, get_task
from systems.layers.batch import Batch
from systems.layers.layers import Tokens, append_token, masked_mean, named_vectors
from systems.layers.profiles import CHANNEL_USES_PER_TOKEN, Profile
from systems.mfmsc.channel_coder import ChannelDecoder, ChannelEncoder
from systems.mfmsc.config import is_mirror_proof, is_multimodal
from systems.mfmsc.encoders.image import ImageEncoder
from systems.mfmsc.encoders.speech import SpeechEncoder
from systems.mfmsc.encoders.text import TextEncoder
from systems.mfmsc.encoders.video import VideoEncoder
from systems.mfmsc.fusion import FusionModule
from systems.mfmsc.heads import make_head


class TransmitterNetwork(nn.Module):
    """S(.; alpha_T), F(.; gamma) and C(.; beta_T) of the paper, for the tasks asked for.

    one modality:      encoder -> + task embedding -> (mean over tokens) -> channel encoder -> X
    many modalities:   encoders -> fusion with the task embedding -> mean -> channel encoder -> X
    without fusion:    encoders -> tokens one after another, + task embedding -> channel encoder -> X

    A task with one label concatenates the task embedding as a token and averages; one that sends a sequence
    adds it to every token instead, for a constant token would cost 16 channel uses and carry nothing.

    Args:
        profile: Sizes.
        tasks: Names of the tasks to serve.
        vocab_size: Number of word pieces.
        has_fusion: False for MMSC, which sends every token of every modality (MFMSC, V-A).

    Source: MFMSC, eq. (1), IV-A to IV-C.
    """

    def __init__(
        self, profile: Profile, tasks: Sequence[str], vocab_size: int, *, has_fusion: bool = True
    ) -> None:
        super().__init__()
        served = [get_task(name) for name in tasks]
        makers: Mapping[Modality, Callable[[], nn.Module]] = {
            "text": lambda: TextEncoder(profile, vocab_size),
            "image": lambda: ImageEncoder(profile),
            "audio": lambda: SpeechEncoder(profile),
            "video": lambda: VideoEncoder(profile),
        }
        modalities = dict.fromkeys(modality for task in served for modality in task.modalities)
        self.encoders = nn.ModuleDict({modality: makers[modality]() for modality in modalities})
        self.task_embedding = named_vectors(tasks, profile.width)
        if has_fusion and any(is_multimodal(task) for task in served):
            self.fusion = FusionModule(profile)
        self.channel_encoder = ChannelEncoder(profile)

    def follow_batches(self, does: bool) -> None:
        """Let the picture encoder's norms learn their statistics from what comes, or take what was learnt."""
        if "image" in self.encoders:
            encoder = self.encoders["image"]
            assert isinstance(encoder, ImageEncoder)
            encoder.follow_batches(does)

    def forward(
        self, task_name: str, batch: Batch, symbols_per_token: int = CHANNEL_USES_PER_TOKEN
    ) -> tuple[Tensor, Tensor]:
        """Encode a batch of one task.

        Args:
            task_name: Name of the task.
            batch: Inputs.
            symbols_per_token: S; fewer than 16 send a sequence at a lower rate.

        Returns:
            Symbols, complex64 [B, L, S], unit mean power an instance; mask, bool [B, L], False where padded.
        """
        task = get_task(task_name)
        features = {modality: self._encode(task, modality, batch) for modality in task.modalities}
        tokens = self._gather(task, features)
        return self.channel_encoder(tokens, symbols_per_token), tokens.mask

    def _encode(self, task: Task, modality: Modality, batch: Batch) -> Tokens:
        tokens: Tokens = self.encoders[modality](*batch.inputs[modality], **self._reading(task))
        rows = batch.rows.get(modality)
        return tokens if rows is None else Tokens(tokens.values[rows], tokens.mask[rows])

    def _reading(self, task: Task) -> dict[str, bool]:
        """How a task has its encoder read, where that is not the encoder's own way.

        Training shows a picture one way a step; whoever answers looks at it both ways.
        """
        if task.answer is ImageAnswer:
            return {"fine": True}
        return {"both_ways": True} if is_mirror_proof(task) and not self.training else {}

    def _gather(self, task: Task, features: Mapping[Modality, Tokens]) -> Tokens:
        embedding = self.task_embedding[task.name]
        if is_multimodal(task) and not hasattr(self, "fusion"):
            values = torch.cat([tokens.values for tokens in features.values()], 1)
            return Tokens(values + embedding, torch.cat([tokens.mask for tokens in features.values()], 1))
        if is_multimodal(task):
            fused = self.fusion(features, embedding)
            return Tokens(fused, fused.new_ones(fused.shape[:2]).bool())
        (tokens,) = features.values()
        if task.answer.sends_sequence:
            return Tokens(tokens.values + embedding, tokens.mask)
        mean = masked_mean(append_token(tokens, embedding))
        return Tokens(mean, mean.new_ones(mean.shape[:2]).bool())


class ReceiverNetwork(nn.Module):
    """x_hat -> channel decoder C^-1 -> head S^-1 of the task -> scores.

    Args:
        profile: Sizes.
        tasks: Names of the tasks to serve.
        labels: The labels of each labelling task, in the order of the head's outputs.
        vocab_size: Word pieces, for reconstructed text.

    Source: MFMSC, eq. (3), IV-D, IV-E.
    """

    def __init__(
        self, profile: Profile, tasks: Sequence[str], labels: Mapping[str, Sequence[str]], vocab_size: int
    ) -> None:
        super().__init__()
        self.channel_decoder = ChannelDecoder(profile)
        self.heads = nn.ModuleDict(
            {
                task: make_head(task, profile, num_labels=len(labels.get(task, ())), vocab_size=vocab_size)
                for task in tasks
            }
        )

    def forward(self, task: str, x_hat: Tensor, mask: Tensor | None = None) -> Tensor:
        """Scores of a batch of one task.

        Args:
            task: Name of the task.
            x_hat: complex64, shape [B, L, S], after the equaliser.
            mask: bool, shape [B, L], False where padded; None where nothing is. Of a task whose answer is no
                sequence, several tokens are averaged after the channel decoder.

        Returns:
            float: [B, num_labels] for labels, [B, 2 L, outputs] for transcripts, else [B, L, outputs].
        """
        tokens: Tensor = self.channel_decoder(x_hat)
        if not get_task(task).answer.sends_sequence and tokens.shape[1] > 1:
            is_sent = tokens.new_ones(tokens.shape[:2]).bool() if mask is None else mask
            tokens = masked_mean(Tokens(tokens, is_sent))
        scores: Tensor = self.heads[task](tokens)
        return scores.float()
