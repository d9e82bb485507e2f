"""Posters and plots of films that were never made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scenes import CANVAS, Colour, gradient, limb, textured

_HEIGHT = CANVAS * 3 // 2
_SIZE = (96, 144)


@dataclass(frozen=True)
class Film:
    """A film.

    Attributes:
        name: Short and unique.
        genres: Sorted.
        plot: What happens.
        sky: Colours of the poster, above and below.
        draw: Draws what the poster shows.
    """

    name: str
    genres: tuple[str, ...]
    plot: str
    sky: tuple[Colour, Colour]
    draw: Callable[[ImageDraw.ImageDraw], None]


def _couple(draw: ImageDraw.ImageDraw) -> None:
    """Two people under a sun."""
    draw.ellipse((150, 60, 360, 270), fill=(255, 226, 120))
    for x, coat in ((200, (200, 60, 80)), (310, (50, 90, 170))):
        limb(draw, [(x, 420), (x, 640)], [100, 130], coat)
        draw.ellipse((x - 45, 310, x + 45, 410), fill=(236, 190, 160))


def _house(draw: ImageDraw.ImageDraw) -> None:
    """A dark house with one lit window."""
    draw.polygon([(90, 420), (256, 220), (420, 420)], fill=(8, 8, 12))
    draw.rectangle((120, 410, 390, 700), fill=(12, 12, 18))
    draw.rectangle((225, 480, 285, 560), fill=(190, 30, 20))
    draw.ellipse((340, 60, 440, 160), fill=(190, 190, 170))


def _rider(draw: ImageDraw.ImageDraw) -> None:
    """A rider before mesas."""
    draw.polygon([(0, 520), (60, 330), (180, 330), (240, 520)], fill=(140, 60, 30))
    draw.rectangle((0, 520, CANVAS, _HEIGHT), fill=(190, 130, 70))
    limb(draw, [(180, 560), (340, 560)], [90, 80], (50, 30, 20))
    for x in (190, 230, 300, 335):
        limb(draw, [(x, 580), (x, 690)], [26, 18], (50, 30, 20))
    limb(draw, [(260, 530), (260, 430)], [70, 60], (30, 26, 30))
    draw.ellipse((232, 360, 288, 420), fill=(200, 150, 120))
    draw.ellipse((206, 352, 314, 380), fill=(30, 20, 16))


FILMS = (
    Film(
        "spare_keys",
        ("Drama", "Comedy", "Romance"),
        "Nina keeps losing the keys to her flat and has to ask the shy locksmith Paul for help every week. "
        "Her sister bets that they will be engaged by Christmas and sets up one absurd dinner after another. "
        "When Nina hears of the bet she ends the friendship, but at the wedding of a friend the two are "
        "seated at one table, laugh, dance, and admit that they are in love.",
        ((250, 190, 160), (250, 240, 220)),
        _couple,
    ),
    Film(
        "the_cellar_door",
        ("Drama", "Horror", "Thriller"),
        "A young couple moves into an old house by the woods. At night they hear scratching below the floor, "
        "and their daughter speaks of a pale woman with no face. One by one the neighbours are found dead, "
        "their bodies drained of blood. When they open the cellar, the ghost of the murdered girl who was "
        "buried there awakens and hunts the family through the dark rooms.",
        ((10, 14, 30), (60, 16, 16)),
        _house,
    ),
    Film(
        "dust_over_red_creek",
        ("Action", "Crime", "Drama", "Thriller"),
        "Detective Barton investigates a series of murders in Red Creek. The evidence leads to a corrupt "
        "sheriff and the rancher Pike, the boss of a mob. When his partner is shot, Barton kidnaps Pike to "
        "learn the truth, and faces the gang in a gunfight in front of the saloon.",
        ((240, 170, 90), (250, 220, 150)),
        _rider,
    ),
)


def draw_poster(film: Film) -> Image.Image:
    """The poster of a film, 96x144."""
    rng = np.random.default_rng(len(film.plot))
    picture = textured(gradient(*film.sky, height=_HEIGHT), rng, strength=8, grain=(60, 60))
    film.draw(ImageDraw.Draw(picture))
    return picture.resize(_SIZE, Image.Resampling.BOX)
