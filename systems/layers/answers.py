"""From the scores of a learned receiver to an answer, by the task's kind of answer.

Shapes: L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from shared.answers import (
    AnswerKind,
    ImageAnswer,
    LabelAnswer,
    LabelsAnswer,
    TaskAnswer,
    TextAnswer,
    TranscriptAnswer,
)
from shared.tasks import get_task
from systems.layers.patches import patches_to_picture
from systems.layers.text import Vocabulary
from systems.layers.transcripts import TranscriptReader

_THRESHOLD = 0.5
# Of a tenth of a second, which is the shortest recording and what is sent for silence: no word is so short.
_MAX_WORDLESS_STEPS = 4
_Read = Callable[[Tensor], TaskAnswer]


class AnswerReader:
    """Reads the scores of one instance.

    Args:
        tasks: Names of the tasks that are answered.
        labels: Labels of each labelling task, in the order of the scores.
        words: For each task that answers with a transcript, the words it knows; one without spells.
        vocabulary: Word pieces of reconstructed text; None where no task takes text.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        labels: Mapping[str, tuple[str, ...]],
        words: Mapping[str, tuple[str, ...]],
        vocabulary: Vocabulary | None,
    ) -> None:
        makers: Mapping[AnswerKind, Callable[[str], _Read]] = {
            LabelAnswer: lambda task: _label_reader(labels.get(task, ())),
            LabelsAnswer: lambda task: _labels_reader(labels.get(task, ())),
            TextAnswer: lambda task: _text_reader(vocabulary),
            TranscriptAnswer: lambda task: _transcript_reader(words.get(task, ())),
            ImageAnswer: lambda task: _read_image,
        }
        self._readers = {task: makers[get_task(task).answer](task) for task in tasks}

    def read(self, task: str, scores: Tensor) -> TaskAnswer:
        """The answer of one instance.

        Args:
            task: Name of the task.
            scores: float; [num_labels] for labels, [L, outputs] for all others.
        """
        return self._readers[task](scores)


def _label_reader(labels: Sequence[str]) -> _Read:
    def read(scores: Tensor) -> TaskAnswer:
        ranked = _ranked(labels, scores.softmax(-1))
        return TaskAnswer(labels=(ranked[0][0],), scores=ranked)

    return read


def _labels_reader(labels: Sequence[str]) -> _Read:
    def read(scores: Tensor) -> TaskAnswer:
        ranked = _ranked(labels, scores.sigmoid())
        return TaskAnswer(labels=tuple(label for label, p in ranked if p > _THRESHOLD), scores=ranked)

    return read


def _ranked(labels: Sequence[str], probabilities: Tensor) -> tuple[tuple[str, float], ...]:
    pairs = zip(labels, probabilities.tolist(), strict=True)
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _text_reader(vocabulary: Vocabulary | None) -> _Read:
    def read(scores: Tensor) -> TaskAnswer:
        if vocabulary is None:
            raise ValueError("these weights have no vocabulary")
        return TaskAnswer(text=vocabulary.decode(scores.argmax(-1).tolist()))

    return read


def _transcript_reader(words: Sequence[str]) -> _Read:
    transcripts = TranscriptReader(words)

    def read(scores: Tensor) -> TaskAnswer:
        return TaskAnswer(text="" if len(scores) <= _MAX_WORDLESS_STEPS else transcripts.read(scores))

    return read


def _read_image(scores: Tensor) -> TaskAnswer:
    picture = patches_to_picture(scores).clamp(0, 1)
    return TaskAnswer(image=picture.mul(255).round().byte().numpy())
