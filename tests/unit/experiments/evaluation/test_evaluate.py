"""Algorithm 2: what a figure is the figure of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.evaluate import Figure, evaluate
from experiments.evaluation.link import SemanticLink
from shared.errors import InvalidField
from shared.weights import load_manifest
from systems.rows import Options


@pytest.mark.usefixtures("small_data")
def test_a_figure_of_several_realisations_is_their_mean(tiny_weights: Path) -> None:
    manifest = load_manifest(tiny_weights / "mfmsc")
    send = SemanticLink.load(tiny_weights, "mfmsc").send
    noisy = [Channel(snr_db=-6.0, seed=seed) for seed in (5, 6, 7)]
    each = [own.figure for own in evaluate("sentiment", noisy, manifest=manifest, send=send)]
    scored, _ = evaluate(
        "sentiment", [noisy[0], Channel(snr_db=18.0)], manifest=manifest, send=send, num_realisations=3
    )
    mean = scored.figure
    assert (mean.seed, mean.num_realisations, mean.num_instances) == (5, 3, each[0].num_instances)
    assert mean.snr_db == -6.0
    for name in ("value", "realised_snr_db"):
        assert getattr(mean, name) == pytest.approx(np.mean([getattr(figure, name) for figure in each]))
    assert mean.low < mean.value < mean.high
    assert mean.high - mean.low < each[0].high - each[0].low
    assert len({figure.value for figure in each}) > 1


@pytest.mark.usefixtures("small_data")
def test_a_row_states_its_split_and_the_options_that_it_was_sent_with(tiny_weights: Path) -> None:
    manifest = load_manifest(tiny_weights / "mfmsc")

    def row(options: Options, split: str = "test") -> Figure:
        (scored,) = evaluate(
            "image_reconstruction",
            [Channel(snr_db=12.0)],
            manifest=manifest,
            send=SemanticLink.load(tiny_weights, "mfmsc").send,
            limit=2,
            split=split,
            options=options,
        )
        return scored.figure

    whole, part = row({}), row({"symbols_per_token": "5"}, "validation")
    assert (whole.split, part.split) == ("test", "validation")
    assert whole.config["options"] == {"symbols_per_token": 16}
    assert part.config["options"] == {"symbols_per_token": 5}
    assert part.channel_uses / whole.channel_uses == pytest.approx(5 / 16)
    with pytest.raises(InvalidField, match="symbols_per_token"):
        row({"symbols_per_token": 17})
