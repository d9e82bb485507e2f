"""Algorithm 2: what a figure is the figure of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_runs import small_recipe, start_small

from channel_service.radio.channels import Channel
from experiments.evaluation.evaluate import evaluate, in_process
from experiments.training.checkpoints import export


@pytest.mark.usefixtures("small_data")
def test_a_figure_of_several_realisations_is_their_mean(tmp_path: Path) -> None:
    manifest = export(start_small(small_recipe()), tmp_path / "mfmsc")
    with in_process(tmp_path, "mfmsc") as send:
        noisy = [Channel(snr_db=-6.0, seed=seed) for seed in (5, 6, 7)]
        each = evaluate("sentiment", noisy, manifest=manifest, send=send)
        mean, _ = evaluate(
            "sentiment", [noisy[0], Channel(snr_db=18.0)], manifest=manifest, send=send, num_realisations=3
        )
    assert (mean.seed, mean.num_realisations, mean.num_instances) == (5, 3, each[0].num_instances)
    assert mean.snr_db == -6.0
    for name in ("value", "realised_snr_db"):
        assert getattr(mean, name) == pytest.approx(np.mean([getattr(figure, name) for figure in each]))
    assert mean.low < mean.value < mean.high
    assert mean.high - mean.low < each[0].high - each[0].low
    assert len({figure.value for figure in each}) > 1
