"""`semcom compare` end to end on small data and random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app
from shared.errors import InvalidField


def _compare(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", "--threads", "1", *arguments])


@pytest.mark.usefixtures("small_data")
def test_rows_are_kept_and_reported(tiny_weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "compare.json"
    shared = ["--tasks", "sentiment", "--weights", str(tiny_weights), "--output", str(output), "--limit", "3"]
    assert _compare(*shared, "--snr-db", "0", "--channels", "awgn").exit_code == 0
    first = json.loads(output.read_text())
    assert [(row["snr_db"], row["num_instances"], row["outage_share"]) for row in first] == [(0.0, 3, 0.0)]
    again = _compare(*shared, "--snr-db", "0,12", "--channels", "awgn")
    assert again.exit_code == 0
    rows = json.loads(output.read_text())
    assert rows[0] == first[0]
    assert [row["snr_db"] for row in rows] == [0.0, 12.0]
    assert "kept" in _compare(*shared, "--snr-db", "0,12", "--channels", "awgn").output
    report = output.with_suffix(".md").read_text()
    assert "| vqa | mmsc | " in report
    assert "6400" in report
    for name in ("compare-awgn.png", "compare-awgn.svg", "compare-cost.png"):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.usefixtures("small_data")
def test_matched_rows_say_what_fits_and_what_cannot(tiny_systems: Path, tmp_path: Path) -> None:
    """At 18 dB 64-QAM holds a picture of one colour, and at -6 dB QPSK of rate 1/3 does not."""
    output = tmp_path / "compare.json"
    arguments = ["--tasks", "image_reconstruction", "--systems", "mfmsc,separate"]
    arguments += ["--weights", str(tiny_systems), "--output", str(output), "--limit", "2"]
    arguments += ["--snr-db=-6,18", "--channels", "awgn", "--match-channel-uses"]
    assert _compare(*arguments).exit_code == 0
    path = tmp_path / "compare-matched.json"
    cannot, fits = json.loads(path.read_text())
    assert fits["options"]["mcs"] == "auto"
    assert fits["figure"]["num_instances"] == 2
    assert (cannot["options"], cannot["figure"]) == (None, None)
    assert cannot["channel_uses"] > cannot["allowed_channel_uses"]
    report = output.with_suffix(".md").read_text()
    assert "Within the channel uses of mfmsc" in report
    assert report.count("| cannot |") == 1
    written = path.stat().st_mtime_ns
    assert _compare(*arguments).exit_code == 0
    assert path.stat().st_mtime_ns == written


@pytest.mark.usefixtures("small_data")
def test_a_system_with_options_is_a_line_of_its_own(tiny_systems: Path, tmp_path: Path) -> None:
    output = tmp_path / "compare.json"
    arguments = ["--tasks", "sentiment", "--systems", "separate,separate:mcs=auto", "--channels", "awgn"]
    arguments += ["--weights", str(tiny_systems), "--output", str(output), "--limit", "2", "--snr-db=0,18"]
    assert _compare(*arguments).exit_code == 0
    rows = json.loads(output.read_text())
    assert [(row["config"]["options"]["mcs"], row["snr_db"]) for row in rows] == [
        *(("qpsk-1/2", 0.0), ("qpsk-1/2", 18.0), ("auto", 0.0), ("auto", 18.0))
    ]
    fixed, fixed_high, slow, fast = (row["channel_uses"] for row in rows)
    assert slow >= fixed == fixed_high > fast
    report = output.with_suffix(".md").read_text()
    assert f"| separate | 2 | {fixed:.4g} |" in report
    assert f"| separate mcs=auto | 2 | {fast:.4g} to {slow:.4g} |" in report
    assert _compare(*arguments).output.count("kept") == 2


@pytest.mark.usefixtures("small_data")
def test_a_system_without_weights_is_named(tmp_path: Path) -> None:
    result = _compare("--weights", str(tmp_path), "--output", str(tmp_path / "rows.json"))
    assert "not trained: there are no weights" in result.output
    assert isinstance(result.exception, InvalidField)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tasks", "singing"),
        ("--systems", "telepathy"),
        ("--systems", "separate:mcs=fm"),
        ("--snr-db", "loud"),
    ],
)
def test_unknown_names_and_snrs_are_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = _compare(*arguments, "--output", str(tmp_path / "rows.json"))
    assert isinstance(result.exception, InvalidField)
    assert arguments[1].rpartition("=")[2] in result.exception.message
