"""Strings of digits that espeak-ng speaks in many voices: what FSDD's six speakers do not teach.

Made, not fetched (needs the program espeak-ng; the same set for the same seed and version of it):

    python -m experiments.speak_digits $SEMCOM_DATA/espeak-digits/utterances.tar
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from experiments.datasets.speech import DIGITS

_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029", "en-us-nyc")
_VARIANTS = """
    m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt klatt2 klatt3 klatt4 adam Alex Alicia Andrea Andy
    Annie antonio aunty belinda benjamin boris caleb david Denis Diogo ed edward Gene grandma
    grandpa Hugo Jacky john Lee linda marcelo Marco Mario max michael Mike Nguyen pablo paul pedro
    quincy rob robert sandro shelby steph steph2 steph3 travis victor Zac anika
"""
_NUM_WORDS = (1, 2, 3, 4, 5, 6)
_WORDS_A_MINUTE, _PITCH, _GAP_10_MS = (110, 190), (20, 80), (0, 6)


def speak_digits(
    archive: Annotated[Path, typer.Argument(help="To write: a .tar of WAV files.")],
    num_strings: Annotated[int, typer.Option(min=1, help="How many strings.")] = 4000,
    seed: Annotated[int, typer.Option(min=0, help="Of words, voices, pace, pitch and gaps.")] = 0,
) -> None:
    """Have espeak-ng speak strings of 1 to 6 digits; each file's name says which."""
    if shutil.which("espeak-ng") is None:
        raise typer.BadParameter("the program espeak-ng, which is to speak, is not installed")
    rng = np.random.default_rng(seed)
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".part")  # half a set would pass for a whole one
    with tarfile.open(partial, "w") as tar:
        for number in track(range(num_strings), "speaking"):
            digits = rng.integers(10, size=rng.choice(_NUM_WORDS))
            member = tarfile.TarInfo(f"{number:05}_{''.join(map(str, digits))}.wav")
            recording = _speak((", " if rng.random() < 0.3 else " ").join(DIGITS[i] for i in digits), rng)
            member.size = len(recording)
            tar.addfile(member, io.BytesIO(recording))
    partial.replace(archive)


def _speak(text: str, rng: np.random.Generator) -> bytes:
    """A WAV file of a text in a drawn voice."""
    voice = f"{rng.choice(_ACCENTS)}+{rng.choice(_VARIANTS.split())}"
    pace, pitch, gap = (
        str(rng.integers(*span, endpoint=True)) for span in (_WORDS_A_MINUTE, _PITCH, _GAP_10_MS)
    )
    command = ["espeak-ng", "-v", voice, "-s", pace, "-p", pitch, "-g", gap, "--stdout", text]
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    typer.run(speak_digits)
