"""The part of `semcom compare` that measures systems within the channel uses of the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from channel_service.radio.channels import Channel
from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.link import SemanticLink, weights_of
from experiments.evaluation.matching import match, mean_channel_uses, quality_option, validation_sources
from experiments.evaluation.results import write_json
from shared.errors import InvalidField
from shared.weights import load_joint_manifest

MatchRow = dict[str, Any]
_KEY = ("task", "system", "reference", "channel", "snr_db", "seed", "limit", "fingerprint", "of_reference")


def matches_file(output: Path) -> Path:
    """Where the matched rows of a comparison lie."""
    return output.with_name(f"{output.stem}-matched.json")


def read_matches(path: Path) -> list[MatchRow]:
    """The rows of a file; none where there is no file.

    Raises:
        InvalidField: If the file holds something else.
    """
    if not path.is_file():
        return []
    try:
        return [{**row, **{name: row[name] for name in _KEY}} for row in json.loads(path.read_text())]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidField("output", path.name, "a file of matched rows, or none") from error


def measure_matches(
    path: Path,
    weights: Path,
    pairs: Sequence[tuple[str, str]],
    reference: str,
    links: Sequence[Channel],
    limit: int | None,
) -> None:
    """Find what fits into the reference's channel uses over each channel, measure it, and store a row.

    Rows that are there already, of the same weights, seed and limit, are kept.

    Args:
        path: Of the rows.
        weights: Folder of all weights.
        pairs: Tasks and systems, all of them trained, as the reference is for these tasks.
        reference: System whose mean channel uses are the limit.
        links: Channels.
        limit: Measure so many instances of the test split; None for all.
    """
    rows = {_key_of(row): row for row in read_matches(path)}
    for task, system in pairs:
        if system == reference or quality_option(system, task) is None:
            continue
        sources = validation_sources(task)
        allowed = mean_channel_uses(SemanticLink.load(weights, reference), task, sources, links[0], {})
        link, manifest = SemanticLink.load(weights, system), load_joint_manifest(weights_of(weights, system))
        for channel in links:
            row: MatchRow = {
                **{"task": task, "system": system, "reference": reference, "channel": channel.model},
                **{"snr_db": channel.snr_db, "seed": channel.seed, "limit": limit},
                "fingerprint": manifest.fingerprint,
                "of_reference": load_joint_manifest(weights_of(weights, reference)).fingerprint,
                "allowed_channel_uses": allowed,
            }
            if _key_of(row) in rows:
                continue
            found = match(link, task, sources, channel, allowed)
            row |= {"options": found.options, "channel_uses": found.channel_uses, "figure": None}
            if found.options is not None:
                how: dict[str, Any] = {"limit": limit, "options": found.options}
                figure = evaluate(task, [channel], manifest=manifest, send=link.send, **how)[0].figure
                row |= {"channel_uses": figure.channel_uses, "figure": asdict(figure)}
            rows[_key_of(row)] = row
            write_json(path, list(rows.values()))
        typer.echo(f"{system} on {task}, within {allowed:.4g} channel uses: measured", err=True)


def _key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)
