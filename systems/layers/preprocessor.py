"""Instances of a task to the batch of tensors that encoders take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from shared.errors import TooLarge
from shared.source import Source
from shared.tasks import Modality, get_task
from systems.layers.batch import Batch
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


class Preprocessor:
    """Turns instances of a task into a `Batch`.

    Args:
        profile: Sizes of the networks.
        vocabulary: Word pieces of the text encoder; None where no task takes text.
    """

    def __init__(self, profile: Profile, vocabulary: Vocabulary | None) -> None:
        self._profile, self._vocabulary = profile, vocabulary
        self._steps: Mapping[Modality, Callable[[str, list[Any]], tuple[Tensor, ...]]] = {
            "text": self._text,
            "image": self._image,
            "audio": self._audio,
            "video": self._video,
        }

    def __call__(self, task: str, sources: Sequence[Source]) -> Batch:
        """Batch instances of one task.

        Raises:
            TooLarge: If a text that shall come back has more word pieces than the networks take.
        """
        return Batch(
            {
                modality: self._steps[modality](task, [source[modality] for source in sources])
                for modality in get_task(task).modalities
            }
        )

    def num_source_values(self, task: str, source: Source) -> int:
        """Real values of one instance as the model sees it: n of the bandwidth ratio k/n.

        Characters up to where the text is cut, pixels x 3 and samples; for video the frames that are sampled.
        """
        counts: Mapping[Modality, Callable[[Any], int]] = {
            "text": lambda text: self._words.num_kept_characters(text),
            "image": lambda _: 3 * int(np.prod(get_task(task).image_size)),
            "audio": len,
            "video": lambda _: 3 * self._profile.video_frames * self._profile.video_size**2,
        }
        return sum(counts[modality](source[modality]) for modality in get_task(task).modalities)

    def num_unknown_pieces(self, source: Source) -> int:
        """Word pieces of a source's text that the vocabulary cannot spell: they come back as nothing."""
        return self._words.num_unknown_pieces(source["text"]) if "text" in source else 0

    def _text(self, task: str, texts: list[str]) -> tuple[Tensor, ...]:
        """Word pieces, cut to the limit; a text of which all shall come back is refused beyond it."""
        if get_task(task).answer.is_reconstruction:
            for text in texts:
                self._check_length(task, text)
        return pad_pieces(self._words.encode(texts), self._words.pad_number)

    @property
    def _words(self) -> Vocabulary:
        if self._vocabulary is None:
            raise ValueError("these weights have no vocabulary")
        return self._vocabulary

    def _check_length(self, task: str, text: str) -> None:
        count, limit = self._words.num_pieces(text), self._words.max_tokens
        if count > limit:
            allowed = f"at most {limit} word pieces for {task}, the marks of its start and end included"
            raise TooLarge("text", f"{count} word pieces", allowed)

    def _image(self, task: str, images: list[NDArray[np.uint8]]) -> tuple[Tensor, ...]:
        return (pixels_to_tensor(np.stack([resize(image, get_task(task).image_size) for image in images])),)

    def _audio(self, task: str, recordings: list[NDArray[np.float32]]) -> tuple[Tensor, ...]:
        return pad_features([fbank(samples) for samples in recordings])

    def _video(self, task: str, clips: list[NDArray[np.uint8]]) -> tuple[Tensor, ...]:
        size = (self._profile.video_size, self._profile.video_size)
        frames = [
            np.stack([resize(frame, size) for frame in sample_frames(clip, self._profile.video_frames)])
            for clip in clips
        ]
        return (pixels_to_tensor(np.stack(frames)),)
