"""BERT's layers, with the names of tensors that public weights have.

transformers has the same, bit for bit, and a test compares them; but its import takes a service two seconds.

Shapes: B batch, L word pieces, P width, H heads.

Source: Devlin et al., BERT, 2019; Vaswani et al., 2017, eq. (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-12
_DEVIATION = 0.02
_NUM_SEGMENTS = 2


@dataclass(frozen=True)
class BertSizes:
    """Sizes of a BERT, by the names that its public configurations have."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int
    vocab_size: int = 1
    max_position_embeddings: int = 512


class _Output(nn.Module):
    """x, residual -> LN(W x + b + residual)."""

    def __init__(self, num_inputs: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(num_inputs, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, values: Tensor, residual: Tensor) -> Tensor:
        normalised: Tensor = self.LayerNorm(self.dense(values) + residual)
        return normalised


class BertLayer(nn.Module):
    """H' = LN(MSA(H) + H), then LN(FFN(H') + H'), FFN with GELU."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width = sizes.hidden_size
        self._num_heads = sizes.num_attention_heads
        projections = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict({"self": nn.ModuleDict(projections), "output": _Output(width, width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, sizes.intermediate_size)})
        self.output = _Output(sizes.intermediate_size, width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Attend to what the mask allows.

        Args:
            values: float, shape [B, L, P].
            mask: bool, shape [B, 1, 1, L]; False where padded.

        Returns:
            float, shape [B, L, P].
        """
        query, key, value = (
            project(values).unflatten(-1, (self._num_heads, -1)).transpose(1, 2)  # [B, H, L, P / H]
            for project in self.attention["self"].values()  # type: ignore[operator]
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        values = self.attention["output"](attended.transpose(1, 2).flatten(2), values)
        fed: Tensor = self.output(F.gelu(self.intermediate["dense"](values)), values)
        return fed


class BertEncoder(nn.Module):
    """Layers, one after the other.

    Args:
        sizes: Width, heads and number of layers.
    """

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.config = sizes
        self.layer = nn.ModuleList(BertLayer(sizes) for _ in range(sizes.num_hidden_layers))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """[B, L, P] to the same shape; see `BertLayer.forward`."""
        for layer in self.layer:
            values = layer(values, mask)
        return values


class BertEmbeddings(nn.Module):
    """LN(E_w + E_s + E_p): words, the first segment, positions."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width = sizes.hidden_size
        self.word_embeddings = nn.Embedding(sizes.vocab_size, width, padding_idx=0)
        self.position_embeddings = nn.Embedding(sizes.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(_NUM_SEGMENTS, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, piece_numbers: Tensor) -> Tensor:
        """int64 [B, L] to float [B, L, P]."""
        segment = self.token_type_embeddings(torch.zeros_like(piece_numbers))
        positions = self.position_embeddings.weight[: piece_numbers.shape[1]]
        embedded: Tensor = self.LayerNorm(self.word_embeddings(piece_numbers) + segment + positions)
        return embedded


class Bert(nn.Module):
    """Embeddings and layers, initialised as BERT is.

    Args:
        sizes: All of them.
    """

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.config = sizes
        self.embeddings = BertEmbeddings(sizes)
        self.encoder = BertEncoder(sizes)
        self.apply(_initialise)

    def forward(self, piece_numbers: Tensor, mask: Tensor) -> Tensor:
        """Encode padded texts.

        Args:
            piece_numbers: int64, shape [B, L].
            mask: bool, shape [B, L]; False where padded.

        Returns:
            float, shape [B, L, P].
        """
        encoded: Tensor = self.encoder(self.embeddings(piece_numbers), mask[:, None, None, :])
        return encoded


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        module.weight.normal_(std=_DEVIATION)
    if isinstance(module, nn.Linear):
        module.bias.zero_()
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        module.weight[module.padding_idx].zero_()
