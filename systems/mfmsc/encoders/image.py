"""Image semantic encoder: a ResNet whose feature map is read as tokens.

Shapes: B batch, C channels, H x W pixels, P width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from systems.layers.layers import Tokens
from systems.layers.patches import VALUES_PER_PATCH, PatchTransform, pictures_to_patches
from systems.layers.profiles import Profile


class ConvBlock(nn.Sequential):
    """3x3 convolution, halving max pool where asked, batch norm, ReLU.

    Photographs, drawings and posters share this encoder, so in training one task's batches set the statistics
    and all others take them as they are; see `follow_batches`.
    """

    def __init__(self, num_in: int, num_out: int, *, halve: bool = False) -> None:
        conv = nn.Conv2d(num_in, num_out, 3, padding=1, bias=False)
        pool = [nn.MaxPool2d(2)] if halve else []
        super().__init__(conv, *pool, nn.BatchNorm2d(num_out), nn.ReLU())


class ResidualBlock(nn.Module):
    """x + conv(conv(x)), channels and size kept (He et al., 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = ConvBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Shape [B, C, H, W], kept."""
        y: Tensor = x + self.second(self.first(x))
        return y


class ImageEncoder(nn.Module):
    """Residual network over a picture.

    pixels [B, 3, H, W] -> stem -> stage 1 (H/2) -> stage 2 (H/4) -> stage 3 (H/8) -> pool to a grid -> P
           |                                              |-> P
           |-> 4x4 patches, their coefficients -> P ------+: the fine map, for pictures that are rebuilt

    Source: MFMSC, IV-A 1), Fig. 2.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        stem, *stages = profile.image_channels
        self.stem = ConvBlock(3, stem)
        widths = (stem, *stages)
        self.stages = nn.ModuleList(
            nn.Sequential(ConvBlock(num_in, num_out, halve=True), ResidualBlock(num_out))
            for num_in, num_out in zip(widths[:-1], stages, strict=True)
        )
        self.fine = nn.Linear(stages[1], profile.width)
        self.transform = PatchTransform()
        self.patches = nn.Linear(VALUES_PER_PATCH, profile.width)
        self.coarse = nn.Linear(stages[2], profile.width)
        self.grid = profile.fusion_grid

    def follow_batches(self, does: bool) -> None:
        """Let the norms' statistics be those of each batch, and learn from them; or be what was learnt.

        No instance may depend on the batch it travels with where it is answered, and statistics of several
        kinds of pictures taken together fit none of them.
        """
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(does)

    def forward(self, pixels: Tensor, *, fine: bool = False, both_ways: bool = False) -> Tokens:
        """Encode pictures.

        Args:
            pixels: float, shape [B, 3, H, W], zero mean and about unit variance; H and W multiples of 8.
            fine: Read the map at a quarter of the resolution, every place a token, for pictures that are to
                be rebuilt; else the last map, pooled to at most grid x grid tokens.
            both_ways: Read the last map in a mirror too, and take the mean of both.

        Returns:
            Tokens [B, L, P]: L = H/4 * W/4 (fine) or min(H/8, grid) * min(W/8, grid).
        """
        if fine:
            features = self._features(pixels, self.stages[:2])
            values = self.fine(_tokens(features)) + self.patches(self.transform(pictures_to_patches(pixels)))
        else:
            features = self._features(pixels, self.stages)
            if both_ways:
                features = (features + self._features(pixels.flip(3), self.stages).flip(3)) / 2
            size = (min(features.shape[2], self.grid), min(features.shape[3], self.grid))
            values = self.coarse(_tokens(F.adaptive_avg_pool2d(features, size)))
        return Tokens(values, values.new_ones(values.shape[:2]).bool())

    def _features(self, pixels: Tensor, stages: nn.ModuleList) -> Tensor:
        """The map after the last of these stages, [B, C, H', W']."""
        features: Tensor = self.stem(pixels)
        for stage in stages:
            features = stage(features)
        return features


def _tokens(features: Tensor) -> Tensor:
    """Shape [B, C, H, W] -> [B, H W, C]."""
    return features.flatten(2).transpose(1, 2)
