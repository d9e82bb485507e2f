"""Video semantic encoder: two ViViT streams with alternating spatial and temporal attention.

One stream reads the motion of a clip, the other its appearance (`scene`). A small network reads how much
changes from frame to frame (`pace`).

Shapes: B batch, N_F frames, n_f tubes in time, S = n_h n_w tubes in space, P width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from systems.layers.layers import AttentionLayers, Tokens
from systems.layers.profiles import Profile

_NOISE = 0.25  # a sixteenth of full scale: a camera's noise, and a JPEG's
_PACE_GRID = 4  # places a side
_LEAST_CHANGE, _MIDDLE_LOG_CHANGE = 0.02, -2.5
_PACE_UNITS = 64
_DROPPED_CHANGES, _DROPPED_UNITS = 0.3, 0.5


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


def measure_changes(clips: Tensor) -> Tensor:
    """How much the pixels change from frame to frame, as logarithms near zero.

    A change below the noise of a camera counts as none.

    Args:
        clips: float, shape [B, N_F, 3, H, W].

    Returns:
        float, shape [B, N_F - 1, 4, 4]: the mean of each of sixteen cells that cover the frame.
    """
    steps = F.relu(clips.diff(dim=1).abs() - _NOISE).mean(2)
    return (F.adaptive_avg_pool2d(steps, _PACE_GRID) + _LEAST_CHANGE).log() - _MIDDLE_LOG_CHANGE


class Pace(nn.Module):
    """Two linear layers from the amounts of change of `measure_changes` to P.

    Amounts of change hold no shape and no colour. The dropout is strong and does not follow the recipe,
    because a few hundred clips are soon learnt by heart.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.hidden = nn.Linear((profile.video_frames - 1) * _PACE_GRID**2, _PACE_UNITS)
        self.project = nn.Linear(_PACE_UNITS, profile.width)

    def forward(self, changes: Tensor) -> Tensor:
        """Shape [B, N_F - 1, 4, 4] -> [B, P]."""
        kept = F.dropout(changes.flatten(1), _DROPPED_CHANGES, self.training)
        units = F.dropout(F.gelu(self.hidden(kept)), _DROPPED_UNITS, self.training)
        pace: Tensor = self.project(units)
        return pace


class Stream(nn.Module):
    """Frames [B, N_F, 3, H, W] -> tubelets + position -> space-time layers -> tokens [B, n_f S, P].

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

    def forward(self, pictures: Tensor) -> Tensor:
        """Shape [B, N_F, 3, H, W] -> [B, n_f S, P]."""
        tubes = self.norm(self.embed(pictures) + self.position)
        for layer in self.layers:
            tubes = layer(tubes)
        tokens: Tensor = tubes.flatten(1, 2)
        return tokens


class VideoEncoder(nn.Module):
    """clip [B, N_F, 3, H, W] -> motion stream + appearance stream + amount of change -> tokens [B, n_f S, P].

    The stream of motion reads the clip minus its median over time, with differences below a camera's noise
    set to zero. The stream of appearance, named `scene`, reads the clip as it is. A network learns the
    backgrounds of few clips before it learns the actions, so training may combine the motion of one clip with
    the appearance of another.

    Source: MFMSC, IV-A 4); two streams as in Simonyan and Zisserman, 2014, but both of pictures.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.motion = Stream(profile)
        self.scene = Stream(profile)
        self.project_scene = nn.Linear(profile.width, profile.width)
        self.pace = Pace(profile)

    def forward(self, clips: Tensor, scenes: Tensor | None = None) -> Tokens:
        """Encode clips.

        Args:
            clips: float, shape [B, N_F, 3, H, W], the profile's frames and size.
            scenes: Clips to read appearance and amounts of change from, shape of `clips`; by default `clips`.

        Returns:
            Tokens [B, n_f n_h n_w, P].
        """
        scenes = clips if scenes is None else scenes
        motion = self.motion(F.softshrink(clips - clips.median(1, keepdim=True).values, _NOISE))
        values = motion + self.project_scene(self.scene(scenes)) + self.pace(measure_changes(scenes))[:, None]
        return Tokens(values, values.new_ones(values.shape[:2]).bool())
