"""Inputs of a training split, by modality: tensors of any rows, augmented where asked.

Shapes: B batch, L word pieces, T frames of 10 ms, M mel bins, N_F video frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from experiments.data.base import Column
from experiments.training.clips import part_of, restage, zoom
from experiments.training.recipes import TaskRecipe
from shared.networks.preprocessing import (
    FBANK_DEVIATION,
    IMAGE_SIZE,
    fbank,
    pad_features,
    pad_pieces,
    pixels_to_tensor,
    resize,
    sample_frames,
)
from shared.networks.profiles import Profile
from shared.networks.text import Vocabulary
from shared.tasks import Modality

_MAX_SHIFT_PIXELS = 3
_BLANKED_SHARE = 4  # a quarter of each side
_MAX_BRIGHTNESS_SHIFT, _MAX_CONTRAST_SHIFT = 0.3, 0.2
_OTHER_SCENE_SHARE = 0.35
_NUM_MASKS, _MAX_MASKED_BINS, _MAX_MASKED_FRAMES = 2, 10, 10
_MIN_FRAMES_A_MASKED_FRAME = 10  # a short word must not vanish
_MAX_GAIN_SHIFT = 0.6  # in deviations of a log energy: about 10 dB
_MAX_SLOWER, _MAX_QUICKER, _MAX_VOICE_CHANGE = 1.5, 0.75, 0.2
_NARROW_BINS = 60  # of 80: up to 4 kHz, half of what the band holds
_SILENCE = -2.5  # a filter bank's value of no sound at all
_MAX_FOLD_LOSS = 6.0  # in a log energy: 26 dB
_NOISE_BELOW = (3.0, 14.0)  # the loudest tenth, in a log energy: 13 to 60 dB
_MAX_NOISE_TILT, _NOISE_JITTER = 2.0, 0.5  # in a log energy


Values = Sequence[Any] | NDArray[np.uint8]
"""Of a column: what the data set holds of one modality."""


class Inputs(Protocol):
    """The inputs of one modality.

    Attributes:
        lengths: Of each input, for batches of like length; None where all are the same.
    """

    lengths: NDArray[np.int64] | None

    def tensors(self, rows: NDArray[np.int64], generator: torch.Generator) -> tuple[Tensor, ...]:
        """What the modality's encoder takes, for the inputs of these rows."""
        ...


class TextInputs:
    """Texts, split into word pieces once; each step a share of the pieces may be replaced by random ones."""

    lengths: NDArray[np.int64] | None

    def __init__(
        self, texts: Values, vocabulary: Vocabulary, replaced_share: float = 0.0, length_multiple: int = 1
    ) -> None:
        self._length_multiple = length_multiple
        self._pieces = vocabulary.encode([str(text) for text in texts])
        self._pad_number, self._replaced_share = vocabulary.pad_number, replaced_share
        self._word_numbers = torch.tensor(vocabulary.word_numbers)
        self.lengths = np.array([len(pieces) for pieces in self._pieces])

    def tensors(self, rows: NDArray[np.int64], generator: torch.Generator) -> tuple[Tensor, ...]:
        """Piece numbers, int64 [B, L], and mask, bool [B, L]."""
        numbers, mask = pad_pieces([self._pieces[row] for row in rows], self._pad_number)
        if self._replaced_share:
            numbers = self._replaced(numbers, generator)
        padding = (0, -numbers.shape[1] % self._length_multiple)
        return F.pad(numbers, padding, value=self._pad_number), F.pad(mask, padding)

    def _replaced(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        others = self._word_numbers[
            torch.randint(len(self._word_numbers), numbers.shape, generator=generator)
        ]
        is_replaced = torch.rand(numbers.shape, generator=generator) < self._replaced_share
        is_replaced &= torch.isin(numbers, self._word_numbers)
        return torch.where(is_replaced, others, numbers)


class PictureInputs:
    """Pictures, brought to the task's size once."""

    lengths: NDArray[np.int64] | None = None

    def __init__(self, pictures: Values, size: tuple[int, int], recipe: TaskRecipe) -> None:
        fits = isinstance(pictures, np.ndarray) and pictures.shape[1:3] == size
        self._pictures = np.asarray(pictures) if fits else np.stack([resize(p, size) for p in pictures])
        self._recipe = recipe

    def tensors(self, rows: NDArray[np.int64], generator: torch.Generator) -> tuple[Tensor, ...]:
        """Pixels, float [B, 3, H, W]."""
        pixels = pixels_to_tensor(self._pictures[rows])
        if self._recipe.augment:
            pixels = flip_and_shift(pixels, generator)
        return (blank_square(pixels, generator) if self._recipe.blank_square else pixels,)


class SpeechInputs:
    """Recordings, turned into filter banks when first used and kept as float16."""

    lengths: NDArray[np.int64] | None

    def __init__(self, recordings: Values, augment: bool, length_multiple: int = 1) -> None:
        self._recordings, self._augment, self._length_multiple = recordings, augment, length_multiple
        self._features: dict[int, Tensor] = {}
        self.lengths = np.array([len(samples) for samples in recordings])

    def tensors(self, rows: NDArray[np.int64], generator: torch.Generator) -> tuple[Tensor, ...]:
        """Filter banks, float [B, T, M], and mask, bool [B, T]."""
        features = [self._fbank(int(row)) for row in rows]
        if self._augment:
            features = [self._augmented(own, generator) for own in features]
        banks, mask = pad_features(features)
        padding = -banks.shape[1] % self._length_multiple
        return F.pad(banks, (0, 0, 0, padding)), F.pad(mask, (0, padding))

    @staticmethod
    def _augmented(features: Tensor, generator: torch.Generator) -> Tensor:
        for change in (change_band, change_voice, add_noise, mask_bands):
            features = change(features, generator)
        return features

    def _fbank(self, row: int) -> Tensor:
        if row not in self._features:
            self._features[row] = fbank(self._recordings[row]).half()
        return self._features[row].float()


class ClipInputs:
    """Clips, brought to the profile's size once; each step may see another part of a clip.

    What is not the cue to a clip's label is replaced (see `experiments.data.base.LabelCue`). Where the cue is
    motion, the colours and the background of the clip change, and a third of the clips are given the
    appearance of any clip of the batch. Where it is appearance, the clip is given the motion of another.
    """

    lengths: NDArray[np.int64] | None = None

    def __init__(self, column: Column, profile: Profile, augment: bool) -> None:
        size = (profile.video_size, profile.video_size)
        self._clips = [np.stack([resize(frame, size) for frame in clip]) for clip in column.values]
        self._num_frames, self._augment = profile.video_frames, augment
        cues = np.broadcast_to(column.label_cue, len(self._clips))
        self._by_motion, self._by_appearance = cues == "motion", cues == "appearance"
        self._stills = np.empty((0, *size, 3), np.uint8)
        if augment and self._by_motion.any() and not self._by_motion.all():
            others = np.flatnonzero(~self._by_motion)
            self._stills = np.stack([np.median(self._clips[row], 0).astype(np.uint8) for row in others])

    def tensors(self, rows: NDArray[np.int64], generator: torch.Generator) -> tuple[Tensor, ...]:
        """Clips, float [B, N_F, 3, H, W]; in training, also the clips whose appearance is read."""
        if not self._augment:
            return (pixels_to_tensor(np.stack([self._sampled(self._clips[row]) for row in rows])),)
        clips = self._augmented(rows, generator)
        cues = (self._by_motion, self._by_appearance)
        by_motion, by_appearance = (torch.from_numpy(is_cue[rows]) for is_cue in cues)
        if not (by_motion | by_appearance).any():
            return (clips,)
        anyone = torch.randint(len(rows), (len(rows),), generator=generator)
        is_exchanged = by_motion & (torch.rand(len(rows), generator=generator) < _OTHER_SCENE_SHARE)
        scenes = clips[torch.where(is_exchanged, anyone, torch.arange(len(rows)))]
        if by_motion.any():
            stills = self._draw_stills(int(by_motion.sum()), generator)
            clips[by_motion] = restage(clips[by_motion], stills, generator)
        if by_appearance.any():
            candidates = np.flatnonzero(self._by_appearance)
            drawn = torch.randint(len(candidates), (int(by_appearance.sum()),), generator=generator).numpy()
            clips[by_appearance] = self._augmented(candidates[drawn], generator)
        return clips, scenes

    def _draw_stills(self, count: int, generator: torch.Generator) -> Tensor | None:
        if not len(self._stills):
            return None
        drawn = torch.randint(len(self._stills), (count,), generator=generator).numpy()
        return pixels_to_tensor(self._stills[drawn])

    def _augmented(self, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        clips = [self._sampled(part_of(self._clips[row], self._num_frames, generator)) for row in rows]
        pixels = pixels_to_tensor(np.stack(clips))
        moved = zoom(flip_and_shift(pixels.flatten(1, 2), generator), generator).view(pixels.shape)
        contrast, brightness = 2 * torch.rand(2, len(pixels), 1, 1, 1, 1, generator=generator) - 1
        augmented: Tensor = moved * (1 + _MAX_CONTRAST_SHIFT * contrast) + _MAX_BRIGHTNESS_SHIFT * brightness
        return augmented

    def _sampled(self, clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(sample_frames(clip, self._num_frames))


def flip_and_shift(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flip each picture left to right or not, and shift it by up to 3 pixels, edges mirrored.

    Args:
        pixels: float, shape [B, C, H, W].
        generator: Random source.

    Returns:
        Shape of `pixels`, channels-last in memory.
    """
    flips = torch.rand(len(pixels), 1, 1, 1, generator=generator) < 0.5
    flipped = torch.where(flips, pixels.flip(3), pixels)
    padded = F.pad(flipped, (_MAX_SHIFT_PIXELS,) * 4, mode="reflect")
    height, width = pixels.shape[2:]
    shifts = torch.randint(0, 2 * _MAX_SHIFT_PIXELS + 1, (len(pixels), 2), generator=generator).tolist()
    crops = [padded[i, :, y : y + height, x : x + width] for i, (y, x) in enumerate(shifts)]
    return torch.stack(crops).contiguous(memory_format=torch.channels_last)


def blank_square(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Give a square of each picture, a quarter of its side, the mean colour (cutout).

    Args:
        pixels: float, zero mean, shape [B, C, H, W]; changed in place.
        generator: Random source.

    Source: DeVries and Taylor, 2017.
    """
    height, width = pixels.shape[2:]
    side = height // _BLANKED_SHARE
    corners = torch.rand(len(pixels), 2, generator=generator) * torch.tensor([height - side, width - side])
    for picture, (top, left) in zip(pixels, corners.long().tolist(), strict=True):
        picture[:, top : top + side, left : left + side] = 0.0
    return pixels


def change_band(features: Tensor, generator: torch.Generator) -> Tensor:
    """Leave the band above 4 kHz as it is, empty it, or fold what lies below into it, each as often.

    Recordings of a telephone's band so teach wide ones too, and the other way round.

    Args:
        features: Filter banks, float [T, M], zero mean.
        generator: Random source.

    Returns:
        A changed copy, or `features`.

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
    """Put a steady noise of any level and colour under a recording: silence must not be what parts words.

    Args:
        features: Filter banks, float [T, M], zero mean.
        generator: Random source.

    Returns:
        A changed copy; energies add.
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
    """Speak quicker or slower, with a longer or shorter vocal tract: stretch time, and mel bins.

    A woman's tract is about a sixth shorter than a man's, a child's more.

    Args:
        features: Filter banks, float [T, M], zero mean.
        generator: Random source.

    Returns:
        float [0.75 to 1.5 T, M]; what a longer tract leaves of the highest bins repeats the last one.

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
    """Shift the loudness, and blank bands of frequency and stretches of time (SpecAugment).

    Args:
        features: Filter banks, float [T, M], zero mean.
        generator: Random source.

    Returns:
        A changed copy.

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


def make_inputs(
    task: str,
    column: Column,
    modality: Modality,
    *,
    profile: Profile,
    vocabulary: Vocabulary,
    recipe: TaskRecipe,
    length_multiple: int = 1,
) -> Inputs:
    """The inputs of one column; texts and recordings are padded to a multiple of `length_multiple`."""
    makers: Mapping[Modality, Callable[[], Inputs]] = {
        "text": lambda: TextInputs(column.values, vocabulary, recipe.replaced_share, length_multiple),
        "image": lambda: PictureInputs(column.values, IMAGE_SIZE[task], recipe),
        "audio": lambda: SpeechInputs(column.values, recipe.augment, length_multiple),
        "video": lambda: ClipInputs(column, profile, recipe.augment),
    }
    return makers[modality]()
