"""From the scores of a learned receiver to an answer, by the task's kind of answer.

Shapes: L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from shared.tasks import AnswerKind, get_task
from systems.base import TaskAnswer
from systems.layers.patches import patches_to_picture
from systems.layers.text import Vocabulary
from systems.layers.transcripts import TranscriptReader

_THRESHOLD = 0.5
# Of a tenth of a second, which is the shortest recording and what is sent for silence: no word is so short.
_MAX_WORDLESS_STEPS = 4


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
        self._labels, self._vocabulary = labels, vocabulary
        self._transcripts = {
            task: TranscriptReader(words.get(task, ()))
            for task in tasks
            if get_task(task).answer == "transcript"
        }
        self._readers: Mapping[AnswerKind, Callable[[str, Tensor], TaskAnswer]] = {
            "label": self._read_label,
            "labels": self._read_labels,
            "text": self._read_text,
            "transcript": self._read_transcript,
            "image": self._read_image,
        }

    def read(self, task: str, scores: Tensor) -> TaskAnswer:
        """The answer of one instance.

        Args:
            task: Name of the task.
            scores: float; [num_labels] for labels, [L, outputs] for all others.
        """
        return self._readers[get_task(task).answer](task, scores)

    def _read_label(self, task: str, scores: Tensor) -> TaskAnswer:
        ranked = self._ranked(task, scores.softmax(-1))
        return TaskAnswer(labels=(ranked[0][0],), scores=ranked)

    def _read_labels(self, task: str, scores: Tensor) -> TaskAnswer:
        ranked = self._ranked(task, scores.sigmoid())
        return TaskAnswer(labels=tuple(label for label, p in ranked if p > _THRESHOLD), scores=ranked)

    def _ranked(self, task: str, probabilities: Tensor) -> tuple[tuple[str, float], ...]:
        pairs = zip(self._labels[task], probabilities.tolist(), strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))

    def _read_text(self, task: str, scores: Tensor) -> TaskAnswer:
        if self._vocabulary is None:
            raise ValueError("these weights have no vocabulary")
        return TaskAnswer(text=self._vocabulary.decode(scores.argmax(-1).tolist()))

    def _read_transcript(self, task: str, scores: Tensor) -> TaskAnswer:
        if len(scores) <= _MAX_WORDLESS_STEPS:
            return TaskAnswer(text="")
        return TaskAnswer(text=self._transcripts[task].read(scores))

    def _read_image(self, task: str, scores: Tensor) -> TaskAnswer:
        picture = patches_to_picture(scores).clamp(0, 1)
        return TaskAnswer(image=picture.mul(255).round().byte().numpy())
