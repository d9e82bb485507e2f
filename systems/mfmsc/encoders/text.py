"""Text semantic encoder: BERT.

Shapes: B batch, L word pieces, P width.
"""

from __future__ import annotations

from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertModel

from systems.layers.layers import Tokens, bert_config
from systems.layers.profiles import Profile


class TextEncoder(nn.Module):
    """E_w + E_p + E_s (words, positions, segments), then BERT's layers.

    Source: MFMSC, IV-A 2), eq. (7), Fig. 3.
    """

    def __init__(self, profile: Profile, vocab_size: int) -> None:
        super().__init__()
        config = bert_config(profile, num_layers=profile.text_layers, vocab_size=vocab_size)
        self.bert = BertModel(config, add_pooling_layer=False)

    def forward(self, piece_numbers: Tensor, mask: Tensor) -> Tokens:
        """Encode padded texts.

        Args:
            piece_numbers: int64, shape [B, L].
            mask: bool, shape [B, L]; False where padded.

        Returns:
            Tokens [B, L, P].
        """
        # A mask of four dimensions is used as it is; of two dimensions the host would read it first.
        encoded = self.bert(input_ids=piece_numbers, attention_mask=mask[:, None, None, :])
        return Tokens(encoded.last_hidden_state, mask)
