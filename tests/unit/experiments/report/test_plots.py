"""Plots show every measured figure, and say where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from experiments.report.plots import plot_figures
from shared.errors import InvalidField


def _row(**changes: Any) -> dict[str, Any]:
    return {
        "task": "vqa", "system": "mfmsc", "dataset": "easy-vqa", "channel": "awgn", "fading": "block",
        "csi": "perfect", "snr_db": 0.0, "metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6,
        "seed": 3, "commit": "abc123", "channel_uses": 16.0, "guesser": 0.25, **changes,
    }  # fmt: skip


def _rows() -> list[dict[str, Any]]:
    return [
        _row(system=system, channel=channel, snr_db=snr_db, value=best + 0.02 * snr_db)
        for system, best in (("mfmsc", 0.5), ("traditional", 0.3))
        for channel in ("awgn", "rayleigh")
        for snr_db in (12.0, -6.0, 0.0)
    ]


def test_text_of_a_plot_names_systems_data_and_origin(tmp_path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        path = plot_figures(_rows(), tmp_path / "figure.svg")
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    for expected in (
        "mfmsc, 16 channel uses", "traditional, 16 channel uses", "vqa on easy-vqa, rayleigh (block)",
        "Es/N0 [dB]", "link seed 3", "abc123", "guesser",
    ):  # fmt: skip
        assert expected in text, expected


def test_two_rates_of_a_system_are_two_lines(tmp_path: Path) -> None:
    import matplotlib as mpl

    rows = [_row(channel_uses=uses, snr_db=snr_db) for uses in (1024.0, 512.0) for snr_db in (0.0, 6.0)]
    with mpl.rc_context({"svg.fonttype": "none"}):
        path = plot_figures(rows, tmp_path / "figure.svg")
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    assert "mfmsc, 1024 channel uses" in text
    assert "mfmsc, 512 channel uses" in text


def test_figures_measured_otherwise_are_lines_of_their_own_that_say_how(tmp_path: Path) -> None:
    import matplotlib as mpl

    rows = [_row(num_instances=61, num_realisations=count, snr_db=-6.0) for count in (1, 20)]
    with mpl.rc_context({"svg.fonttype": "none"}):
        path = plot_figures(rows, tmp_path / "figure.svg")
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    assert "mfmsc, 16 channel uses, num realisations 20" in text
    assert "num instances" not in text  # the same for both


def test_a_plot_is_a_picture_with_lines_in_it(tmp_path: Path) -> None:
    pixels = np.asarray(Image.open(plot_figures(_rows(), tmp_path / "new" / "figure.png")).convert("RGB"))
    assert pixels.shape[1] > pixels.shape[0]  # two channels beside each other, one task
    blue = (abs(pixels.astype(int) - (0, 0x72, 0xB2)).sum(2) < 30).sum()
    assert blue > 200


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="psnr_db"):
        plot_figures(_rows(), tmp_path / "figure.png", metrics=["psnr_db"])
    with pytest.raises(InvalidField, match="png"):
        plot_figures(_rows(), tmp_path / "figure.bmp")
