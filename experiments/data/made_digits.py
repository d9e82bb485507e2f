"""Strings of digits that speech synthesis programs speak: more voices than the six speakers of FSDD.

A split is made when it is first read, and kept in the cache. The same version of a program makes the same
split. eSpeak NG speaks the training and the validation split, each in its own voices; Flite speaks the test
split.
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

from experiments.data.base import Instances, one_each
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
    """How a split is made.

    Attributes:
        program: The command that speaks; the name of its package on Debian, too.
        count: Number of strings in the split.
        speak: Returns a WAV file of a text, in a voice that it draws at random.
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


def load_made_digits(_: Path, split: str) -> Instances:
    """Read strings of 1 to 6 digits, drawn with seed 0; make them first if the cache does not have them."""
    archive = _archive(split)
    if not archive.is_file():
        make_digits(archive, split)
    store = cached_archive(archive, "*.wav", as_samples)
    strings = [PurePosixPath(name).stem.split("_")[1] for name in store.names]
    transcripts = [" ".join(DIGITS[int(digit)] for digit in string) for string in strings]
    return Instances({"audio": one_each(Waveforms(store))}, transcripts)


def missing_program(split: str) -> str | None:
    """The program that has to be installed before a split can be made; None if it is not needed."""
    program = VOICES[split].program
    return None if _archive(split).is_file() or shutil.which(program) else program


def make_digits(archive: Path, split: str) -> None:
    """Write a tar archive of a split; the name of each WAV file ends in the digits that are spoken in it."""
    voices = VOICES[split]
    rng = np.random.default_rng([0, list(VOICES).index(split)])
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".part")  # an interrupted run must not leave an incomplete archive
    console = Console(stderr=True)
    with tarfile.open(partial, "w") as tar:
        numbers = range(voices.count)
        for number in track(numbers, f"speaking digits ({split})", console=console, transient=True):
            digits = rng.integers(10, size=rng.choice(_NUM_DIGITS))
            member = tarfile.TarInfo(f"{number:05}_{''.join(map(str, digits))}.wav")
            gap = ", " if rng.random() < _COMMA_SHARE else " "
            recording = voices.speak(gap.join(DIGITS[digit] for digit in digits), rng)
            member.size = len(recording)
            tar.addfile(member, io.BytesIO(recording))
    partial.replace(archive)


def _archive(split: str) -> Path:
    return cache_folder() / "made-digits" / f"{split}.tar"
