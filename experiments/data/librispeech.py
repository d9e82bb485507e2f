"""LibriSpeech in its published layout: <subset>/<speaker>/<chapter>/*.flac and one .trans.txt a chapter."""

from __future__ import annotations

from pathlib import Path

from experiments.data.base import BrokenFile, Examples, one_each
from experiments.data.packed import Waveforms, as_samples, cached_files

SUBSETS = {"train": "train-clean-100", "validation": "dev-clean", "test": "test-clean"}


def load_librispeech(root: Path, split: str) -> Examples:
    """Read a split, with lower-case transcripts.

    Args:
        root: Folder that holds `LibriSpeech/`.
        split: "train" (train-clean-100, 28,539 utterances), "validation" (dev-clean, 2,703) or "test"
            (test-clean, 2,620).

    Raises:
        BrokenFile: If an utterance cannot be decoded or has no transcript.
    """
    # Loads torch, which listing the data sets does not need.
    from torchaudio.datasets import LIBRISPEECH

    subset = LIBRISPEECH(root, url=SUBSETS[split])
    try:
        utterances = [subset.get_metadata(number) for number in range(len(subset))]
    except FileNotFoundError as error:
        raise BrokenFile("librispeech", SUBSETS[split], str(error)) from None
    folder = root / "LibriSpeech"
    store = cached_files(
        [folder / path for path, *_ in utterances],
        root=folder,
        name=split,
        dataset="librispeech",
        decode=as_samples,
    )
    return Examples(
        dataset="librispeech",
        split=split,
        task="speech_recognition",
        labels=(),
        columns={"audio": one_each(Waveforms(store))},
        targets=[transcript.lower() for _, _, transcript, *_ in utterances],
    )
