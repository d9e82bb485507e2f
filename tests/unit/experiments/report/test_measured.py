"""The table of figures and the picture of a system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from measured_rows import rows_of
from PIL import Image

from experiments.commands.figures import put_table
from experiments.report.measured import realisations_of, sets_of, table_of
from experiments.report.overview import draw_overview


def test_a_table_has_a_row_a_task_at_five_places_of_the_channel() -> None:
    rows = [
        *rows_of("vqa", "easy-vqa", "accuracy"),
        *rows_of("image_reconstruction", "pixels", "psnr_db", guesser=None),
        *rows_of("vqa", "easy-vqa", "second_metric"),
    ]
    assert table_of(rows)[2:] == [
        "| vqa | easy-vqa | 10 | accuracy | 0.470 | 0.500 | 0.560 | 0.800 | 0.460 | 0.250 |",
        "| image reconstruction | pixels | 10 | psnr | 0.5 dB | 0.5 dB | 0.6 dB | 0.8 dB | 0.5 dB | – |",
    ]


def test_each_set_of_a_mixture_is_measured_once() -> None:
    assert sets_of("video_classification") == ("weizmann", "fights")
    assert (realisations_of(61), realisations_of(500)) == (20, 1)


def test_a_table_takes_the_place_between_its_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- written by semcom figures -->\nold\n<!-- end -->\nafter\n")
    for lines in (["| a |"], ["| b |", "| c |"]):
        put_table(readme, lines)
    assert readme.read_text() == (
        "before\n<!-- written by semcom figures -->\n| b |\n| c |\n<!-- end -->\nafter\n"
    )
    readme.write_text("no marks\n")
    with pytest.raises(ValueError, match=r"README\.md has no"):
        put_table(readme, ["| a |"])


def test_the_overview_has_a_line_and_a_bar_for_each_set(tmp_path: Path) -> None:
    rows = [
        *rows_of("vqa", "easy-vqa", "accuracy"),
        *rows_of("image_reconstruction", "pixels", "psnr_db", payload_bytes=8192.0, channel_uses=1024.0),
    ]
    pixels = np.asarray(Image.open(draw_overview(rows, tmp_path / "new" / "overview.png")).convert("RGB"))
    blue = abs(pixels.astype(int) - (0, 0x72, 0xB2)).sum(2) < 30
    middle = int(0.6 * pixels.shape[1])
    assert blue[:, :middle].sum() > 100  # the line of vqa
    assert blue[:, middle:].sum() > 1000  # the bars
