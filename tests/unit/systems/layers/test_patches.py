"""Patches come back as they were cut, and their coefficients are those of the cosine transform."""

from __future__ import annotations

import math

import pytest
import torch

from systems.layers.patches import VALUES_PER_PATCH, PatchTransform, patches_to_picture, pictures_to_patches


def test_patches_join_to_the_picture_they_were_cut_from() -> None:
    picture = torch.rand(1, 3, 16, 16)
    (patches,) = pictures_to_patches(picture)
    assert patches.shape == (16, VALUES_PER_PATCH)
    assert torch.equal(patches_to_picture(patches).permute(2, 0, 1), picture[0])


def test_the_transform_keeps_energy_and_turns_back() -> None:
    transform, patches = PatchTransform(), torch.randn(5, 7, VALUES_PER_PATCH)
    coefficients = transform(patches)
    unscaled = coefficients * transform.deviations
    torch.testing.assert_close(unscaled.square().sum(-1), patches.square().sum(-1))
    torch.testing.assert_close(transform.inverse(coefficients), patches, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("u", "v"), [(0, 0), (0, 1), (3, 2)])
def test_a_grey_cosine_has_one_coefficient(u: int, v: int) -> None:
    """Its place is 4u + v; its deviation is that of u + v steps of frequency."""
    y, x = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    wave = torch.cos(math.pi * (y + 0.5) * u / 4) * torch.cos(math.pi * (x + 0.5) * v / 4)
    coefficients = PatchTransform()(wave.expand(3, 4, 4).flatten())
    amplitude = math.sqrt(3 * float(wave.square().sum()))
    expected = torch.zeros(VALUES_PER_PATCH)
    expected[4 * u + v] = amplitude * (1 + u + v) ** 2 / 6
    torch.testing.assert_close(coefficients, expected, atol=1e-5, rtol=1e-5)
