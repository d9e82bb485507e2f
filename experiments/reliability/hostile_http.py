"""Hostile requests to the HTTP edges: those that the schema leads to, and media with spoiled bytes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from experiments.reliability.attacks import Attack
from experiments.reliability.hostile_grpc import OWN_LINK
from experiments.reliability.load import NO_ANSWER, Job, Outcome, open_load, run_load
from experiments.reliability.mutations import mutate_bytes
from experiments.reliability.prepared import prepare_fields
from semcom.demo import Sample, load_samples
from systems.registry import DEFAULT_SYSTEM

_BAD = frozenset({"500", str(NO_ANSWER)})
_PATIENCE_S = 30.0
# Every path but the endless stream of frames.
_ENDLESS = "/frames$"
_NUM_CLIENTS = 4
_SEED = 2
_MAX_TURNS = 50


def attack_schema(base_url: str, name: str, num_inputs: int, folder: Path) -> Attack:
    """Requests drawn from a service's OpenAPI, and requests that break it, half of each.

    Args:
        base_url: Of the service.
        name: Of the service.
        num_inputs: Requests to send.
        folder: Where findings are kept.
    """
    # A recording's lines of JSON; one object is one line of them.
    schemathesis.serializer.alias("application/jsonl", "application/json")
    attack = Attack(f"schema of the {name}", _BAD, folder)
    schema = schemathesis.openapi.from_url(f"{base_url}/openapi.json").exclude(path_regex=_ENDLESS)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    num_each = max(1, num_inputs // (2 * len(operations)))
    kinds = [
        (operation.as_strategy(generation_mode=mode), number)
        for operation in operations
        for number, mode in enumerate((GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    ]
    # An operation without parameters has one case only: the others have further turns.
    for turn in range(_MAX_TURNS):
        for strategy, number in kinds:
            if attack.statuses.total() < num_inputs:
                _send_cases(attack, strategy, num_each, seed=2 * turn + number)
    return attack


def _send_cases(attack: Attack, strategy: Any, num_cases: int, seed: int) -> None:
    """Send what a strategy of schemathesis draws; an operation that nothing can break has no such cases."""
    session = requests.Session()
    session.trust_env = False

    @seeded(seed)
    @settings(
        max_examples=num_cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def send(case: schemathesis.Case[Any]) -> None:
        # Links of one's own may get any delay and loss; the default link carries all other inputs.
        if case.path_parameters and "name" in case.path_parameters:
            case.path_parameters["name"] = OWN_LINK
        started = time.monotonic()
        try:
            status = str(case.call(session=session, timeout=_PATIENCE_S).status_code)
        except requests.RequestException:
            status = str(NO_ANSWER)
        attack.note(status, time.monotonic() - started, case.as_curl_command())

    with session, contextlib.suppress(Unsatisfiable):
        send()


def attack_media(base_url: str, num_inputs: int, folder: Path) -> Attack:
    """Samples of every task whose bytes were spoiled.

    Args:
        base_url: Of the transmitter.
        num_inputs: Requests to send.
        folder: Where findings are kept.
    """
    attack = Attack("spoiled media", _BAD, folder)
    asyncio.run(_send_media(attack, base_url, num_inputs))
    return attack


async def _send_media(attack: Attack, base_url: str, num_inputs: int) -> None:
    spoiled: dict[int | None, tuple[str, bytes]] = {}

    def jobs() -> Iterator[Job]:
        rng = random.Random(_SEED)
        samples = load_samples()
        for number in range(num_inputs):
            sample = rng.choice(samples)
            what, fields, content = _spoil(sample, rng)
            spoiled[number] = what, content
            yield Job(prepare_fields(sample.task, DEFAULT_SYSTEM, fields), frame_number=number)

    def note(outcome: Outcome) -> None:
        what, content = spoiled.pop(outcome.frame_number)
        attack.note(str(outcome.status), outcome.duration_s, what, content)

    async with open_load(base_url, _NUM_CLIENTS, _PATIENCE_S) as client:
        await run_load(client, jobs(), _NUM_CLIENTS, note)


def _spoil(sample: Sample, rng: random.Random) -> tuple[str, dict[str, tuple[str | None, bytes]], bytes]:
    """One modality of a sample, spoiled: in words, all fields, and the spoiled bytes."""
    fields: dict[str, tuple[str | None, bytes]] = {
        modality: (path.name, path.read_bytes()) for modality, path in sample.files.items()
    }
    if sample.text is not None:
        # With a name, so that the bytes travel as they are even where the task takes a text alone.
        fields["text"] = ("text", sample.text.encode())
    modality = rng.choice(list(fields))
    name, data = fields[modality]
    kind, content = mutate_bytes(data, rng)
    fields[modality] = name, content
    return f"{sample.name}: {modality}, {kind}", fields, content
