"""A long run of mixed tasks and systems: failures, memory of each process over time, latency over time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from scipy import stats

from bench.load import Goal, audit, count_statuses, percentiles_ms, requests_of, running_load
from semcom.stack import Stack

_NUM_CLIENTS = 16
_FLAT_MIB = 1.0
"""Growth of a process for every 1,000 requests that still counts as none [MiB]."""
# Caches fill and threads start in the beginning; the slope is that of what follows.
_WARM_SHARE = 0.25
_NUM_PARTS = 20


def measure_long_run(duration_s: float, weights: Path) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        duration_s: How long [s].
        weights: Folder with a folder of weights a system.
    """
    with Stack.start(weights=weights, free_ports=True) as stack, stack.client() as client:
        pairs = [(system["name"], task) for system in client.systems() for task in system["tasks"]]
        requests = [request for pair in pairs for request in requests_of(*pair)]
        samples = []
        with running_load(stack.base_url, requests, _NUM_CLIENTS, window_s=duration_s) as load:
            while load.is_running():
                samples.append({"at_s": time.time(), **memory_mib(stack)})
                time.sleep(1.0)
        figures = summarise(load.outcomes, pd.DataFrame(samples))
        stored = audit(load.outcomes, client)
    figures = {"num_clients": _NUM_CLIENTS, **figures, "stored": stored}
    return {**figures, "goals": list(_judge(figures))}


def memory_mib(stack: Stack) -> dict[str, float]:
    """Resident memory of each service [MiB]."""
    pids = {service.name: service.process.pid for service in stack.services}
    return {name: psutil.Process(pid).memory_info().rss / 2**20 for name, pid in pids.items()}


def summarise(outcomes: pd.DataFrame, memory: pd.DataFrame) -> dict[str, Any]:
    """Figures of a run.

    Args:
        outcomes: Of all requests.
        memory: With at_s on the outcomes' clock [s], and a column a process [MiB].
    """
    ended_s = (outcomes.started_s + outcomes.duration_s).sort_values()
    memory = memory.assign(num_answered=np.searchsorted(ended_s, memory.at_s)).drop(columns="at_s")
    parts = np.arange(len(outcomes)) * _NUM_PARTS // len(outcomes)
    latency = [percentiles_ms(part) for _, part in outcomes.duration_s[ended_s.index].groupby(parts)]
    ends = [int(end) for end in np.searchsorted(parts, np.unique(parts), side="right")]
    return {
        "num_requests": len(outcomes),
        "elapsed_s": round(ended_s.iloc[-1] - outcomes.started_s.min(), 1),
        "statuses": count_statuses(outcomes),
        **percentiles_ms(outcomes.duration_s),
        "pairs": [
            {
                "pair": name,
                "num_requests": len(own),
                "num_failed": int((own.status != 200).sum()),
                **percentiles_ms(own.duration_s),
            }
            for name, own in outcomes.groupby("name")
        ],
        "slopes": slopes(memory),
        "memory": memory.iloc[:: -(-len(memory) // 400)].round(1).to_dict("records"),
        "latency": [{"num_answered": end, **row} for end, row in zip(ends, latency, strict=True)],
    }


def slopes(memory: pd.DataFrame) -> dict[str, dict[str, float]]:
    """How the memory that each process keeps grows with the requests answered, after their first quarter.

    While a long recording is decoded a process holds hundreds of MiB more, and gives them back. What it keeps
    is the least that it held in a part of the run; a leak raises that from part to part.

    Args:
        memory: Column num_answered, and a column a process [MiB].

    Returns:
        By process: mib_per_1000 and its standard error, and the memory kept at the start of the fit and at
        the end [MiB]. Empty where there are too few parts for a line.
    """
    total = memory.num_answered.max()
    warm = memory[memory.num_answered >= _WARM_SHARE * total].set_index("num_answered")
    parts = warm.groupby(np.minimum(_NUM_PARTS * warm.index // max(1, total), _NUM_PARTS - 1))
    if parts.ngroups < 2:
        return {}
    result = {}
    for name in warm.columns:
        kept = warm.loc[:, name].loc[parts[name].idxmin()].groupby(level=0).min()
        line = stats.linregress(kept.index / 1000, kept)
        result[name] = {
            "mib_per_1000": round(float(line.slope), 3),
            # SciPy has no error for a memory that stays the same.
            "standard_error": round(float(np.nan_to_num(line.stderr)), 3),
            "start_mib": round(float(kept.iloc[0]), 1),
            "end_mib": round(float(kept.iloc[-1]), 1),
        }
    return result


def _judge(figures: dict[str, Any]) -> Iterator[Goal]:
    """Failures, stored instances and memory."""
    total, stored, lines = figures["num_requests"], figures["stored"], figures["slopes"]
    num_failed = total - figures["statuses"].get("200", 0)
    yield ("no failures", f"{num_failed} of {total}", num_failed == 0)
    yield (
        "every acknowledged instance is in the report store exactly once",
        f"{stored['num_missing']} missing, {stored['num_twice']} twice of {stored['num_acknowledged']}",
        not stored["num_missing"] and not stored["num_twice"],
    )
    growths = [
        f"{name} {own['mib_per_1000']:+.2f} ± {own['standard_error']:.2f}" for name, own in lines.items()
    ]
    yield (
        f"memory grows by at most {_FLAT_MIB:g} MiB for 1,000 requests",
        "; ".join(growths) or "too few requests",
        bool(lines) and all(own["mib_per_1000"] <= _FLAT_MIB for own in lines.values()),
    )
