"""Changes of pictures and of recorded speech, so that training sees each instance otherwise in every step.

Pictures are float [B, C, H, W] of zero mean. Recordings are filter banks, float [T, M] of zero mean: T frames
of 10 ms, M mel bins, each value the logarithm of an energy in units of FBANK_DEVIATION. All draws are taken
from the generator. A function returns a changed copy where it does not say otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from systems.layers.preprocessing import FBANK_DEVIATION

_MAX_SHIFT_PIXELS = 3
_BLANKED_SHARE = 4  # a quarter of each side
_NUM_MASKS, _MAX_MASKED_BINS, _MAX_MASKED_FRAMES = 2, 10, 10
_MIN_FRAMES_A_MASKED_FRAME = 10  # a short word must not vanish
_MAX_GAIN_SHIFT = 0.6  # in deviations of a log energy: about 10 dB
_MAX_SLOWER, _MAX_QUICKER, _MAX_VOICE_CHANGE = 1.5, 0.75, 0.2
_NARROW_BINS = 60  # of 80: up to 4 kHz, half of what the band holds
_SILENCE = -2.5  # a filter bank's value of no sound at all
_MAX_FOLD_LOSS = 6.0  # in a log energy: 26 dB
_NOISE_BELOW = (3.0, 14.0)  # the loudest tenth, in a log energy: 13 to 60 dB
_MAX_NOISE_TILT, _NOISE_JITTER = 2.0, 0.5  # in a log energy


def flip_and_shift(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flip half of the pictures left to right, and shift all by up to 3 pixels; edges are mirrored.

    The copy is channels-last in memory.
    """
    flips = torch.rand(len(pixels), 1, 1, 1, generator=generator) < 0.5
    flipped = torch.where(flips, pixels.flip(3), pixels)
    padded = F.pad(flipped, (_MAX_SHIFT_PIXELS,) * 4, mode="reflect")
    height, width = pixels.shape[2:]
    shifts = torch.randint(0, 2 * _MAX_SHIFT_PIXELS + 1, (len(pixels), 2), generator=generator).tolist()
    crops = [padded[i, :, y : y + height, x : x + width] for i, (y, x) in enumerate(shifts)]
    return torch.stack(crops).contiguous(memory_format=torch.channels_last)


def blank_square(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Give a square of each picture, a quarter of its side, the mean colour (cutout); changes them in place.

    Source: DeVries and Taylor, 2017.
    """
    height, width = pixels.shape[2:]
    side = height // _BLANKED_SHARE
    corners = torch.rand(len(pixels), 2, generator=generator) * torch.tensor([height - side, width - side])
    for picture, (top, left) in zip(pixels, corners.long().tolist(), strict=True):
        picture[:, top : top + side, left : left + side] = 0.0
    return pixels


def augment_speech(features: Tensor, generator: torch.Generator) -> Tensor:
    """Change the band, the voice, the noise and the loudness of a recording, in this order."""
    for change in (change_band, change_voice, add_noise, mask_bands):
        features = change(features, generator)
    return features


def change_band(features: Tensor, generator: torch.Generator) -> Tensor:
    """Leave the band above 4 kHz as it is, empty it, or mirror the band below into it, each in one third.

    So a network that learnt from telephone recordings also understands others, and the other way round.

    Source: Makhoul and Berouti, High-frequency regeneration in speech coding systems, 1979.
    """
    kind = int(torch.randint(3, (), generator=generator))
    loss = _MAX_FOLD_LOSS / FBANK_DEVIATION * torch.rand((), generator=generator)
    if kind == 0:
        return features
    changed = features.clone()
    num_upper = features.shape[1] - _NARROW_BINS
    folded = features[:, _NARROW_BINS - num_upper : _NARROW_BINS].flip(1) - loss
    changed[:, _NARROW_BINS:] = _SILENCE if kind == 1 else folded.clamp_min(_SILENCE)
    return changed


def add_noise(features: Tensor, generator: torch.Generator) -> Tensor:
    """Add a steady noise of any level and colour; energies add.

    Otherwise a network would learn that words are parted by perfect silence.
    """
    draws = torch.rand(2, generator=generator)
    lowest, highest = _NOISE_BELOW
    below = lowest + (highest - lowest) * draws[0]
    tilt = _MAX_NOISE_TILT * (2 * draws[1] - 1) * torch.linspace(-1, 1, features.shape[1])
    jitter = _NOISE_JITTER * torch.randn(features.shape, generator=generator)
    energies = FBANK_DEVIATION * features
    noise = energies.flatten().quantile(0.9) - below + tilt + jitter
    return torch.logaddexp(energies, noise) / FBANK_DEVIATION


def change_voice(features: Tensor, generator: torch.Generator) -> Tensor:
    """Change pace and voice: stretch time to 0.75 to 1.5 T frames, and frequency by up to a fifth.

    A shorter vocal tract moves all frequencies up: a woman's is about a sixth shorter than a man's, a child's
    more. Where a longer one leaves the highest bins empty, they repeat the last one.

    Source: Ko et al., 2015; Jaitly and Hinton, 2013.
    """
    num_frames, num_bins = features.shape
    pace, voice = torch.rand(2, generator=generator).tolist()
    size = (
        round(num_frames * _MAX_QUICKER * (_MAX_SLOWER / _MAX_QUICKER) ** pace),
        round(num_bins * (1 + _MAX_VOICE_CHANGE * (2 * voice - 1))),
    )
    stretched = F.interpolate(features[None, None], size, mode="bilinear", align_corners=False)
    return F.pad(stretched, (0, max(0, num_bins - size[1]), 0, 0), mode="replicate")[0, 0, :, :num_bins]


def mask_bands(features: Tensor, generator: torch.Generator) -> Tensor:
    """Change the loudness, and blank bands of frequency and stretches of time (SpecAugment).

    Source: Park et al., 2019.
    """
    num_frames, num_bins = features.shape
    shift = _MAX_GAIN_SHIFT * (2 * torch.rand((), generator=generator) - 1)
    masked = features + shift
    most_frames = min(_MAX_MASKED_FRAMES, num_frames // _MIN_FRAMES_A_MASKED_FRAME)
    for _ in range(_NUM_MASKS):
        for axis, (length, most) in enumerate(((num_frames, most_frames), (num_bins, _MAX_MASKED_BINS))):
            width = int(torch.randint(0, most + 1, (), generator=generator))
            start = int(torch.randint(0, max(1, length - width), (), generator=generator))
            masked.narrow(axis, start, min(width, length - start)).zero_()
    return masked
