"""Makes the sample files and writes samples.json; run it from anywhere: python samples/make_samples.py.

Everything here is the project's own: sentences written for it, pictures and clips drawn by this script,
digits spoken by eSpeak NG, which must be installed (apt install espeak-ng). Every run gives the same files.
"""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from actions import ACTIONS, draw_action, write_clip
from PIL import Image, ImageDraw
from posters import FILMS, draw_poster
from scenes import SCENES, draw_scene

FOLDER = Path(__file__).resolve().parent

SENTENCES = (
    ("a warm , funny film that earns every one of its laughs", "positive"),
    ("the plot is a mess and the jokes fall flat", "negative"),
    ("beautifully acted and quietly moving from start to finish", "positive"),
    ("two hours of noise without a single idea", "negative"),
    ("not as bad as people say , in fact i enjoyed it a great deal", "positive"),
    ("a tired sequel that bores even its own cast", "negative"),
)

# In the style and the words of easy-VQA: one plain shape on a light ground, 64x64.
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "black": (0, 0, 0),
    "gray": (128, 128, 128),
    "teal": (0, 128, 128),
    "brown": (165, 42, 42),
    "yellow": (255, 255, 0),
}
QUESTIONS = (
    ("red", "circle", "what color is the shape?", "red"),
    ("blue", "rectangle", "what shape is in the image?", "rectangle"),
    ("yellow", "triangle", "is there a yellow shape?", "yes"),
    ("teal", "circle", "does the image not contain a circle?", "no"),
    ("black", "triangle", "what is the black shape?", "triangle"),
    ("brown", "rectangle", "is there not a gray shape in the image?", "yes"),
    ("green", "circle", "does the image contain a rectangle?", "no"),
    ("gray", "triangle", "what is the color of the triangle?", "gray"),
)
_PICTURE = 64
_ENLARGED = 4

STATEMENTS = (
    "I thank the Commissioner for her clear answer.",
    "The committee will vote on this proposal tomorrow morning.",
    "We must protect the rivers of our region before it is too late.",
    "Mr President, I am sorry, but I can't accept the members' amendment.",
)

REBUILT = ("frog", "ship", "truck")

# Voice, pace [words a minute], what it says.
SPOKEN = (
    ("en-us", 120, "three one four"),
    ("en-us+f2", 130, "nine zero two five"),
    ("en-gb", 120, "eight six seven"),
    ("en-us+m3", 125, "five two four one"),
)


def draw_shape(shape: str, colour: str, rng: np.random.Generator) -> Image.Image:
    """One shape of 12 to 32 pixels somewhere on a light ground."""
    ground = tuple(int(level) for level in rng.integers(232, 256, 3))
    picture = Image.new("RGB", (_PICTURE * _ENLARGED, _PICTURE * _ENLARGED), ground)
    width, height = (_ENLARGED * int(size) for size in rng.integers(14, 33, 2))
    if shape == "circle":
        height = width
    left = int(rng.integers(0, picture.width - width))
    top = int(rng.integers(0, picture.height - height))
    right, bottom = left + width, top + height
    draw = ImageDraw.Draw(picture)
    drawn = {
        "circle": lambda fill: draw.ellipse((left, top, right, bottom), fill=fill),
        "rectangle": lambda fill: draw.rectangle((left, top, right, bottom), fill=fill),
        "triangle": lambda fill: draw.polygon(
            [(left, bottom), (right, bottom), ((left + right) // 2, bottom - int(0.87 * width))], fill=fill
        ),
    }
    drawn[shape](COLOURS[colour])
    return picture.resize((_PICTURE, _PICTURE), Image.Resampling.BOX)


def make_sentences() -> list[dict[str, Any]]:
    """Sentences with their sentiment."""
    return [
        {"name": f"sentence-{number}", "task": "sentiment", "text": text, "truth": truth}
        for number, (text, truth) in enumerate(SENTENCES, start=1)
    ]


def make_vqa() -> list[dict[str, Any]]:
    """Pictures of one shape, each with a question about it."""
    rows = []
    for number, (colour, shape, question, answer) in enumerate(QUESTIONS):
        file = f"vqa/{colour}_{shape}.png"
        draw_shape(shape, colour, np.random.default_rng(number)).save(FOLDER / file)
        name = f"{colour}-{shape}"
        rows.append(
            {"name": name, "task": "vqa", "files": {"image": file}, "text": question, "truth": answer}
        )
    return rows


def make_scenes() -> list[dict[str, Any]]:
    """Pictures of things that CIFAR-10 has classes for."""
    rows = []
    for name in SCENES:
        file = f"image_classification/{name}.png"
        draw_scene(name).save(FOLDER / file)
        rows.append({"name": name, "task": "image_classification", "files": {"image": file}, "truth": name})
    return rows


def make_statements() -> list[dict[str, Any]]:
    """Sentences to be given back; the vocabulary knows no capitals."""
    return [
        {"name": f"statement-{number}", "task": "text_reconstruction", "text": text, "truth": text.lower()}
        for number, text in enumerate(STATEMENTS, start=1)
    ]


def make_rebuilt() -> list[dict[str, Any]]:
    """Pictures to be given back."""
    files = {name: f"image_classification/{name}.png" for name in REBUILT}
    return [
        {"name": f"rebuilt-{name}", "task": "image_reconstruction", "files": {"image": file}, "truth": None}
        for name, file in files.items()
    ]


def make_spoken() -> list[dict[str, Any]]:
    """Digits spoken by several voices."""
    rows = []
    for voice, pace, words in SPOKEN:
        file = f"speech_recognition/{words.replace(' ', '_')}.flac"
        command = ["espeak-ng", "-v", voice, "-s", str(pace), "-g", "8", "--stdout", words]
        spoken = subprocess.run(command, check=True, capture_output=True).stdout
        samples, rate_hz = soundfile.read(io.BytesIO(spoken), dtype="int16")
        soundfile.write(FOLDER / file, samples, rate_hz)
        name = words.replace(" ", "-")
        rows.append({"name": name, "task": "speech_recognition", "files": {"audio": file}, "truth": words})
    return rows


def make_actions() -> list[dict[str, Any]]:
    """Clips of a drawn person."""
    rows = []
    for number, action in enumerate(ACTIONS):
        file = f"video_classification/{action}.mp4"
        write_clip(draw_action(action, number), FOLDER / file)
        rows.append(
            {"name": action, "task": "video_classification", "files": {"video": file}, "truth": action}
        )
    return rows


def make_films() -> list[dict[str, Any]]:
    """Films that were never made: a poster and a plot each."""
    rows = []
    for film in FILMS:
        file = f"movie_genres/{film.name}.jpg"
        draw_poster(film).save(FOLDER / file, quality=90)
        rows.append(
            {
                "name": film.name,
                "task": "movie_genres",
                "files": {"image": file},
                "text": film.plot,
                "truth": ", ".join(film.genres),
            }
        )
    return rows


MAKERS = {
    "sentiment": make_sentences,
    "text_reconstruction": make_statements,
    "image_classification": make_scenes,
    "image_reconstruction": make_rebuilt,
    "speech_recognition": make_spoken,
    "video_classification": make_actions,
    "vqa": make_vqa,
    "movie_genres": make_films,
}
"""By task."""
FOLDERS = ("image_classification", "speech_recognition", "video_classification", "vqa", "movie_genres")


def main() -> None:
    """Write every file and the list of samples."""
    samples = []
    for task, make in MAKERS.items():
        if task in FOLDERS:
            (FOLDER / task).mkdir(exist_ok=True)
        samples += make()
    (FOLDER / "samples.json").write_text(json.dumps(samples, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
