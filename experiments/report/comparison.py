"""The comparison of systems as Markdown: payloads beside the paper's, scores, paired differences, costs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.evaluation.comparison import Comparison, Difference, Row, line_of, lines_of
from experiments.report.comparison_plots import COST_SNR_DB, draw_costs, draw_scores, quantity, uses_of
from experiments.report.measured import NOTHING, markdown_table
from experiments.report.plots import METRIC_TITLES, provenance
from shared.tasks import TASKS
from systems.registry import SYSTEMS

Missing = Mapping[tuple[str, str], str]
"""Why a (system, task) cannot be measured."""

PAPER: Mapping[str, Any] = json.loads(Path(__file__).with_name("paper_table.json").read_text())


def write_report(
    comparison: Comparison, reference: str, missing: Missing, matched: Sequence[Row] = ()
) -> list[Path]:
    """Write the Markdown report and its pictures beside the rows.

    Args:
        comparison: Measured rows, at least one.
        reference: System that all others are compared with.
        missing: Why a (system, task) cannot be measured.
        matched: Rows of what fits into the channel uses of the reference.

    Returns:
        The files.
    """
    rows, path = comparison.rows, comparison.path
    pictures: list[Path] = []
    lines = ["# Systems compared", "", f"{provenance(rows)}."]
    lines += ["", "## Payload of an instance (Table I)", "", *payload_table(rows, reference, missing)]
    for channel in dict.fromkeys(row["channel"] for row in rows):
        drawn = draw_scores(rows, channel, path.with_name(f"{path.stem}-{channel}"))
        pictures += drawn
        lines += ["", f"## Scores over {channel}", "", f"![Score against SNR, {channel}]({drawn[0].name})"]
        for task in dict.fromkeys(row["task"] for row in rows if row["channel"] == channel):
            lines += ["", *score_table(rows, task, channel, missing)]
    lines += ["", f"## {reference} less the others", "", *difference_table(comparison, reference, missing)]
    if matched:
        lines += ["", f"## Within the channel uses of {reference}", ""]
        lines += match_table([row for row in matched if row["reference"] == reference])
    if any(row["snr_db"] == COST_SNR_DB for row in rows):
        drawn = draw_costs(rows, path.with_name(f"{path.stem}-cost"))
        pictures += drawn
        lines += ["", f"## Score against channel uses at {COST_SNR_DB:g} dB", ""]
        lines += [f"![Score against channel uses]({drawn[0].name})"]
    report = path.with_suffix(".md")
    report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [report, *pictures]


def payload_table(rows: Sequence[Row], reference: str, missing: Missing) -> list[str]:
    """Lines of the paper's Table I beside ours: bytes of float32 and what the reference saves."""
    paper, savings = PAPER["payload_kb"], PAPER["saving_percent"]
    heads = "task | system | ours [bytes] | paper [bytes] | saving, ours | saving, paper"
    of_paper_alone = [(name, name) for name in paper if name not in SYSTEMS]
    cells = []
    for task in dict.fromkeys(name for own in paper.values() for name in own):
        payloads = {line_of(row): row["payload_bytes"] for row in rows if row["task"] == task}
        for system, line in [*lines_of(rows), *of_paper_alone]:
            ours = quantity(payloads[line]) if line in payloads else _absent(system, task, missing)
            theirs = f"{1000 * paper[system][task]:.0f}" if system in paper else NOTHING
            saved = NOTHING
            if line in payloads and reference in payloads and line != reference:
                saved = f"{100 * (1 - payloads[reference] / payloads[line]):.1f} %"
            claimed = savings.get(system, {}).get(task) if reference == PAPER["reference"] else None
            of_paper = NOTHING if claimed is None else f"{claimed:.1f} %"
            cells.append((task, line, ours, theirs, saved, of_paper))
    note = f"A saving is what {reference} saves against the system. Paper: {PAPER['source']}."
    return [*markdown_table(heads, cells), "", note]


def score_table(rows: Sequence[Row], task: str, channel: str, missing: Missing) -> list[str]:
    """Lines of a task's scores over a channel: a row a system, a column an SNR, with 95 % intervals."""
    here = [row for row in rows if (row["task"], row["channel"]) == (task, channel)]
    snrs_db = sorted({row["snr_db"] for row in here})
    title = f"**{task}** on {here[0]['dataset']}, {METRIC_TITLES.get(here[0]['metric'], here[0]['metric'])}:"
    cells = []
    for system, line in lines_of(rows):
        own = {row["snr_db"]: row for row in here if line_of(row) == line}
        what = (NOTHING, _absent(system, task, missing))
        if own:
            what = (str(next(iter(own.values()))["num_instances"]), uses_of(own.values()))
        cells.append((line, *what, *(_cell(own[snr]) if snr in own else NOTHING for snr in snrs_db)))
    heads = " | ".join(f"{snr:g} dB" for snr in snrs_db)
    return [title, "", *markdown_table(f"system | n | channel uses | {heads}", cells)]


def difference_table(comparison: Comparison, reference: str, missing: Missing) -> list[str]:
    """Lines of the paired differences: the reference less each other system, averaged over SNRs."""
    cells = []
    for task, channel in dict.fromkeys((row["task"], row["channel"]) for row in comparison.rows):
        for system, line in lines_of(comparison.rows):
            if line != reference:
                found = comparison.difference(reference, line, task, channel)
                told = (_absent(system, task, missing), NOTHING) if found is None else _cells(found)
                cells.append((task, channel, line, *told))
    note = "Same instances and same draws for both; the interval is a bootstrap over instances."
    heads = "task | channel | system | difference, 95 % interval | mean over"
    return [*markdown_table(heads, cells), "", note]


def match_table(matched: Sequence[Row]) -> list[str]:
    """Lines of what fits into the channel uses of the reference: "cannot" where nothing does."""
    heads = "task | channel | SNR | system | allowed channel uses | its channel uses | options | score"
    cells = []
    for row in matched:
        options = "lowest quality"
        if row["options"] is not None:
            options = ", ".join(f"{name}={value}" for name, value in row["options"].items())
        uses = (quantity(row["allowed_channel_uses"]), quantity(row["channel_uses"]))
        score = _cell(row["figure"]) if row["figure"] else "cannot"
        place = (row["task"], row["channel"], f"{row['snr_db']:g} dB", row["system"])
        cells.append((*place, *uses, options, score))
    note = "The highest quality that fits is found on the validation split and scored on the test split."
    return [*markdown_table(heads, cells), "", note]


def readme_table(comparison: Comparison, reference: str, missing: Missing) -> list[str]:
    """Lines of the short table for a README: cost, mean score, and difference of each system and task."""
    places = dict.fromkeys((row["task"], row["channel"]) for row in comparison.rows)
    cells = []
    for task, channel in sorted(places, key=lambda place: list(TASKS).index(place[0])):
        for system, line in lines_of(comparison.rows):
            place = (task, channel, line)
            own = [row for row in comparison.rows if (row["task"], row["channel"], line_of(row)) == place]
            if not own:
                cells.append((*place, _absent(system, task, missing), NOTHING, NOTHING))
                continue
            found = comparison.difference(reference, line, task, channel)
            told = NOTHING if found is None or line == reference else _cells(found)[0]
            cells.append((*place, uses_of(own), f"{sum(row['value'] for row in own) / len(own):.3f}", told))
    heads = f"task | channel | system | channel uses | mean score | {reference} less it, 95 % interval"
    return markdown_table(heads, cells)


def _absent(system: str, task: str, missing: Missing) -> str:
    return missing.get((system, task), "not measured" if system in SYSTEMS else "not built")


def _cell(row: Row) -> str:
    digits = 1 if row["metric"] == "psnr_db" else 3
    return f"{row['value']:.{digits}f} [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"


def _cells(difference: Difference) -> tuple[str, str]:
    own, snrs_db = difference.measured, difference.snrs_db
    interval = f"{own.value:+.3f} [{own.low:+.3f}, {own.high:+.3f}]"
    return interval, f"{len(snrs_db)} SNRs, {snrs_db[0]:g} to {snrs_db[-1]:g} dB"
