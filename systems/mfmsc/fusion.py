"""Fusion module: attention over the tokens of all modalities, averaged to one vector.

Shapes: B batch, L tokens, P width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from shared.tasks import MODALITIES, Modality
from systems.layers.layers import AttentionLayers, Tokens, append_token, masked_mean, named_vectors
from systems.layers.profiles import Profile


class FusionModule(nn.Module):
    """F^in = concat(F^M1 + E_s^M1, ..., F^Mm + E_s^Mm, E^T) -> attention layers -> mean over tokens.

    No position embedding: the order of the tokens must not matter.

    Source: MFMSC, IV-B, eqs. (9) to (14), Fig. 6.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.segment = named_vectors(MODALITIES, profile.width)
        self.layers = AttentionLayers(profile, profile.fusion_layers)

    def forward(self, features: Mapping[Modality, Tokens], task_embedding: Tensor) -> Tensor:
        """Fuse the modalities of a batch.

        Args:
            features: Tokens [B, L_m, P] of each modality.
            task_embedding: float, shape [P].

        Returns:
            float, shape [B, 1, P].
        """
        segments = [tokens.values + self.segment[modality] for modality, tokens in features.items()]
        joined = Tokens(torch.cat(segments, 1), torch.cat([tokens.mask for tokens in features.values()], 1))
        joined = append_token(joined, task_embedding)
        return masked_mean(Tokens(self.layers(joined), joined.mask))
