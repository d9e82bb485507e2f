"""A system within another's channel uses: the highest quality that fits, and none where nothing does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from experiments.evaluation.matching import match, mean_channel_uses, quality_option

_TASK = "image_reconstruction"
_CHANNEL = Channel("awgn", "block", 18.0, seed=1)


@pytest.fixture(scope="module")
def link(tiny_systems: Path) -> SemanticLink:
    return SemanticLink.load(tiny_systems, "separate")


@pytest.fixture(scope="module")
def pictures() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{"image": rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)} for _ in range(2)]


def test_one_more_step_of_quality_would_not_fit(link: SemanticLink, pictures: list) -> None:
    wanted = mean_channel_uses(link, _TASK, pictures, _CHANNEL, {"mcs": "auto", "quality": 40})
    found = match(link, _TASK, pictures, _CHANNEL, wanted)
    assert found.options is not None
    assert found.channel_uses <= wanted
    quality = int(found.options["quality"])
    assert quality >= 40
    more = {**found.options, "quality": quality + 1}
    assert mean_channel_uses(link, _TASK, pictures, _CHANNEL, more) > wanted


def test_nothing_fits_into_the_channel_uses_of_a_fused_task(link: SemanticLink, pictures: list) -> None:
    found = match(link, _TASK, pictures, _CHANNEL, 16)
    assert found.options is None
    assert found.channel_uses > 140  # the header alone


def test_only_an_option_that_says_so_is_varied() -> None:
    option = quality_option("separate", "vqa")
    assert option is not None
    assert option.name == "quality"
    assert quality_option("separate", "sentiment") is None
    assert quality_option("mfmsc", "text_reconstruction") is None
