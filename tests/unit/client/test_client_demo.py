import json

import pytest
from PIL import Image

from client.demo import SAMPLES, is_correct, load_samples, write_instances
from shared.tasks import TASKS


def test_every_sample_gives_its_task_what_it_takes():
    samples = load_samples()
    names = [sample.name for sample in samples]
    assert len(set(names)) == len(names)
    for sample in samples:
        given = {*sample.files, *(["text"] if sample.text else [])}
        assert given == set(TASKS[sample.task].modalities), sample.name
        assert sample.truth


def test_trained_tasks_have_several_samples():
    tasks = [sample.task for sample in load_samples()]
    for task in ("sentiment", "image_classification", "vqa"):
        assert tasks.count(task) >= 4


def test_pictures_open_at_their_models_size():
    sizes = {"image_classification": (32, 32), "vqa": (64, 64)}
    for sample in load_samples():
        for path in sample.files.values():
            with Image.open(path) as picture:
                assert (picture.size, picture.mode) == (sizes[sample.task], "RGB")
            assert path.is_relative_to(SAMPLES.parent)


@pytest.mark.parametrize(
    ("answer", "truth", "correct"),
    [
        ({"label": "yes"}, "yes", True),
        ({"label": "yes"}, "no", False),
        ({"labels": ["War", "Drama"]}, "Drama, War", True),
        ({"text": "one two"}, "one too", False),
        ({"image_png_base64": ""}, "x", None),
        ({"label": "yes"}, None, None),
    ],
)
def test_correct(answer, truth, correct):
    assert is_correct(answer, truth) is correct


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
