"""Small scenes drawn with Pillow and NumPy: pictures of things that CIFAR-10 has classes for.

Every scene is drawn 16 times too large on a canvas of 512x512 and scaled down to 32x32, which gives the soft
edges of a photograph. All coordinates are in canvas pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CANVAS = 512
PICTURE = 32

Colour = tuple[int, int, int]
Point = tuple[float, float]


def gradient(top: Colour, bottom: Colour, height: int = CANVAS) -> Image.Image:
    """A vertical run from one colour to another, as wide as the canvas."""
    ramp = np.linspace(0.0, 1.0, height)[:, None, None]
    pixels = np.array(top) * (1 - ramp) + np.array(bottom) * ramp
    return Image.fromarray(np.broadcast_to(pixels, (height, CANVAS, 3)).round().astype(np.uint8))


def textured(
    picture: Image.Image, rng: np.random.Generator, *, strength: float, grain: tuple[float, float]
) -> Image.Image:
    """Lighten and darken a picture by smooth random spots.

    Args:
        picture: To be textured.
        rng: Random source.
        strength: Standard deviation of the change [grey levels].
        grain: Size of the spots, horizontal and vertical [pixels].
    """
    width, height = picture.size
    coarse = (max(1, int(width / grain[0])), max(1, int(height / grain[1])))
    spots = rng.normal(0.0, 1.0, (coarse[1], coarse[0])).astype(np.float32)
    smooth = np.asarray(Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC))
    pixels = np.asarray(picture, dtype=np.float32) + strength * smooth[:, :, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def limb(draw: ImageDraw.ImageDraw, points: list[Point], widths: list[float], fill: Colour) -> None:
    """A tapering stroke through points: legs, necks, tails."""
    for (start, end), (wide, narrow) in zip(
        zip(points, points[1:], strict=False), zip(widths, widths[1:], strict=False), strict=True
    ):
        for step in np.linspace(0.0, 1.0, 40):
            x, y = (a + (b - a) * step for a, b in zip(start, end, strict=True))
            radius = (wide + (narrow - wide) * step) / 2
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def clouds(picture: Image.Image, rng: np.random.Generator, amount: float) -> Image.Image:
    """Soft white clouds over a picture."""
    cover = textured(Image.new("RGB", picture.size, (128, 128, 128)), rng, strength=90, grain=(150, 70))
    mask = cover.convert("L").point(lambda level: max(0, min(255, int((level - 128) * amount))))
    return Image.composite(Image.new("RGB", picture.size, (246, 248, 250)), picture, mask)


def shaded(picture: Image.Image, shape: Image.Image, top: Colour, bottom: Colour) -> None:
    """Fill the shape (a mask of the canvas) with a run of colours from its top to its bottom."""
    box = shape.getbbox()
    if box is None:
        return
    fill = gradient(top, bottom, box[3] - box[1])
    picture.paste(fill.crop((box[0], 0, box[2], box[3] - box[1])), box[:2], shape.crop(box))


def polygon(points: list[Point]) -> Image.Image:
    """Mask of a polygon."""
    mask = Image.new("L", (CANVAS, CANVAS), 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask


def ellipse(x: float, y: float, width: float, height: float) -> Image.Image:
    """Mask of an ellipse about (x, y)."""
    mask = Image.new("L", (CANVAS, CANVAS), 0)
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def shadow(picture: Image.Image, shape: Image.Image, darkness: float, blur: float = 10) -> None:
    """A soft shadow of the shape."""
    mask = shape.filter(ImageFilter.GaussianBlur(blur)).point(lambda level: int(level * darkness))
    picture.paste((15, 15, 15), (0, 0), mask)


def airplane(rng: np.random.Generator) -> Image.Image:
    """A white airliner climbing to the right before a blue sky."""
    sky = clouds(gradient((72, 128, 196), (160, 196, 228)), rng, 0.9)
    body = [(40, 318), (70, 292), (360, 206), (440, 188), (474, 190), (480, 200), (462, 216), (380, 244)]
    shaded(sky, polygon([(76, 292), (36, 204), (72, 206), (132, 276)]), (200, 60, 50), (150, 40, 40))
    shaded(sky, polygon([(250, 240), (196, 160), (222, 158), (318, 218)]), (190, 196, 204), (150, 156, 166))
    shaded(sky, polygon([*body, (120, 316), (60, 330)]), (250, 250, 252), (158, 166, 178))
    shaded(sky, polygon([(240, 262), (330, 236), (212, 404), (178, 408)]), (206, 210, 216), (120, 126, 136))
    shaded(sky, polygon([(60, 312), (112, 300), (64, 352), (40, 352)]), (190, 194, 202), (130, 136, 146))
    shaded(sky, ellipse(262, 312, 58, 26), (120, 124, 132), (60, 62, 70))
    draw = ImageDraw.Draw(sky)
    draw.line([(110, 290), (430, 202)], fill=(70, 84, 110), width=7)
    draw.polygon([(440, 190), (466, 191), (452, 200), (436, 202)], fill=(40, 50, 66))
    return sky


def ship(rng: np.random.Generator) -> Image.Image:
    """A freighter on a calm sea."""
    picture = gradient((150, 184, 214), (212, 224, 232))
    sea = textured(gradient((62, 104, 138), (26, 62, 96), 190), rng, strength=12, grain=(60, 9))
    picture.paste(sea, (0, CANVAS - 190))
    shadow(picture, ellipse(256, 384, 420, 44), 0.55)
    shaded(picture, polygon([(36, 268), (478, 250), (440, 372), (84, 376)]), (60, 60, 72), (24, 24, 34))
    shaded(picture, polygon([(76, 350), (450, 346), (440, 376), (84, 380)]), (158, 48, 40), (112, 30, 28))
    shaded(picture, polygon([(70, 168), (176, 164), (176, 266), (64, 268)]), (248, 248, 246), (196, 198, 200))
    shaded(picture, polygon([(92, 120), (158, 118), (160, 166), (88, 168)]), (240, 240, 240), (206, 208, 210))
    shaded(picture, polygon([(106, 76), (136, 76), (138, 120), (102, 120)]), (206, 74, 52), (150, 48, 40))
    draw = ImageDraw.Draw(picture)
    for top in (134, 190, 222):
        draw.rectangle((96, top, 156, top + 11), fill=(52, 66, 84))
    cargo = [(184, 84, 60), (72, 110, 150), (196, 168, 84), (96, 134, 98), (164, 70, 62)]
    for number, colour in enumerate(cargo):
        left = 190 + 50 * number
        draw.rectangle((left, 218 - 6 * (number % 2), left + 44, 262), fill=colour)
    draw.line([(446, 252), (446, 150)], fill=(80, 80, 86), width=8)
    draw.line([(300, 216), (300, 120), (350, 214)], fill=(90, 90, 96), width=7)
    return picture


def _wheel(picture: Image.Image, x: float, y: float, size: float) -> None:
    shaded(picture, ellipse(x, y, size, size), (34, 34, 36), (12, 12, 14))
    shaded(picture, ellipse(x, y, size * 0.58, size * 0.58), (196, 200, 206), (120, 124, 130))
    shaded(picture, ellipse(x, y, size * 0.2, size * 0.2), (70, 72, 76), (60, 62, 66))


def automobile(rng: np.random.Generator) -> Image.Image:
    """A red car from the side on an asphalt road."""
    picture = textured(gradient((176, 188, 190), (134, 146, 128)), rng, strength=16, grain=(46, 40))
    picture.paste(
        textured(gradient((132, 132, 134), (102, 102, 104), 200), rng, strength=5, grain=(20, 8)), (0, 312)
    )
    shadow(picture, ellipse(258, 394, 450, 42), 0.75)
    cabin = [(126, 244), (186, 160), (208, 150), (318, 150), (342, 160), (404, 246)]
    body = [
        (26, 286),
        (40, 256),
        (126, 238),
        (404, 240),
        (466, 258),
        (488, 290),
        (488, 356),
        (470, 372),
        (44, 374),
    ]
    shaded(picture, polygon([*cabin]), (206, 42, 40), (176, 26, 28))
    shaded(picture, polygon([*body, (26, 350)]), (214, 46, 42), (116, 14, 18))
    shaded(picture, polygon([(150, 240), (196, 172), (250, 168), (250, 240)]), (150, 176, 194), (66, 82, 96))
    shaded(
        picture,
        polygon([(264, 168), (314, 168), (336, 178), (376, 240), (264, 240)]),
        (142, 168, 186),
        (56, 72, 86),
    )
    draw = ImageDraw.Draw(picture)
    draw.line([(258, 244), (258, 356)], fill=(120, 16, 20), width=5)
    draw.line([(44, 262), (470, 262)], fill=(240, 120, 112), width=6)
    draw.rectangle((460, 284, 488, 304), fill=(250, 236, 186))
    draw.rectangle((24, 290, 42, 310), fill=(120, 8, 12))
    draw.rectangle((36, 350, 478, 374), fill=(52, 18, 20))
    for x in (128, 392):
        shaded(picture, ellipse(x, 360, 108, 108), (26, 14, 16), (18, 12, 12))
        _wheel(picture, x, 366, 90)
    return picture


def truck(rng: np.random.Generator) -> Image.Image:
    """A lorry with a white box body and a blue cab."""
    picture = clouds(gradient((128, 172, 216), (206, 220, 228)), rng, 0.6)
    picture.paste(
        textured(gradient((112, 130, 92), (120, 124, 116), 70), rng, strength=14, grain=(30, 16)), (0, 330)
    )
    picture.paste(
        textured(gradient((128, 128, 130), (96, 96, 98), 130), rng, strength=5, grain=(20, 8)), (0, 382)
    )
    shadow(picture, ellipse(258, 430, 460, 38), 0.75)
    shaded(picture, polygon([(24, 110), (336, 110), (336, 356), (24, 356)]), (248, 248, 246), (200, 202, 206))
    shaded(picture, polygon([(24, 110), (336, 110), (336, 124), (24, 124)]), (214, 216, 220), (206, 208, 212))
    shaded(picture, polygon([(24, 356), (480, 356), (480, 392), (24, 392)]), (62, 62, 68), (36, 36, 40))
    cab = [(346, 178), (428, 178), (452, 196), (478, 276), (490, 290), (490, 384), (346, 384)]
    shaded(picture, polygon([*cab]), (52, 94, 176), (24, 48, 110))
    shaded(
        picture,
        polygon([(372, 200), (426, 200), (440, 210), (460, 272), (372, 272)]),
        (170, 196, 214),
        (70, 88, 104),
    )
    draw = ImageDraw.Draw(picture)
    draw.rectangle((468, 322, 490, 342), fill=(248, 232, 180))
    draw.rectangle((440, 366, 494, 388), fill=(176, 180, 186))
    draw.line([(362, 280), (362, 376)], fill=(18, 36, 84), width=5)
    for x in (92, 172, 424):
        _wheel(picture, x, 396, 84)
    return picture


def bird(rng: np.random.Generator) -> Image.Image:
    """A brown songbird with a pale breast on a branch."""
    picture = textured(gradient((130, 156, 104), (96, 124, 76)), rng, strength=22, grain=(130, 120))
    picture = picture.filter(ImageFilter.GaussianBlur(14))
    draw = ImageDraw.Draw(picture)
    limb(draw, [(0, 424), (250, 396), (512, 352)], [34, 28, 20], (92, 70, 50))
    limb(draw, [(130, 330), (40, 408), (10, 448)], [52, 36, 26], (84, 62, 44))
    shaded(picture, ellipse(236, 276, 236, 196), (140, 104, 72), (214, 196, 168))
    shaded(
        picture,
        polygon([(330, 210), (350, 292), (300, 362), (226, 372), (250, 280)]),
        (216, 190, 152),
        (238, 228, 210),
    )
    shaded(picture, ellipse(318, 176, 124, 116), (128, 92, 62), (186, 152, 116))
    shaded(
        picture,
        polygon([(120, 268), (200, 214), (276, 246), (236, 316), (110, 348)]),
        (104, 76, 52),
        (70, 50, 36),
    )
    draw = ImageDraw.Draw(picture)
    draw.line([(140, 292), (252, 258)], fill=(166, 134, 100), width=8)
    draw.line([(132, 320), (238, 296)], fill=(150, 118, 86), width=7)
    draw.polygon([(372, 164), (428, 184), (370, 194)], fill=(60, 50, 42))
    draw.ellipse((332, 156, 354, 178), fill=(16, 14, 14))
    draw.ellipse((338, 159, 345, 166), fill=(240, 240, 240))
    for x in (232, 268):
        limb(draw, [(x, 362), (x + 6, 396)], [11, 9], (70, 54, 44))
    return picture


def horse(rng: np.random.Generator) -> Image.Image:
    """A brown horse from the side on a meadow."""
    picture = textured(gradient((176, 200, 220), (198, 212, 214)), rng, strength=6, grain=(120, 60))
    trees = textured(gradient((84, 112, 72), (66, 94, 54), 90), rng, strength=20, grain=(40, 34))
    picture.paste(trees, (0, 150))
    meadow = textured(gradient((124, 152, 78), (88, 122, 52), 282), rng, strength=12, grain=(26, 12))
    picture.paste(meadow, (0, 230))
    shadow(picture, ellipse(250, 448, 330, 34), 0.5)
    dark, coat = (74, 42, 24), (122, 70, 38)
    draw = ImageDraw.Draw(picture)
    limb(draw, [(150, 290), (146, 366), (154, 440)], [50, 24, 20], dark)
    limb(draw, [(318, 300), (322, 370), (314, 444)], [42, 22, 18], dark)
    limb(draw, [(108, 232), (78, 290), (84, 370)], [18, 30, 12], (36, 22, 16))
    limb(draw, [(330, 240), (386, 166), (412, 128)], [104, 70, 52], coat)
    shaded(picture, ellipse(232, 254, 270, 132), (150, 90, 50), (92, 50, 28))
    shaded(picture, ellipse(150, 248, 120, 130), (146, 86, 48), (96, 54, 30))
    draw = ImageDraw.Draw(picture)
    limb(draw, [(408, 128), (470, 186)], [56, 32], coat)
    limb(draw, [(118, 292), (104, 366), (116, 448)], [62, 28, 20], coat)
    limb(draw, [(342, 296), (352, 372), (350, 450)], [50, 26, 20], coat)
    limb(draw, [(396, 104), (352, 160), (318, 212)], [22, 36, 26], (40, 24, 18))
    draw.polygon([(398, 112), (400, 82), (416, 106)], fill=coat)
    draw.ellipse((424, 132, 436, 144), fill=(18, 12, 10))
    for x, y in ((116, 448), (350, 450), (154, 442), (314, 446)):
        draw.rectangle((x - 13, y - 4, x + 13, y + 12), fill=(30, 24, 22))
    return picture


def frog(rng: np.random.Generator) -> Image.Image:
    """A green frog sitting on brown soil."""
    picture = textured(gradient((126, 104, 80), (96, 76, 56)), rng, strength=26, grain=(40, 32))
    shadow(picture, ellipse(256, 390, 400, 80), 0.6, 16)
    dark = (74, 106, 38)
    draw = ImageDraw.Draw(picture)
    limb(draw, [(110, 300), (50, 372), (160, 400)], [92, 62, 40], dark)
    limb(draw, [(402, 300), (462, 372), (352, 400)], [92, 62, 40], dark)
    shaded(picture, ellipse(256, 300, 300, 200), (136, 172, 70), (86, 122, 46))
    shaded(picture, ellipse(256, 216, 236, 150), (150, 186, 80), (112, 150, 58))
    shaded(picture, ellipse(256, 362, 170, 70), (206, 208, 150), (178, 184, 124))
    draw = ImageDraw.Draw(picture)
    draw.arc((160, 176, 352, 276), 20, 160, fill=(62, 84, 30), width=9)
    for x in (176, 336):
        shaded(picture, ellipse(x, 152, 78, 74), (160, 192, 88), (112, 150, 60))
        shaded(picture, ellipse(x, 152, 48, 46), (214, 180, 70), (180, 140, 50))
        shaded(picture, ellipse(x, 152, 26, 32), (14, 14, 10), (10, 10, 8))
    draw = ImageDraw.Draw(picture)
    for x, y in ((200, 270), (300, 254), (256, 300), (330, 310), (186, 324)):
        draw.ellipse((x - 15, y - 11, x + 15, y + 11), fill=(84, 118, 44))
    for x in (176, 336):
        limb(draw, [(x, 330), (x + (x - 256) * 0.25, 412)], [48, 30], (108, 144, 56))
        for toe in (-26, 0, 26):
            limb(
                draw,
                [(x + (x - 256) * 0.25, 412), (x + (x - 256) * 0.25 + toe, 432)],
                [18, 9],
                (108, 144, 56),
            )
    return picture


SCENES: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "airplane": airplane,
    "automobile": automobile,
    "bird": bird,
    "frog": frog,
    "horse": horse,
    "ship": ship,
    "truck": truck,
}


def draw_scene(name: str) -> Image.Image:
    """The named scene, 32x32, the same at every call."""
    rng = np.random.default_rng(list(SCENES).index(name))
    picture = SCENES[name](rng)
    small = picture.resize((PICTURE, PICTURE), Image.Resampling.LANCZOS)
    return textured(small, rng, strength=3, grain=(1, 1))
