"""What is measured of each kind of answer: which metrics, of which reading of the answers and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.data.base import Examples, multi_hot
from experiments.evaluation.metrics import METRICS, Measured
from shared.answers import AnswerKind, ImageAnswer, LabelAnswer, LabelsAnswer, TextAnswer, TranscriptAnswer
from shared.tasks import get_task
from systems.base import TaskAnswer
from systems.layers.preprocessing import resize


@dataclass(frozen=True)
class Measure:
    """One figure of a task.

    Attributes:
        name: As results state it.
        metric: Its row in METRICS.
        predicted: Reads an answer as the metric takes it.
        true: Reads the truth of an instance, by its index.
        applies: To a split; a set with ten people's answers to a question is scored by all ten.
    """

    name: str
    metric: str
    predicted: Callable[[Examples, TaskAnswer], Any]
    true: Callable[[Examples, int], Any]
    applies: Callable[[Examples], bool] = lambda _: True

    def __call__(
        self, examples: Examples, indices: Sequence[int], realisations: Sequence[Sequence[TaskAnswer]]
    ) -> Measured:
        """Measure the answers to the instances of these indices, in each realisation of the channel."""
        predictions = [[self.predicted(examples, answer) for answer in answers] for answers in realisations]
        return METRICS[self.metric].measure(predictions, [self.true(examples, index) for index in indices])


def measures_of(examples: Examples) -> Sequence[Measure]:
    """The measures of a split; the first is the paper's."""
    measures = _MEASURES[get_task(examples.task).answer]
    return [measure for measure in measures if measure.applies(examples)]


def _true_label(examples: Examples, index: int) -> str:
    return str(examples.labels[examples.targets[index]])


def _scored(examples: Examples) -> tuple[str, ...]:
    return examples.scored_labels or examples.labels


def _labels(name: str, metric: str, choose: Callable[[Examples], tuple[str, ...]]) -> Measure:
    """A measure of several labels, of which only the chosen ones count."""

    def true(examples: Examples, index: int) -> Any:
        return multi_hot([np.array(examples.labels)[examples.targets[index] > 0]], choose(examples))[0]

    return Measure(name, metric, lambda e, answer: multi_hot([answer.labels], choose(e))[0], true)


def _source_picture(examples: Examples, index: int) -> NDArray[np.uint8]:
    return resize(examples.sources([index])[0]["image"], get_task(examples.task).image_size)


def _bleu(name: str) -> Measure:
    return Measure(name, name, _read_text, lambda e, index: str(e.sources([index])[0]["text"]))


def _read_label(_: Examples, answer: TaskAnswer) -> str:
    return answer.labels[0]


def _read_text(_: Examples, answer: TaskAnswer) -> str:
    return answer.text or ""


_MEASURES: Mapping[AnswerKind, Sequence[Measure]] = {
    LabelAnswer: (
        Measure("accuracy", "accuracy", _read_label, _true_label, lambda e: not e.human_answers),
        Measure(
            "vqa_accuracy",
            "vqa_accuracy",
            _read_label,
            lambda e, i: e.human_answers[i],
            lambda e: bool(e.human_answers),
        ),
    ),
    LabelsAnswer: (
        _labels("micro_f1", "micro_f1", _scored),
        _labels("macro_f1", "macro_f1", _scored),
        _labels("micro_f1_all", "micro_f1", lambda examples: examples.labels),
        _labels("macro_f1_all", "macro_f1", lambda examples: examples.labels),
    ),
    TextAnswer: (_bleu("bleu_4"), _bleu("bleu_1")),
    TranscriptAnswer: (
        Measure("word_accuracy", "word_accuracy", _read_text, lambda e, index: str(e.targets[index])),
    ),
    ImageAnswer: (Measure("psnr_db", "psnr_db", lambda _, answer: answer.image, _source_picture),),
}
