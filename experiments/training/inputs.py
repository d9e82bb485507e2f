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
from experiments.training.augmentation import augment_speech, blank_square, flip_and_shift
from experiments.training.clips import part_of, restage, zoom
from experiments.training.recipes import TaskRecipe
from shared.tasks import Modality, get_task
from systems.layers.preprocessing import (
    fbank,
    pad_features,
    pad_pieces,
    pixels_to_tensor,
    resize,
    sample_frames,
)
from systems.layers.profiles import Profile
from systems.layers.text import Vocabulary

_MAX_BRIGHTNESS_SHIFT, _MAX_CONTRAST_SHIFT = 0.3, 0.2
_OTHER_SCENE_SHARE = 0.35


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
            features = [augment_speech(own, generator) for own in features]
        banks, mask = pad_features(features)
        padding = -banks.shape[1] % self._length_multiple
        return F.pad(banks, (0, 0, 0, padding)), F.pad(mask, (0, padding))

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


def make_inputs(
    task: str,
    modality: Modality,
    column: Column,
    profile: Profile,
    vocabulary: Vocabulary,
    recipe: TaskRecipe,
    length_multiple: int,
) -> Inputs:
    """The inputs of one column; texts and recordings are padded to a multiple of `length_multiple`."""
    makers: Mapping[Modality, Callable[[], Inputs]] = {
        "text": lambda: TextInputs(column.values, vocabulary, recipe.replaced_share, length_multiple),
        "image": lambda: PictureInputs(column.values, get_task(task).image_size, recipe),
        "audio": lambda: SpeechInputs(column.values, recipe.augment, length_multiple),
        "video": lambda: ClipInputs(column, profile, recipe.augment),
    }
    return makers[modality]()
