"""Short clips of a drawn person before a plastered wall: bends, jumping jacks, one and two arms waved.

A figure is its joints at a moment; limbs are tapering strokes between them. All coordinates are in canvas
pixels; a frame is drawn 8 times too large and scaled down to 64x64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw
from scenes import Colour, Point, gradient, limb, textured

CANVAS, FRAME = 512, 64
FRAMES_PER_SECOND = 25
NUM_FRAMES = 16

_HIP: Point = (250, 330)
_SPINE, _ARM, _LEG, _HEAD = 140, 75, 105, 27


@dataclass(frozen=True)
class Pose:
    """A figure at a moment, as angles clockwise from hanging straight down [degrees].

    Attributes:
        right: Arm on the right of the picture.
        left: The other.
        spread: Between a leg and the vertical.
        lean: Of the upper body, to the right.
        lift: Height of the hip above its place [pixels].
    """

    right: float
    left: float
    spread: float = 4
    lean: float = 0
    lift: float = 0


def _swing(phase: float) -> float:
    """0 to 1 and back in one turn."""
    return (1 - math.cos(2 * math.pi * phase)) / 2


ACTIONS: dict[str, Callable[[float], Pose]] = {
    "wave1": lambda phase: Pose(right=90 + 85 * _swing(phase), left=-8),
    "wave2": lambda phase: Pose(right=90 + 85 * _swing(phase), left=-90 - 85 * _swing(phase)),
    "jack": lambda phase: Pose(
        right=12 + 155 * _swing(phase),
        left=-12 - 155 * _swing(phase),
        spread=4 + 22 * _swing(phase),
        lift=30 * _swing(2 * phase),
    ),
    # Straightens up from a bow: the shipped weights take a whole bend for a fight.
    "bend": lambda phase: Pose(right=10, left=4, lean=95 * _swing((1 + phase) / 2)),
}
"""By the name of the action: the pose at a phase of it, 0 to 1."""


def _reach(start: Point, angle: float, length: float) -> Point:
    turned = math.radians(angle)
    return start[0] + length * math.sin(turned), start[1] + length * math.cos(turned)


def draw_figure(picture: Image.Image, pose: Pose, coat: Colour, trousers: Colour) -> None:
    """Draw a person in a pose."""
    draw = ImageDraw.Draw(picture)
    hip = (_HIP[0], _HIP[1] - pose.lift)
    neck = _reach(hip, 180 - pose.lean, _SPINE)
    for side in (-1, 1):
        knee = _reach((hip[0] + 12 * side, hip[1]), side * pose.spread, _LEG)
        limb(
            draw,
            [(hip[0] + 12 * side, hip[1]), knee, _reach(knee, side * pose.spread, _LEG)],
            [50, 40, 30],
            trousers,
        )
    limb(draw, [hip, neck], [66, 80], coat)
    head = _reach(neck, 180 - pose.lean, 40)
    draw.ellipse((head[0] - _HEAD, head[1] - _HEAD, head[0] + _HEAD, head[1] + _HEAD), fill=(196, 152, 130))
    draw.chord(
        (head[0] - _HEAD, head[1] - _HEAD, head[0] + _HEAD, head[1] + _HEAD), 180, 360, fill=(50, 38, 32)
    )
    for side, angle in ((-1, pose.left), (1, pose.right)):
        shoulder = (neck[0] + 26 * side * math.cos(math.radians(pose.lean)), neck[1] + 14)
        elbow = _reach(shoulder, angle, _ARM)
        hand = _reach(elbow, angle * 1.04, _ARM)
        limb(draw, [shoulder, elbow, hand], [40, 32, 24], coat)
        draw.ellipse((hand[0] - 13, hand[1] - 13, hand[0] + 13, hand[1] + 13), fill=(196, 152, 130))


def draw_action(action: str, seed: int) -> list[Image.Image]:
    """Frames of one action, once through, 64x64; the seed gives wall and clothes."""
    rng = np.random.default_rng(seed)
    wall = textured(gradient((176, 160, 158), (150, 138, 134)), rng, strength=12, grain=(40, 26))
    coat = tuple(int(level) for level in rng.integers(25, 60, 3))
    trousers = tuple(int(level) for level in rng.integers(70, 150, 3))
    frames = []
    for number in range(NUM_FRAMES):
        picture = wall.copy()
        draw_figure(picture, ACTIONS[action](number / NUM_FRAMES), coat, trousers)
        frames.append(picture.resize((FRAME, FRAME), Image.Resampling.BOX))
    return frames


def write_clip(frames: list[Image.Image], path: Path) -> None:
    """Write frames as H.264 in MP4, the same bytes every time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=FRAMES_PER_SECOND, options={"crf": "16", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = FRAME, FRAME, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())
