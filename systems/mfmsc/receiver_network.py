"""The receiver's network: channel decoder and one light head a task.

Shapes: B batch, L tokens, S channel uses a token, P width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from shared.tasks import get_task
from systems.layers.layers import Tokens, masked_mean
from systems.layers.profiles import Profile
from systems.mfmsc.channel_decoder import ChannelDecoder
from systems.mfmsc.config import sends_sequence
from systems.mfmsc.heads import make_head


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
        if not sends_sequence(get_task(task)) and tokens.shape[1] > 1:
            is_sent = tokens.new_ones(tokens.shape[:2]).bool() if mask is None else mask
            tokens = masked_mean(Tokens(tokens, is_sent))
        scores: Tensor = self.heads[task](tokens)
        return scores.float()
