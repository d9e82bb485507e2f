"""Changes of video clips: another part, size, colour or background.

A network that learns from a few hundred clips recognises their backgrounds instead of what people do in them.
So training changes whatever must not tell the label.

Shapes: B batch, N_F frames, H and W pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

_MIN_PART = 0.7
_MAX_ZOOM = 1.3
_GREY_SHARE, _NEGATIVE_SHARE = 0.3, 0.5
_LEAST_MOTION, _SURE_MOTION = 0.15, 0.5  # of a pixel against its median over time, where full scale is 4
_NEAR = 8 / 64  # of a frame's height and width: what is nearer to motion may be cut out with it
_RESTAGED_SHARE, _CUT_NEARBY_SHARE, _STILL_SHARE = 0.75, 0.5, 0.5
_PATCHES_A_SIDE, _MAX_PATCH_STRENGTHS = (1, 4, 16), (1.5, 0.8, 0.5)


def part_of(clip: NDArray[np.uint8], num_frames: int, generator: torch.Generator) -> NDArray[np.uint8]:
    """A random part of a clip: at least 70 % of it, and at least `num_frames` frames if it has as many.

    From fewer frames some would be repeated, so that people stood still at times, in training alone.
    """
    share, place = torch.rand(2, generator=generator).tolist()
    length = round(len(clip) * (_MIN_PART + (1 - _MIN_PART) * share))
    length = max(length, min(len(clip), num_frames))
    start = int(place * (len(clip) - length + 1))
    return clip[start : start + length]


def zoom(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Stretch or shrink width and height of each picture by up to 1.3 times each; edge pixels are repeated.

    Both change apart, because clips of any shape are brought to a square, in which people look thin or wide.

    Args:
        pixels: float, shape [B, C, H, W].
        generator: Random source.
    """
    scales = _MAX_ZOOM ** (2 * torch.rand(len(pixels), 2, 1, generator=generator) - 1)
    grid = F.affine_grid(scales * torch.eye(2, 3), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def recolour(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Make 30 % of the clips grey and half of all a negative: clothes may be darker or lighter than a wall.

    Args:
        clips: float, zero mean, shape [B, N_F, 3, H, W].
        generator: Random source.
    """
    draws = torch.rand(2, len(clips), 1, 1, 1, 1, generator=generator)
    coloured = torch.where(draws[0] < _GREY_SHARE, clips.mean(2, keepdim=True), clips)
    return torch.where(draws[1] < _NEGATIVE_SHARE, -coloured, coloured)


def restage(clips: Tensor, stills: Tensor | None, generator: torch.Generator) -> Tensor:
    """Change the colours of all clips, and put the people of three clips in four before another background.

    People are what moves against the median over time; in half of the clips what is near to them is kept too.

    Args:
        clips: float, zero mean, shape [B, N_F, 3, H, W].
        stills: A picture for each clip, float, zero mean, shape [B, 3, H, W], which becomes the background of
            half of them. All others, and all where it is None, get a painted wall.
        generator: Random source.
    """
    people = recolour(clips, generator)
    grey = people.mean(2)  # [B, N_F, H, W]
    motion = (grey - grey.median(1, keepdim=True).values).abs()
    cut_nearby, still, restaged = torch.rand(3, len(clips), 1, 1, 1, generator=generator)
    seen = torch.where(cut_nearby < _CUT_NEARBY_SHARE, _grow(motion.amax(1, keepdim=True)), motion)
    share = ((seen - _LEAST_MOTION) / (_SURE_MOTION - _LEAST_MOTION)).clamp(0, 1).unsqueeze(2)
    backgrounds = paint_walls(clips[:, 0].shape, generator)
    if stills is not None:
        backgrounds = torch.where(still < _STILL_SHARE, stills, backgrounds)
    backgrounds = recolour(backgrounds[:, None], generator)
    elsewhere = backgrounds + share * (people - backgrounds)
    return torch.where(restaged.unsqueeze(2) < _RESTAGED_SHARE, elsewhere, people)


def _grow(maps: Tensor) -> Tensor:
    """The largest value near each pixel, [B, 1, H, W] -> [B, 1, H, W]."""
    for axis in (2, 3):
        reach = int(_NEAR * maps.shape[axis])
        size, padding = [1, 1], [0, 0]
        size[axis - 2], padding[axis - 2] = 2 * reach + 1, reach
        maps = F.max_pool2d(maps, size, 1, padding)
    return maps


def paint_walls(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Paint pictures that look like walls: sums of smooth patches of colour, 1, 4 and 16 a side.

    Args:
        shape: B, C, H, W.
        generator: Random source.
    """
    batch, channels, *size = shape
    walls = torch.zeros(shape)
    strengths = torch.rand(len(_PATCHES_A_SIDE), batch, 1, 1, 1, generator=generator)
    for patches, most, strength in zip(_PATCHES_A_SIDE, _MAX_PATCH_STRENGTHS, strengths, strict=True):
        corners = torch.randn(batch, channels, patches + 1, patches + 1, generator=generator)
        walls += most * strength * F.interpolate(corners, size, mode="bilinear", align_corners=True)
    return walls.clamp(-2, 2)
