"""What the measurements are summed up by: statuses, percentiles, the books, slopes, windows, histograms."""

import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from experiments.reliability.books import audit
from experiments.reliability.breakdown import mean_hops, read_histograms
from experiments.reliability.document import write_document
from experiments.reliability.faults import summarise
from experiments.reliability.load import NO_ANSWER, Outcome, count_statuses, latencies_of
from experiments.reliability.soak import Memory, slopes, thinned
from experiments.reliability.throughput import Window, best_threads
from experiments.reliability.verdicts import unexpected


def outcome(number: int, *, status: int = 200, started_s: float = 0.0, duration_s: float = 0.1, **fields):
    given = {"task": "vqa", "system": "mfmsc", "latency_ms": {}} | fields
    return Outcome(
        started_s=started_s,
        duration_s=duration_s,
        status=status,
        instance_id=f"id{number}" if status == 200 else "",
        frame_number=number,
        **given,
    )


def row(number: int, status: str = "OK", instance_id: str | None = None) -> dict:
    return {"instance_id": instance_id or f"id{number}", "frame_number": number, "status": status}


def test_statuses_are_counted_and_percentiles_lie_between_neighbours():
    outcomes = [
        outcome(number, status=status, duration_s=number) for number, status in enumerate((503, 200, 200))
    ]
    assert count_statuses(outcomes) == {"200": 2, "503": 1}
    assert latencies_of(outcomes) == {"p50_ms": 1000, "p99_ms": 1980}
    assert latencies_of([]) == {"p50_ms": 0, "p99_ms": 0}


def test_books_that_agree_are_clean():
    found = audit([outcome(1), outcome(2), outcome(3, status=503)], [row(1), row(2), row(3, "FrameLost")])
    assert (found.num_acknowledged, found.num_missing, found.num_twice, found.examples) == (2, 0, 0, [])


@pytest.mark.parametrize(
    ("rows", "missing", "twice"),
    [
        ([row(1)], 1, 0),
        ([row(1), row(2, "DeadlineExceeded")], 1, 0),
        ([row(1), row(2), row(2, instance_id="other")], 0, 1),
        ([row(1), row(1), row(2)], 1, 1),
    ],
    ids=["lost", "failed", "tried twice", "the same row twice"],
)
def test_books_that_do_not_agree_are_told(rows, missing, twice):
    found = audit([outcome(1), outcome(2)], rows)
    assert (found.num_missing, found.num_twice) == (missing, twice)
    assert found.examples


def test_a_fault_is_summed_up():
    outcomes = [
        outcome(1, started_s=0.0),
        outcome(2, status=503, started_s=1.0),
        outcome(3, status=504, started_s=1.0, duration_s=3.4),
        outcome(4, started_s=4.5, duration_s=0.5),
    ]
    books = audit(outcomes, [row(1), row(4)])
    told = summarise("receiver", "killed", outcomes, began_s=1.0, returned_s=4.0, deadline_s=3.0, books=books)
    assert told.statuses == {"200": 2, "503": 1, "504": 1}
    assert (told.away_s, told.first_answer_s, told.last_failure_s, told.latest_s) == (3.0, 1.0, 0.4, 0.4)
    assert unexpected(vars(told)) == {}


@pytest.mark.parametrize(("service", "found"), [("receiver", {"0": 1}), ("transmitter", {})])
def test_only_the_edge_itself_may_leave_a_client_without_an_answer(service, found):
    outcomes = [outcome(1, status=NO_ANSWER)]
    books = audit(outcomes, [])
    told = summarise(service, "killed", outcomes, began_s=0.0, returned_s=1.0, deadline_s=3.0, books=books)
    assert unexpected(vars(told)) == found
    assert told.first_answer_s is None


@pytest.mark.parametrize(("service", "late_s"), [("receiver", 2.0), ("transmitter", 0.25)])
def test_a_frozen_edge_is_late_for_no_request_that_it_froze(service, late_s):
    outcomes = [outcome(1, started_s=0.5, duration_s=5.0), outcome(2, started_s=5.0, duration_s=3.25)]
    books = audit(outcomes, [row(1), row(2)])
    told = summarise(service, "paused", outcomes, began_s=1.0, returned_s=4.0, deadline_s=3.0, books=books)
    assert told.latest_s == late_s


def test_an_error_of_the_service_is_never_expected():
    outcomes = [outcome(1, status=500)]
    books = audit(outcomes, [])
    told = summarise("transmitter", "killed", outcomes, 0.0, 1.0, 3.0, books)
    assert unexpected(vars(told)) == {"500": 1}


def test_slopes_leave_out_the_beginning_and_what_is_given_back():
    """Memory jumps in the first quarter, then grows by 2 MiB for every 1,000 requests, with peaks."""
    memories = [Memory(0, {"receiver": 0.0, "transmitter": 9.0})]
    memories += [
        Memory(count, {"receiver": 500 + 2 * count / 1000, "transmitter": 9.0})
        for count in range(1000, 4001, 500)
    ]
    memories += [Memory(count + 1, {"receiver": 900.0, "transmitter": 40.0}) for count in (1000, 3000, 3500)]
    memories.sort(key=lambda memory: memory.num_answered)
    line = {"mib_per_1000": 2, "standard_error": 0, "start_mib": 502, "end_mib": 508}
    flat = {"mib_per_1000": 0, "standard_error": 0, "start_mib": 9, "end_mib": 9}
    assert slopes(memories) == {"receiver": line, "transmitter": flat}
    assert slopes(memories[:1]) == {}


def test_a_leak_is_seen_through_peaks():
    rng = np.random.default_rng(0)
    counts = range(0, 20_000, 50)
    peaks = 300 * rng.integers(0, 2, len(counts))
    memories = [Memory(n, {"a": 1500 + 3 * n / 1000 + peak}) for n, peak in zip(counts, peaks, strict=True)]
    assert slopes(memories)["a"]["mib_per_1000"] == pytest.approx(3, abs=0.2)


def test_thinning_keeps_the_last():
    memories = [Memory(number, {}) for number in range(1001)]
    kept = thinned(memories, 100)
    assert len(kept) <= 101
    assert (kept[0].num_answered, kept[-1].num_answered) == (0, 1000)


def test_a_window_opens_when_every_client_has_had_an_answer():
    window = Window(num_clients=2, length_s=10.0)
    window.add(outcome(1, started_s=100.0))
    assert window.opened_s is None
    window.add(outcome(2, started_s=100.0, duration_s=1.0))
    assert window.opened_s == 101.0
    for number in range(3, 8):
        window.add(outcome(number, started_s=101.0, duration_s=number - 2.0))
    window.add(outcome(9, started_s=111.0, duration_s=1.0))
    assert len(window.within()) == 5
    assert window.rate() == pytest.approx(5 / 5.0)


def test_a_window_is_no_shorter_than_the_first_round():
    window = Window(num_clients=1, length_s=1.0)
    window.add(outcome(1, started_s=100.0, duration_s=6.0))
    window.add(outcome(2, started_s=106.0, duration_s=5.0))
    assert window.rate() == pytest.approx(1 / 5.0)


def test_a_window_ends_where_no_client_is_ever_answered():
    window = Window(num_clients=2, length_s=0.0)
    assert list(islice(window.jobs([object()]), 3)) == []
    assert window.rate() == 0.0


def test_the_best_threads_are_those_of_large_batches():
    rows = [
        {"task": "vqa", "batch": 1, "threads": 1, "instances_per_s": 90.0},
        {"task": "vqa", "batch": 32, "threads": 1, "instances_per_s": 10.0},
        {"task": "vqa", "batch": 1, "threads": 2, "instances_per_s": 1.0},
        {"task": "vqa", "batch": 32, "threads": 2, "instances_per_s": 20.0},
    ]
    assert best_threads(rows) == 2


def test_the_client_waits_for_the_hops_and_for_http():
    hops = {"encode": 30.0, "total": 80.0}
    told = mean_hops([outcome(1, latency_ms=hops), outcome(2, status=503)])
    assert told == pytest.approx({**hops, "http": 20.0, "client": 100.0})
    assert mean_hops([outcome(2, status=503)]) == {}


def test_histograms_are_read_by_service_name_and_labels():
    page = """# HELP wait_seconds Of a queue.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="+Inf",queue="encode"} 4.0
wait_seconds_count{queue="encode"} 4.0
wait_seconds_sum{queue="encode"} 2.0
# HELP frames_total Frames.
# TYPE frames_total counter
frames_total 5.0
"""
    assert read_histograms("receiver", page) == {("receiver", "wait_seconds", "encode"): (2.0, 4.0)}


def test_the_document_is_that_of_the_stored_figures(tmp_path):
    root = Path(__file__).parents[4]
    (tmp_path / "results").mkdir()
    stored = shutil.copy(root / "results" / "reliability.json", tmp_path / "results")
    written, *pictures = write_document(Path(stored), tmp_path / "docs" / "reliability.md")
    assert written.read_text() == (root / "docs" / "reliability.md").read_text()
    assert [path.name for path in pictures] == ["reliability-throughput.png", "reliability-soak.png"]
