"""Strings of digits spoken by programs in many voices: what FSDD's six speakers do not teach.

They are made when first asked for and kept in the cache; the same version of a program makes the same set.
Training and validation have voices of eSpeak NG, each its own; the test split has those of Flite.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from rich.console import Console
from rich.progress import track

from experiments.data.base import DatasetMissing, Examples, one_each
from experiments.data.packed import Waveforms, as_samples, cache_folder, cached_archive
from experiments.data.speech import DIGITS

_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029", "en-us-nyc")
_TRAINING_VARIANTS = """
    m1 m2 m3 m4 m5 m6 m8 f1 f2 f4 f5 klatt klatt2 klatt3 adam Alex Alicia Andrea Andy antonio aunty
    belinda benjamin boris caleb david Denis Diogo ed edward Gene grandma Hugo Jacky john Lee linda
    marcelo Marco Mario max michael Nguyen pablo paul pedro quincy rob robert sandro steph steph2
    steph3 travis victor anika
"""
_VALIDATION_VARIANTS = ("m7", "f3", "klatt4", "Annie", "grandpa", "Mike", "shelby", "Zac")
_FLITE_VOICES = ("slt", "rms", "awb", "kal16")
_NUM_DIGITS = range(1, 7)
_COMMA_SHARE = 0.3
_WORDS_A_MINUTE, _PITCH, _GAP_10_MS = (110, 190), (20, 80), (0, 6)
_STRETCH = (0.8, 1.3)


@dataclass(frozen=True)
class Voices:
    """How a split is spoken.

    Attributes:
        program: That speaks.
        count: Strings of the split.
        speak: Makes a WAV file of a text in a drawn voice.
    """

    program: str
    count: int
    speak: Callable[[str, np.random.Generator], bytes]


def _espeak(variants: Sequence[str], text: str, rng: np.random.Generator) -> bytes:
    voice = f"{rng.choice(_ACCENTS)}+{rng.choice(variants)}"
    pace, pitch, gap = (
        str(rng.integers(*span, endpoint=True)) for span in (_WORDS_A_MINUTE, _PITCH, _GAP_10_MS)
    )
    command = ["espeak-ng", "-v", voice, "-s", pace, "-p", pitch, "-g", gap, "--stdout", text]
    return subprocess.run(command, check=True, capture_output=True).stdout


def _flite(text: str, rng: np.random.Generator) -> bytes:
    stretch = f"duration_stretch={rng.uniform(*_STRETCH):.3f}"
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        voice = str(rng.choice(_FLITE_VOICES))
        command = ["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", file.name]
        subprocess.run(command, check=True, capture_output=True)
        return Path(file.name).read_bytes()


VOICES: dict[str, Voices] = {
    "train": Voices("espeak-ng", 3000, lambda text, rng: _espeak(_TRAINING_VARIANTS.split(), text, rng)),
    "validation": Voices("espeak-ng", 300, lambda text, rng: _espeak(_VALIDATION_VARIANTS, text, rng)),
    "test": Voices("flite", 300, _flite),
}


def load_made_digits(_: Path, split: str) -> Examples:
    """Strings of 1 to 6 digits, drawn with seed 0; made first where the cache has none.

    Args:
        split: "train" (3,000 strings in 56 variants of eSpeak NG's voices, each in seven accents),
            "validation" (300, in 8 other variants) or "test" (300, in four voices of Flite).

    Raises:
        DatasetMissing: If the program that speaks the split is not installed.
    """
    archive = _archive(split)
    if not archive.is_file():
        make_digits(archive, split, VOICES[split].count)
    store = cached_archive(
        archive,
        split,
        dataset="made-digits",
        wanted=lambda name: name.endswith(".wav"),
        decode=as_samples,
    )
    strings = [PurePosixPath(name).stem.split("_")[1] for name in store.names]
    return Examples(
        dataset="made-digits",
        split=split,
        task="speech_recognition",
        labels=(),
        columns={"audio": one_each(Waveforms(store))},
        targets=[" ".join(DIGITS[int(digit)] for digit in string) for string in strings],
    )


def missing_program(split: str) -> str | None:
    """The program that has to be installed before a split can be made; None where nothing is missing."""
    program = VOICES[split].program
    return None if _archive(split).is_file() or shutil.which(program) else program


def make_digits(archive: Path, split: str, count: int) -> None:
    """Have a split's program speak `count` strings; each file's name says which digits it holds.

    Raises:
        DatasetMissing: If the program is not installed.
    """
    voices = VOICES[split]
    if shutil.which(voices.program) is None:
        raise DatasetMissing("made-digits", f"the program {voices.program}", f"install it for split {split}")
    rng = np.random.default_rng([0, list(VOICES).index(split)])
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".part")  # half a set would pass for a whole one
    console = Console(stderr=True)
    with tarfile.open(partial, "w") as tar:
        for number in track(range(count), f"speaking digits ({split})", console=console, transient=True):
            digits = rng.integers(10, size=rng.choice(_NUM_DIGITS))
            member = tarfile.TarInfo(f"{number:05}_{''.join(map(str, digits))}.wav")
            gap = ", " if rng.random() < _COMMA_SHARE else " "
            recording = voices.speak(gap.join(DIGITS[digit] for digit in digits), rng)
            member.size = len(recording)
            tar.addfile(member, io.BytesIO(recording))
    partial.replace(archive)


def _archive(split: str) -> Path:
    return cache_folder() / "made-digits" / f"{split}.tar"
