"""Draws the sample pictures and writes samples.json; run it from anywhere: python samples/make_samples.py.

Everything here is the project's own: sentences written for it, pictures drawn by this script. Every run gives
the same pictures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
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


def main() -> None:
    """Write every picture and the list of samples."""
    for folder in ("vqa", "image_classification"):
        (FOLDER / folder).mkdir(exist_ok=True)
    samples = [*make_sentences(), *make_scenes(), *make_vqa()]
    (FOLDER / "samples.json").write_text(json.dumps(samples, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
