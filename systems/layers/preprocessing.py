"""Decoded media to the tensors that learned encoders take.

Shapes: B batch, L word pieces, T frames of 10 ms, N_F video frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from shared.source import SAMPLE_RATE_HZ

NUM_MEL_BINS = 80

_PIXEL_MEAN, _PIXEL_DEVIATION = 0.47, 0.25
_FBANK_MEAN, FBANK_DEVIATION = -6.0, 4.0
_MIN_AUDIO_SAMPLES = 1600  # 0.1 s: eight FBank windows, two tokens


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring a picture to `size` (height, width) with antialiasing; unchanged where it already fits.

    Args:
        image: uint8, shape [height, width, 3].
        size: Height and width [pixels].
    """
    if image.shape[:2] == size:
        return image
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).unsqueeze(0)
    resized = F.interpolate(pixels.float(), size, mode="bilinear", antialias=True, align_corners=False)
    return np.asarray(resized.round().clamp(0, 255).byte()[0].permute(1, 2, 0), dtype=np.uint8)


def pixels_to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [..., H, W, 3] to normalised float [..., 3, H, W], channels-last in memory for pictures."""
    scaled = torch.from_numpy(images).movedim(-1, -3).float().div_(255)
    normalised = scaled.sub_(_PIXEL_MEAN).div_(_PIXEL_DEVIATION)
    return normalised.contiguous(memory_format=torch.channels_last) if normalised.ndim == 4 else normalised


def tensor_to_unit_range(pixels: Tensor) -> Tensor:
    """Undo `pixels_to_tensor`'s normalisation: 0 black, 1 full."""
    return pixels * _PIXEL_DEVIATION + _PIXEL_MEAN


def pad_features(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pad filter banks [T, 80] to the longest.

    Returns:
        float [B, T, 80] and mask, bool [B, T].
    """
    lengths = torch.tensor([len(rows) for rows in features])
    padded = torch.nn.utils.rnn.pad_sequence(list(features), batch_first=True)
    return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]


def pad_pieces(numbers: Sequence[Sequence[int]], pad_number: int) -> tuple[Tensor, Tensor]:
    """Pad sequences of piece numbers to the longest.

    Returns:
        int64 [B, L] and mask, bool [B, L].
    """
    lengths = torch.tensor([len(row) for row in numbers])
    padded = torch.full((len(numbers), int(lengths.max())), pad_number)
    for row, values in zip(padded, numbers, strict=True):
        row[: len(values)] = torch.tensor(values)
    return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]


def fbank(samples: NDArray[np.float32]) -> Tensor:
    """80-bin log mel filter banks, 25 ms windows every 10 ms.

    Args:
        samples: float32, shape [num_samples], 16 kHz mono; padded with silence to 0.1 s.

    Returns:
        float, shape [T, 80], about zero mean and unit variance.
    """
    from torchaudio.compliance import kaldi

    padded = np.pad(samples, (0, max(0, _MIN_AUDIO_SAMPLES - len(samples))))
    energies = kaldi.fbank(
        torch.from_numpy(padded)[None], num_mel_bins=NUM_MEL_BINS, sample_frequency=SAMPLE_RATE_HZ, dither=0.0
    )
    normalised: Tensor = (energies - _FBANK_MEAN) / FBANK_DEVIATION
    return normalised


def sample_frames(clip: NDArray[np.uint8], num_frames: int) -> NDArray[np.uint8]:
    """Pick `num_frames` evenly from a clip [num_frames_in, H, W, 3]; short clips repeat frames."""
    places = np.linspace(0, len(clip) - 1, num_frames).round().astype(int)
    frames: NDArray[np.uint8] = clip[places]
    return frames
