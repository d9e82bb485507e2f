"""The receiver's network: channel decoder and one light head a task.

Shapes: B batch, L tokens, S channel uses a token, P width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from receiver.systems.mfmsc.channel_decoder import ChannelDecoder
from receiver.systems.mfmsc.heads import make_head
from shared.networks.profiles import Profile


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

    def forward(self, task: str, x_hat: Tensor) -> Tensor:
        """Scores of a batch of one task.

        Args:
            task: Name of the task.
            x_hat: complex64, shape [B, L, S], after the equaliser.

        Returns:
            float: [B, num_labels] for labels, [B, 2 L, outputs] for transcripts, else [B, L, outputs].
        """
        scores: Tensor = self.heads[task](self.channel_decoder(x_hat))
        return scores.float()
