"""Semantic encoders of U-DeepSC and T-DeepSC: pictures, texts, speech.

Shapes: B batch, L tokens, T frames of 10 ms, P width.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from systems.deepsc.config import get_sizes, grid_of, text_profile
from systems.deepsc.layers import Encoded, EncoderLayers, sinusoids
from systems.layers.bert import Bert
from systems.layers.layers import Tokens, append_token, bert_sizes
from systems.layers.preprocessing import NUM_MEL_BINS
from systems.layers.profiles import Profile

_POSITION_DEVIATION = 0.02
_KERNEL = 5


class ImageEncoder(nn.Module):
    """Vision transformer: one body, with a patch embedding and positions for each size of pictures.

    pixels [B, 3, H, W] -> patches -> linear, + position -> CLS, patches, task embedding -> layers -> tokens

    Args:
        profile: Sizes.
        picture_sizes: Height and width of all pictures that will come [pixels].

    Source: U-DeepSC, section III; Dosovitskiy et al., 2021.
    """

    def __init__(self, profile: Profile, picture_sizes: Collection[tuple[int, int]]) -> None:
        super().__init__()
        width, sizes = profile.width, get_sizes(profile)
        grids = {_name(size): grid_of(size) for size in picture_sizes}
        self.patches = nn.ModuleDict(
            {name: nn.Conv2d(3, width, patch, stride=patch) for name, (patch, _, _) in grids.items()}
        )
        self.positions = nn.ParameterDict(
            {name: _small_normal(rows * columns, width) for name, (_, rows, columns) in grids.items()}
        )
        self.cls = _small_normal(width)
        self.body = EncoderLayers(width, sizes.image_heads, sizes.image_layers)

    def forward(self, task_embedding: Tensor, pixels: Tensor) -> Encoded:
        """Encode pictures.

        Args:
            task_embedding: float, shape [P].
            pixels: float, shape [B, 3, H, W], zero mean and about unit variance; of a size that was declared.

        Returns:
            The CLS token, and a token for each patch, row by row.
        """
        name = _name((pixels.shape[2], pixels.shape[3]))
        values = self.patches[name](pixels).flatten(2).transpose(1, 2) + self.positions[name]
        ends = (self.cls, task_embedding)
        first, last = (end.to(values.dtype).expand(len(values), 1, -1) for end in ends)
        values = self.body(torch.cat([first, values, last], 1))
        patches = values[:, 1:-1]
        return Encoded(values[:, 0], Tokens(patches, patches.new_ones(patches.shape[:2]).bool()))


class TextEncoder(nn.Module):
    """The first layers of a BERT; the task embedding is one more token, without a position.

    Source: U-DeepSC, section III.
    """

    def __init__(self, profile: Profile, vocab_size: int) -> None:
        super().__init__()
        num_layers = text_profile(profile).text_layers
        self.bert = Bert(bert_sizes(profile, num_layers=num_layers, vocab_size=vocab_size))

    def forward(self, task_embedding: Tensor, piece_numbers: Tensor, mask: Tensor) -> Encoded:
        """Encode padded texts.

        Args:
            task_embedding: float, shape [P].
            piece_numbers: int64, shape [B, L].
            mask: bool, shape [B, L]; False where padded.

        Returns:
            The token of the mark [CLS], and the tokens of all pieces, that mark's among them.
        """
        pieces = Tokens(self.bert.embeddings(piece_numbers), mask)
        joined = append_token(pieces, task_embedding)
        values = self.bert.encoder(joined.values, joined.mask[:, None, None, :])[:, :-1]
        return Encoded(values[:, 0], Tokens(values, mask))


class SpeechEncoder(nn.Module):
    """fbank [B, T, 80] -> two convolutions that halve the rate -> + position -> layers -> tokens [B, L, P].

    Source: U-DeepSC, section III.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        sizes = get_sizes(profile)
        width = sizes.speech_width
        self.first = nn.Conv1d(NUM_MEL_BINS, width, _KERNEL, stride=2, padding=_KERNEL // 2)
        self.second = nn.Conv1d(width, width, _KERNEL, stride=2, padding=_KERNEL // 2)
        self.task = nn.Linear(profile.width, width)
        self.layers = EncoderLayers(width, sizes.speech_heads, sizes.speech_layers)

    def forward(self, task_embedding: Tensor, fbank: Tensor, mask: Tensor) -> Encoded:
        """Encode padded utterances.

        Args:
            task_embedding: float, shape [P of pictures and texts].
            fbank: float, shape [B, T, 80], log mel energies, normalised.
            mask: bool, shape [B, T]; False where padded.

        Returns:
            The mean of all tokens, and the tokens, L = ceil(T / 4).
        """
        features = (fbank * mask.unsqueeze(2)).transpose(1, 2)
        features = F.gelu(self.first(features)) * mask[:, None, ::2]
        values = F.gelu(self.second(features)).transpose(1, 2)
        values = values + sinusoids(values.shape[1], values.shape[2], values.device).to(values.dtype)
        tokens = Tokens(values, mask[:, ::4])
        joined = append_token(tokens, self.task(task_embedding))
        values = self.layers(joined.values, joined.mask)[:, :-1]
        weights = tokens.mask.unsqueeze(2) / tokens.mask.sum(1)[:, None, None]
        return Encoded((values * weights).sum(1), Tokens(values, tokens.mask))


def _name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _small_normal(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.normal_(torch.empty(shape), std=_POSITION_DEVIATION))
