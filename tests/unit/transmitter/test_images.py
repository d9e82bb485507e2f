"""A picture is read as a viewer shows it; what is told beside its pixels never decides whether it is read."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from made_files import gradient, image_file
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from shared.errors import TooLarge, UnsupportedMedia
from transmitter import images
from transmitter.media import decode_media

RED, HIDDEN = (200, 30, 30), (10, 20, 230)


def saved(image, image_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


# Transparency


def disc(mode="RGBA"):
    """A red disc on a transparent ground whose hidden colour is blue, and what a viewer shows on white."""
    image = Image.new("RGBA", (32, 32), (*HIDDEN, 0))
    ImageDraw.Draw(image).ellipse((8, 8, 24, 24), fill=(*RED, 255))
    alpha = np.asarray(image.getchannel("A"))[..., None] > 0
    return image.convert(mode), np.where(alpha, RED, 255)


def palette_disc():
    """The same with two colours of a palette, the first of them transparent."""
    _, expected = disc()
    image = Image.fromarray((expected[..., 1] == RED[1]).astype(np.uint8), "P")
    image.putpalette([*HIDDEN, *RED])
    return image, expected


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_a_transparent_ground_is_white(image_format):
    image, expected = disc()
    options = {"lossless": True} if image_format == "WEBP" else {}
    np.testing.assert_array_equal(decode_media("image", saved(image, image_format, **options)), expected)


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_a_transparent_colour_of_a_palette_is_white(image_format):
    image, expected = palette_disc()
    data = saved(image, image_format, transparency=0)
    np.testing.assert_array_equal(decode_media("image", data), expected)


def test_a_palette_with_half_transparent_colours_is_blended():
    image, _ = palette_disc()
    decoded = decode_media("image", saved(image, "PNG", transparency=bytes([0, 128])))
    np.testing.assert_allclose(decoded[16, 16], [255 - (255 - value) * 128 / 255 for value in RED], atol=1)


def test_grey_with_alpha_and_a_transparent_colour_without_it_are_white_too():
    grey = Image.merge("LA", (Image.new("L", (8, 8), 40), Image.new("L", (8, 8), 0)))
    assert (decode_media("image", saved(grey)) == 255).all()
    colour = Image.new("RGB", (8, 8), HIDDEN)
    assert (decode_media("image", saved(colour, "PNG", transparency=HIDDEN)) == 255).all()


# Colour profiles


def icc_number(value):
    return round(value * 65536).to_bytes(4, "big", signed=True)


def rgb_profile(primaries, gamma):
    """An ICC profile of three primaries [XYZ of D50, a row each] and one gamma."""
    tags = {b"wtpt": b"XYZ " + bytes(4) + b"".join(map(icc_number, (0.9642, 1.0, 0.8249)))}
    for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        tags[name] = b"XYZ " + bytes(4) + b"".join(map(icc_number, xyz))
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        tags[name] = b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)
    return icc_file(b"RGB ", tags)


def icc_file(space, tags):
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s", 132 + 12 * len(tags) + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ "
    )
    header = (header + bytes(12) + b"acsp").ljust(68, b"\0") + b"".join(
        map(icc_number, (0.9642, 1.0, 0.8249))
    )
    return header.ljust(128, b"\0") + table + body


# Primaries in XYZ of D50: IEC 61966-2-1 with the Bradford adaptation, SMPTE EG 432-1, Adobe RGB (1998) 4.3.6.
SRGB = np.array([(0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)])
DISPLAY_P3 = np.array([(0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)])
ADOBE_RGB = np.array([(0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)])
COLOUR = (180, 120, 90)


def in_srgb(colour, primaries, gamma):
    """The same colour as 8-bit sRGB, by its definition."""
    linear = (np.array(colour) / 255) ** gamma @ primaries @ np.linalg.inv(SRGB)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
def test_colours_of_a_profile_become_srgb(image_format, primaries):
    gamma = 563 / 256
    image = Image.new("RGB", (16, 16), COLOUR)
    options = {"icc_profile": rgb_profile(primaries, gamma), "quality": 100}
    decoded = decode_media("image", saved(image, image_format, **options))
    expected = in_srgb(COLOUR, primaries, gamma)
    assert np.abs(expected - COLOUR).max() > 8
    np.testing.assert_allclose(decoded[8, 8], expected, atol=3)


def test_the_palette_and_the_visible_part_of_a_picture_with_a_profile_become_srgb():
    profile = rgb_profile(ADOBE_RGB, 563 / 256)
    expected = in_srgb(COLOUR, ADOBE_RGB, 563 / 256)
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, *COLOUR])
    np.testing.assert_allclose(
        decode_media("image", saved(palette, icc_profile=profile))[0, 0], expected, atol=2
    )
    half = Image.new("RGBA", (8, 8), (*COLOUR, 255))
    half.paste((0, 0, 0, 0), (0, 0, 4, 8))
    decoded = decode_media("image", saved(half, icc_profile=profile))
    assert (decoded[:, :4] == 255).all()
    np.testing.assert_allclose(decoded[0, 6], expected, atol=2)


def test_greys_with_a_profile_of_another_gamma_become_srgb():
    tags = {
        b"wtpt": b"XYZ " + bytes(4) + b"".join(map(icc_number, (0.9642, 1.0, 0.8249))),
        b"kTRC": b"curv" + bytes(4) + struct.pack(">IHH", 1, round(1.0 * 256), 0),
    }
    decoded = decode_media("image", saved(Image.new("L", (8, 8), 128), icc_profile=icc_file(b"GRAY", tags)))
    np.testing.assert_allclose(decoded, 188, atol=2)  # half the light is 188 of sRGB


@pytest.mark.parametrize(
    "profile", [b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_a_profile_that_cannot_be_used_leaves_the_colours(profile):
    data = saved(Image.new("RGB", (8, 8), COLOUR), icc_profile=profile)
    assert (decode_media("image", data) == COLOUR).all()


# What never decides


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_with(*chunks):
    """A PNG file with further chunks behind its header."""
    data = image_file(gradient())
    return data[:33] + b"".join(chunks) + data[33:]


@pytest.mark.filterwarnings("ignore")  # of Pillow, which goes on
@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text " * 240_000)),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x/> " * 240_000)),
        png_chunk(b"tEXt", b"Comment\0" + b"text " * 240_000),
        png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(rgb_profile(SRGB, 2.2) + bytes(1_500_000))),
        png_chunk(b"iCCP", b"profile\0\0" + b"not compressed"),
        png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
        png_chunk(b"tIME", b"\xff"),
    ],
    ids=["zTXt", "iTXt", "tEXt", "large profile", "broken profile", "broken EXIF", "broken time"],
)
def test_what_a_png_tells_beside_its_pixels_never_decides(chunk):
    np.testing.assert_allclose(
        decode_media("image", png_with(chunk)), gradient(), atol=10
    )  # a gamma of 2.2 is not quite sRGB


def test_a_text_bomb_is_refused():
    bomb = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_MEMORY + 1))
    with pytest.raises(UnsupportedMedia):
        decode_media("image", png_with(png_chunk(b"zTXt", b"Comment\0\0" + bomb)))


def jpeg_with_exif(entries):
    """A JPEG file whose EXIF has these entries (tag, type, count, four bytes of value)."""
    body = b"MM\0*" + struct.pack(">IH", 8, len(entries))
    body += b"".join(struct.pack(">HHI4s", *entry) for entry in entries) + bytes(4)
    return image_file(gradient(24, 32), "JPEG", quality=95, exif=b"Exif\0\0" + body)


ORIENTATION = (0x0112, 3, 1, b"\0\6\0\0")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "entry",
    [
        (0x011A, 5, 1, b"\0\0\xff\xff"),  # a resolution behind the end of the file
        (0x011A, 5, 1, b"\0\0\0\0"),
        (0x829A, 5, 0xFFFFFFFF, b"\xff\xff\xff\xff"),  # an exposure time of 32 GB
        (0x011A, 2, 4, b"fast"),
        (0x0100, 99, 1, b"\0\0\0\0"),
    ],
)
def test_a_broken_entry_of_exif_neither_refuses_nor_hides_the_orientation(entry):
    expected = np.rot90(decode_media("image", image_file(gradient(24, 32), "JPEG", quality=95)), -1)
    decoded = decode_media("image", jpeg_with_exif(sorted([ORIENTATION, entry])))
    np.testing.assert_array_equal(decoded, expected)


def test_every_orientation_is_obeyed():
    pixels = gradient(24, 32)
    turned = [pixels, pixels[:, ::-1], pixels[::-1, ::-1], pixels[::-1]]
    turned += [
        np.swapaxes(pixels, 0, 1),
        np.rot90(pixels, -1),
        np.swapaxes(pixels[::-1, ::-1], 0, 1),
        np.rot90(pixels),
    ]
    for orientation, expected in enumerate(turned, 1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        np.testing.assert_array_equal(decode_media("image", image_file(pixels, exif=exif)), expected)


# Large photographs


def test_a_large_photograph_is_scaled_while_it_is_decoded(monkeypatch):
    monkeypatch.setattr(images, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(images, "MAX_PHOTO_PIXELS", 4000)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.repeat(np.repeat(gradient(24, 32), 2, axis=0), 2, axis=1)
    decoded = decode_media("image", image_file(pixels, "JPEG", quality=95, exif=exif))
    assert decoded.shape == (32, 24, 3)
    assert np.abs(decoded.astype(int) - np.rot90(gradient(24, 32), -1)).mean() < 8
    for refused in ({"image_format": "PNG"}, {"image_format": "JPEG", "progressive": True}):
        with pytest.raises(TooLarge, match="64x48"):
            decode_media("image", image_file(pixels, **refused))
    monkeypatch.setattr(images, "MAX_PHOTO_PIXELS", 3000)
    with pytest.raises(TooLarge, match="64x48"):
        decode_media("image", image_file(pixels, "JPEG"))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_photograph_of_50_megapixels_is_read_in_little_memory():
    program = """
import re, sys
from pathlib import Path
from transmitter.images import decode_image
def peak_kb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak_kb()
print(*decode_image(sys.stdin.buffer.read()).shape, peak_kb() - before)
"""
    data = saved(Image.new("RGB", (8192, 6144), RED), "JPEG")
    run = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True)
    height, width, _, peak_kb = map(int, run.stdout.split())
    assert (height, width) == (3072, 4096)
    assert peak_kb < 250_000  # of which in full there would be four times as much
