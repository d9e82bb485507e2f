"""Decodes PNG, JPEG, WebP, BMP and GIF files to what a viewer shows of them."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from shared.errors import TooLarge, UnsupportedMedia
from transmitter.containers import describe

MAX_IMAGE_PIXELS = 25_000_000
# Of a JPEG photograph, which is scaled down while it is decoded.
MAX_PHOTO_PIXELS = 80_000_000
_ALLOWED_IMAGE = "a whole PNG, JPEG, WebP, BMP or GIF file"
_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
# Texts and profiles never decide whether a picture is read. Pillow's own limit for each of them is 1 MB.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A profile's colours, and the modes of pictures whose colours it can describe.
_PROFILE_MODES = {
    "RGB ": ("RGB", ("RGB", "RGBA", "P", "L", "LA", "1")),
    "GRAY": ("L", ("L", "LA", "1")),
    "CMYK": ("CMYK", ("CMYK",)),
}
# What Pillow's plugins are seen to raise on damaged files, besides UnidentifiedImageError (an OSError).
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error)


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """An image file to RGB, uint8 [height, width, 3]: the first frame, as a viewer shows it on white."""
    try:
        with Image.open(io.BytesIO(data), formats=_IMAGE_FORMATS) as image:
            if image.format in ("JPEG", "MPO"):
                _scale_photo(image)
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise TooLarge("image", f"{image.width}x{image.height}", f"at most {MAX_IMAGE_PIXELS} pixels")
            image.load()
            return np.array(_to_rgb(_upright(image)))  # a copy: torch wants it writable
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge("image", error, f"at most {MAX_IMAGE_PIXELS} pixels") from None
    except _PILLOW_ERRORS as error:
        raise UnsupportedMedia("image", describe(data, error), _ALLOWED_IMAGE) from None


def _scale_photo(image: Image.Image) -> None:
    """Have a large photograph decoded at half its size.

    A progressive one is not: all its coefficients would be in memory, and it may have any number of scans.
    """
    if MAX_IMAGE_PIXELS < image.width * image.height <= MAX_PHOTO_PIXELS and "progressive" not in image.info:
        image.draft(None, (image.width // 2, image.height // 2))


def _upright(image: Image.Image) -> Image.Image:
    """Turned and mirrored as its EXIF says, if that can be read."""
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _PILLOW_ERRORS:
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit greys, which convert() would clip to white
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:  # a colour, or colours of a palette
        image = image.convert("RGBA")
    if not image.has_transparency_data:
        return _to_srgb(image)
    white = Image.new("RGB", image.size, "white")
    white.paste(_to_srgb(image), mask=image.getchannel("A"))
    return white


def _to_srgb(image: Image.Image) -> Image.Image:
    """By its colour profile, if it has one that can be read and is meant for such pictures."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        mode, modes = _PROFILE_MODES[profile.profile.xcolor_space]
        if image.mode in modes:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image.convert(mode), profile, srgb, outputMode="RGB")
            return converted or image.convert("RGB")
    except (ImageCms.PyCMSError, *_PILLOW_ERRORS):
        pass
    return image.convert("RGB")
