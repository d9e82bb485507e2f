"""Every kind of answer is read from the receiver's message and from JSON, scored, and guessed by chance."""

import dataclasses
import io
import math

import numpy as np
import pytest
from PIL import Image

from protos.semcom.v1 import receiver_pb2
from shared.answers import ImageAnswer, LabelAnswer, LabelsAnswer, TextAnswer, TranscriptAnswer
from shared.tasks import TASKS
from systems.layers.preprocessing import resize

PICTURE = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
SCORES = (("yes", 0.75), ("no", 0.25))
KINDS = list(dict.fromkeys(task.answer for task in TASKS.values()))


def png_of(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def message(**fields):
    scores = [
        receiver_pb2.LabelScore(label=label, probability=p) for label, p in (("yes", 0.75), ("no", 0.25))
    ]
    return receiver_pb2.Answer(scores=scores, **fields)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_what_was_received_comes_back_from_json(kind):
    body = kind.of(message(labels=["yes"], text="a film", image_png=png_of(PICTURE)))
    answer = kind(**dataclasses.asdict(body)).to_task_answer()
    if kind in (LabelAnswer, LabelsAnswer):
        assert (answer.labels, answer.scores) == (("yes",), SCORES)
    elif kind is ImageAnswer:
        np.testing.assert_array_equal(answer.image, PICTURE)
    else:
        assert answer.text == "a film"


@pytest.mark.parametrize(
    ("answer", "truth", "is_right"),
    [
        (LabelAnswer("yes", {}), "yes", True),
        (LabelAnswer("yes", {}), "no", False),
        (LabelsAnswer(["War", "Drama"], {}), "Drama, War", None),
        (TextAnswer("one two"), "one too", False),
        (TranscriptAnswer("one two"), "one two", True),
        (ImageAnswer(""), "x", None),
    ],
)
def test_an_answer_is_right_or_may_be_so_in_part(answer, truth, is_right):
    assert answer.is_right(truth) is is_right


@pytest.mark.parametrize(
    ("labels", "f1"),
    [(["War", "Drama"], 1.0), (["Drama"], 2 / 3), (["Drama", "Crime", "Horror"], 0.4), (["Crime"], 0)],
)
def test_several_labels_are_scored_by_f1(labels, f1):
    assert LabelsAnswer(labels, {}).truth_scores("Drama, War") == {"f1": pytest.approx(f1)}


def test_an_image_is_scored_at_the_models_resolution():
    source = np.full((64, 48, 3), 90, np.uint8)
    answer = ImageAnswer.of(message(image_png=png_of(np.full((32, 32, 3), 80, np.uint8))))
    assert answer.source_scores(source, resize) == {"psnr_db": pytest.approx(20 * math.log10(255 / 10))}


def test_text_is_scored_and_what_was_recognised_is_not():
    assert TextAnswer("fine film").source_scores("Fine film", resize) == {"bleu": pytest.approx(1.0)}
    for answer in (TranscriptAnswer("fine film"), LabelAnswer("fine", {})):
        assert not answer.is_reconstruction
        assert answer.source_scores("Fine film", resize) == {}


def test_chance_draws_a_label_by_the_seed_and_knows_nothing_else():
    drawn = [LabelAnswer.chance(("a", "b", "c"), (0, 0), seed) for seed in range(6)]
    assert [answer.labels for answer in drawn] == 2 * [("a",), ("b",), ("c",)]
    assert drawn[1].scores == (("b", 1 / 3), ("c", 1 / 3), ("a", 1 / 3))
    assert LabelsAnswer.chance(("a", "b"), (0, 0), 1).labels == ()
    assert TranscriptAnswer.chance((), (0, 0), 1).text == ""
    np.testing.assert_array_equal(ImageAnswer.chance((), (4, 8), 1).image, np.full((4, 8, 3), 128, np.uint8))
