"""Text semantic encoder: BERT.

Shapes: B batch, L word pieces, P width.
"""

from __future__ import annotations

from torch import Tensor, nn

from systems.layers.bert import Bert
from systems.layers.layers import Tokens, bert_sizes
from systems.layers.profiles import Profile


class TextEncoder(nn.Module):
    """E_w + E_p + E_s (words, positions, segments), then BERT's layers.

    Source: MFMSC, IV-A 2), eq. (7), Fig. 3.
    """

    def __init__(self, profile: Profile, vocab_size: int) -> None:
        super().__init__()
        self.bert = Bert(bert_sizes(profile, num_layers=profile.text_layers, vocab_size=vocab_size))

    def forward(self, piece_numbers: Tensor, mask: Tensor) -> Tokens:
        """Encode padded texts.

        Args:
            piece_numbers: int64, shape [B, L].
            mask: bool, shape [B, L]; False where padded.

        Returns:
            Tokens [B, L, P].
        """
        return Tokens(self.bert(piece_numbers, mask), mask)
