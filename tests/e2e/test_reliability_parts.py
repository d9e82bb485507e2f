"""Each part of the soak over real processes with tiny weights, in seconds; its figures make the document."""

import pytest

pytest.importorskip("litserve", reason="the extra dev is not installed")
pytest.importorskip("schemathesis", reason="the extra dev is not installed")

from experiments.reliability.document import write_document
from experiments.reliability.faults import FaultScale, measure_faults
from experiments.reliability.hostile import measure_hostile
from experiments.reliability.processes import provenance
from experiments.reliability.soak import measure_soak
from experiments.reliability.stored import read_parts, store_part
from experiments.reliability.throughput import GOALS, Scale, measure_throughput


def ignore(message: str) -> None:
    """Progress of which nobody is told."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reliability")


def store(folder, name, figures):
    store_part(folder / "figures.json", name, provenance(is_long=False), figures)


def test_throughput_is_measured_beside_one_process_and_litserve(tiny_weights, folder):
    scale = Scale(window_s=0.3, clients=(1, 4), rival_clients=(1,), in_process_s=0.1)
    figures = measure_throughput(scale, tiny_weights, ignore)
    assert len(figures["services"]) == 2 * len(GOALS)
    assert len(figures["litserve"]) == len(GOALS)
    for cell in figures["services"] + figures["litserve"]:
        assert set(cell["statuses"]) == {"200"}
        assert cell["num_requests"] > 0
    for row in figures["breakdown"]:
        assert row["hops_ms"]["client"] >= row["hops_ms"]["total"] > 0
        assert any("receiver" in one["service"] for one in row["histograms"])
    store(folder, "throughput", figures)


def test_a_receiver_that_is_killed_comes_back_and_the_books_are_right(tiny_weights, folder):
    scale = FaultScale(before_s=0.5, pause_s=0.5, after_s=2.0, deadline_s=5.0)
    only = {"services": ("receiver",), "faults": ("killed",)}
    figures = measure_faults(scale, tiny_weights, ignore, **only)
    (row,) = figures["rows"]
    assert row["books"]["num_acknowledged"] > 0
    assert (row["books"]["num_missing"], row["books"]["num_twice"]) == (0, 0)
    assert row["statuses"]["503"] > 0, "nobody noticed that the receiver was gone"
    assert row["first_answer_s"] is not None
    store(folder, "faults", figures)


def test_a_run_of_all_tasks_fails_nowhere(tiny_weights, folder):
    figures = measure_soak(24, tiny_weights, ignore, sample_every_s=0.05)
    assert figures["statuses"] == {"200": 24}
    assert (figures["books"]["num_acknowledged"], figures["books"]["num_missing"]) == (24, 0)
    assert all(memory["mib"]["receiver"] > 1 for memory in figures["memory"])
    store(folder, "soak", figures)


def test_hostile_inputs_find_nothing(tiny_weights, folder):
    figures = measure_hostile(100, tiny_weights, folder / "findings", ignore)
    assert figures["num_inputs"] >= 100
    assert [finding for attack in figures["attacks"] for finding in attack["findings"]] == []
    store(folder, "hostile", figures)


def test_the_document_holds_what_was_stored(folder):
    parts = read_parts(folder / "figures.json")
    if not parts:
        pytest.skip("no part was measured in this run")
    written = write_document(folder / "figures.json", folder / "docs" / "reliability.md")
    text = written[0].read_text()
    assert text.count("Not measured yet.") == 4 - len(parts)
    assert "goals are met" in text
    assert all(path.stat().st_size > 0 for path in written)
