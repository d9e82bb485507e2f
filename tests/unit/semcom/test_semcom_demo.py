import json

import pytest
from rich.console import Console

from semcom.demo import answer_tables, load_samples, write_instances
from shared.tasks import TASKS


def test_every_sample_gives_its_task_what_it_takes():
    samples = load_samples()
    names = [sample.name for sample in samples]
    assert len(set(names)) == len(names)
    for sample in samples:
        given = {*sample.files, *(["text"] if sample.text else [])}
        assert given == set(TASKS[sample.task].modalities), sample.name
        assert (sample.truth is None) == (TASKS[sample.task].answer.kind == "image"), sample.name


def test_every_task_has_several_samples():
    tasks = [sample.task for sample in load_samples()]
    assert {task: tasks.count(task) >= 3 for task in TASKS} == dict.fromkeys(TASKS, True)


def test_instances_are_written_as_array_or_lines(tmp_path, capsys):
    instances = [{"task": "vqa"}, {"task": "sentiment"}]
    array, lines = tmp_path / "demo.json", tmp_path / "demo.jsonl"
    write_instances(instances, str(array))
    write_instances(instances, str(lines))
    write_instances(instances, "-")
    write_instances(instances, None)
    assert json.loads(array.read_text()) == instances
    assert [json.loads(line) for line in lines.read_text().splitlines()] == instances
    assert capsys.readouterr().out == lines.read_text()


@pytest.mark.parametrize("width", [80, 120])
def test_what_was_sent_stays_readable_beside_long_answers(width):
    samples = [sample for sample in load_samples() if sample.task in ("sentiment", "text_reconstruction")]
    instances = [
        {
            "sample": sample.name,
            "task": "text_reconstruction",
            "channel": "awgn",
            "requested_snr_db": snr_db,
            "answer": {"text": "a long sentence that came back in other words"},
            "scores": {"bleu": 0.25},
            "correct": False,
        }
        for sample in samples
        for snr_db in (0, 6, 12)
    ]
    console = Console(width=width)
    with console.capture() as shown:
        for table in answer_tables("awgn", samples, (0, 6, 12), instances):
            console.print(table)
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= width
    for sample in samples:
        assert sample.task + " over awgn" in shown.get()
        for word in (sample.shown.split()[0], sample.truth.split()[0]):
            assert any(word in line for line in lines), word
    assert shown.get().count("0.25)") == 3 * len(samples)
    assert "0 of 4" in shown.get()
