"""Video semantic encoder: ViViT with alternating spatial and temporal attention.

Shapes: B batch, N_F frames, n_f tubes in time, S = n_h n_w tubes in space, P width.
"""

from __future__ import annotations

from torch import Tensor, nn

from shared.layers import AttentionLayers, Tokens
from shared.profiles import Profile


class TubeletEmbedding(nn.Module):
    """Cuts a clip into N_f x h x w tubes that do not overlap and projects each to P (Arnab et al., 2021)."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.project = nn.Conv3d(3, profile.width, kernel_size=profile.tubelet, stride=profile.tubelet)

    def forward(self, clips: Tensor) -> Tensor:
        """Shape [B, N_F, 3, H, W] -> [B, n_f, S, P]."""
        tubes: Tensor = self.project(clips.transpose(1, 2))  # [B, P, n_f, n_h, n_w]
        return tubes.flatten(3).permute(0, 2, 3, 1)


class SpaceTimeLayer(nn.Module):
    """Attention among the tubes of one moment, then among the tubes of one place.

    F_s = attend over S for each moment; F_t = attend over n_f for each place.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.spatial = AttentionLayers(profile, 1)
        self.temporal = AttentionLayers(profile, 1)

    def forward(self, tubes: Tensor) -> Tensor:
        """Shape [B, n_f, S, P], kept."""
        in_space = _attend(self.spatial, tubes)
        return _attend(self.temporal, in_space.transpose(1, 2)).transpose(1, 2)


def _attend(layers: AttentionLayers, tubes: Tensor) -> Tensor:
    """Attend over the third dimension of [B, groups, L, P], each group for itself."""
    sequences = tubes.flatten(0, 1)
    mask = sequences.new_ones(sequences.shape[:2]).bool()
    attended: Tensor = layers(Tokens(sequences, mask))
    return attended.view(tubes.shape)


class VideoEncoder(nn.Module):
    """clip [B, N_F, 3, H, W] -> tubelets + position -> space-time layers -> tokens [B, n_f S, P].

    Source: MFMSC, IV-A 4), eq. (8), Fig. 5.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        frames, height, width = profile.tubelet
        num_moments = profile.video_frames // frames
        num_places = (profile.video_size // height) * (profile.video_size // width)
        self.embed = TubeletEmbedding(profile)
        self.position = nn.Parameter(
            nn.init.normal_(
                self.embed.project.weight.new_empty(num_moments, num_places, profile.width), std=0.02
            )
        )
        self.norm = nn.LayerNorm(profile.width)
        self.layers = nn.ModuleList(SpaceTimeLayer(profile) for _ in range(profile.video_layers))

    def forward(self, clips: Tensor) -> Tokens:
        """Encode clips.

        Args:
            clips: float, shape [B, N_F, 3, H, W], the profile's frames and size.

        Returns:
            Tokens [B, n_f n_h n_w, P].
        """
        tubes = self.norm(self.embed(clips) + self.position)
        for layer in self.layers:
            tubes = layer(tubes)
        values = tubes.flatten(1, 2)
        return Tokens(values, values.new_ones(values.shape[:2]).bool())
