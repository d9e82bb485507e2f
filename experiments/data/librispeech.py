"""LibriSpeech in its published layout: <subset>/<speaker>/<chapter>/*.flac and one .trans.txt a chapter."""

from __future__ import annotations

from pathlib import Path

from experiments.data.base import BrokenFile, Instances, one_each
from experiments.data.packed import Waveforms, as_samples, cached_files

SUBSETS = {"train": "train-clean-100", "validation": "dev-clean", "test": "test-clean"}


def load_librispeech(root: Path, split: str) -> Instances:
    """Read LibriSpeech/, with lower-case transcripts; an utterance without one is a broken file."""
    # Loads torch, which listing the data sets does not need.
    from torchaudio.datasets import LIBRISPEECH

    subset = LIBRISPEECH(root, url=SUBSETS[split])
    try:
        utterances = [subset.get_metadata(number) for number in range(len(subset))]
    except FileNotFoundError as error:
        raise BrokenFile(SUBSETS[split], str(error)) from None
    folder = root / "LibriSpeech"
    store = cached_files([folder / path for path, *_ in utterances], folder, as_samples)
    transcripts = [transcript.lower() for _, _, transcript, *_ in utterances]
    return Instances({"audio": one_each(Waveforms(store))}, transcripts)
