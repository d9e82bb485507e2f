"""The kinds of answer, a class each: what one costs, and how it is read, written, scored and shown.

A row of `shared.tasks` names the class. An instance is one answer as REST states it: its fields and their
descriptions are those of the JSON, and of OpenAPI. Heads, objectives and measures have a table each, whose
keys are these classes.
"""

from __future__ import annotations

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from annotated_types import Interval

from shared.typography import shorten

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from protos.semcom.v1 import receiver_pb2

    Picture = NDArray[np.uint8]
    Resize = Callable[[Picture, tuple[int, int]], Picture]

Probability = Annotated[float, Interval(ge=0, le=1)]

_GREY = 128
_UNKNOWN = 0.5  # probability of each of several labels where nothing is known; none is above one half


@dataclass(frozen=True)
class TaskAnswer:
    """What a system makes of one instance; the fields of the task's kind of answer are set.

    Attributes:
        labels: Classification: the label; multi-label: every label above one half.
        scores: Every class and its probability, most probable first.
        text: Reconstructed or recognised text.
        image: Reconstructed picture, uint8 [height, width, 3].
        outage: True where something of the source did not come across, and the answer does without it.
        blocks_in_error: Blocks of the channel code whose CRC is wrong.
    """

    labels: tuple[str, ...] = ()
    scores: tuple[tuple[str, float], ...] = ()
    text: str | None = None
    image: Picture | None = None
    outage: bool = False
    blocks_in_error: int = 0


class AnswerBody(ABC):
    """One answer as REST states it, and what holds for every answer of its kind.

    Attributes:
        kind: Name of the kind in the REST API.
        metric: The paper's metric of tasks that are answered so.
        sends_sequence: True if every token of the input is sent; else one averaged vector.
        is_reconstruction: True if the answer is the source itself, against which the transmitter scores it.
    """

    kind: ClassVar[str]
    metric: ClassVar[str]
    sends_sequence: ClassVar[bool] = False
    is_reconstruction: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def of(cls, answer: receiver_pb2.Answer) -> Self:
        """Read the receiver's message."""

    @classmethod
    @abstractmethod
    def chance(cls, labels: Sequence[str], image_size: tuple[int, int], seed: int) -> TaskAnswer:
        """The answer where nothing of the source came across.

        Args:
            labels: Labels of the task; empty if it has none.
            image_size: Height and width of the task's pictures [pixels].
            seed: Draws a label, each as likely as any other.
        """

    @abstractmethod
    def to_task_answer(self) -> TaskAnswer:
        """The answer as the system gave it."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """The answer in a few words, with its probability if it has one."""

    def is_right(self, truth: str) -> bool | None:
        """Whether the answer is the truth; None if it may be so in part."""
        return None

    def truth_scores(self, truth: str) -> dict[str, float]:
        """Scores against the truth, if the answer may be right in part; else empty."""
        return {}

    def source_scores(self, source: Any, resize: Resize) -> dict[str, float]:
        """Scores against the source, if the answer is a reconstruction; else empty.

        Args:
            source: What the answer reconstructs: a text, or a picture, uint8 [height, width, 3].
            resize: Brings a picture to a height and width as the networks do.
        """
        return {}


AnswerKind = type[AnswerBody]


def _json_field(description: str, example: Any) -> Any:
    return field(metadata={"description": description, "examples": [example]})


def _probabilities(answer: receiver_pb2.Answer) -> dict[str, float]:
    return {score.label: score.probability for score in answer.scores}


@dataclass(frozen=True)
class LabelAnswer(AnswerBody):
    """Of a task whose answer is one class."""

    kind, metric = "label", "accuracy"

    label: str = _json_field("Most probable class.", "yes")
    probabilities: dict[str, Probability] = _json_field(
        "Of every class, most probable first.", {"yes": 0.98, "no": 0.02}
    )

    @classmethod
    def of(cls, answer: receiver_pb2.Answer) -> Self:
        """See the base class."""
        return cls(answer.labels[0], _probabilities(answer))

    @classmethod
    def chance(cls, labels: Sequence[str], image_size: tuple[int, int], seed: int) -> TaskAnswer:
        """A label drawn uniformly."""
        drawn = seed % len(labels)
        ranked = (*labels[drawn:], *labels[:drawn])
        return TaskAnswer(labels=ranked[:1], scores=tuple((label, 1 / len(labels)) for label in ranked))

    def to_task_answer(self) -> TaskAnswer:
        """See the base class."""
        return TaskAnswer((self.label,), tuple(self.probabilities.items()))

    @property
    def shown(self) -> str:
        """Label and probability."""
        return f"{self.label} {self.probabilities[self.label]:.2f}"

    def is_right(self, truth: str) -> bool:
        """Whether the label is the true one."""
        return self.label == truth


@dataclass(frozen=True)
class LabelsAnswer(AnswerBody):
    """Of a task whose answer is any number of classes."""

    kind, metric = "labels", "micro_f1"

    labels: list[str] = _json_field("Classes with a probability above one half.", ["drama", "romance"])
    probabilities: dict[str, Probability] = _json_field(
        "Of every class, most probable first.", {"drama": 0.91, "romance": 0.62}
    )

    @classmethod
    def of(cls, answer: receiver_pb2.Answer) -> Self:
        """See the base class."""
        return cls(list(answer.labels), _probabilities(answer))

    @classmethod
    def chance(cls, labels: Sequence[str], image_size: tuple[int, int], seed: int) -> TaskAnswer:
        """No label."""
        return TaskAnswer(scores=tuple((label, _UNKNOWN) for label in labels))

    def to_task_answer(self) -> TaskAnswer:
        """See the base class."""
        return TaskAnswer(tuple(self.labels), tuple(self.probabilities.items()))

    @property
    def shown(self) -> str:
        """Labels and probabilities."""
        return ", ".join(f"{label} {self.probabilities[label]:.2f}" for label in self.labels) or "none"

    def truth_scores(self, truth: str) -> dict[str, float]:
        """F1 against the true labels, "Drama, War": twice the common ones over both counts."""
        said, true = set(self.labels), set(truth.split(", "))
        return {"f1": 2 * len(said & true) / (len(said) + len(true))}


@dataclass(frozen=True)
class TextAnswer(AnswerBody):
    """Of a task whose answer is text."""

    kind, metric = "text", "bleu"
    sends_sequence = is_reconstruction = True

    text: str = _json_field("Reconstructed or recognised text.", "a warm and funny film")

    @classmethod
    def of(cls, answer: receiver_pb2.Answer) -> Self:
        """See the base class."""
        return cls(answer.text)

    @classmethod
    def chance(cls, labels: Sequence[str], image_size: tuple[int, int], seed: int) -> TaskAnswer:
        """No words."""
        return TaskAnswer(text="")

    def to_task_answer(self) -> TaskAnswer:
        """See the base class."""
        return TaskAnswer(text=self.text)

    @property
    def shown(self) -> str:
        """The beginning of the text."""
        return shorten(self.text) or "(no words)"

    def is_right(self, truth: str) -> bool:
        """Whether the text is the true one, letter by letter."""
        return self.text == truth

    def source_scores(self, source: Any, resize: Resize) -> dict[str, float]:
        """BLEU-4 of the sentence."""
        from shared.scores import bleu

        return {"bleu": bleu(source, self.text)}


@dataclass(frozen=True)
class TranscriptAnswer(TextAnswer):
    """What was said in a recording; the truth is not in the source."""

    kind, metric = "transcript", "word_accuracy"
    is_reconstruction = False

    def source_scores(self, source: Any, resize: Resize) -> dict[str, float]:
        """None."""
        return {}


@dataclass(frozen=True)
class ImageAnswer(AnswerBody):
    """Of a task whose answer is a picture."""

    kind, metric = "image", "psnr_db"
    sends_sequence = is_reconstruction = True

    image_png_base64: str = _json_field(
        "Reconstructed picture: PNG of 32x32 pixels, to which a picture is brought before it is "
        "sent; in base64.",
        "iVBORw0KGgoAAAANSUhEUg...",
    )

    @classmethod
    def of(cls, answer: receiver_pb2.Answer) -> Self:
        """See the base class."""
        return cls(base64.b64encode(answer.image_png).decode("ascii"))

    @classmethod
    def chance(cls, labels: Sequence[str], image_size: tuple[int, int], seed: int) -> TaskAnswer:
        """A grey picture."""
        import numpy as np

        return TaskAnswer(image=np.full((*image_size, 3), _GREY, np.uint8))

    def to_task_answer(self) -> TaskAnswer:
        """See the base class."""
        # A client that only shows answers needs neither.
        import numpy as np
        from PIL import Image

        with Image.open(io.BytesIO(base64.b64decode(self.image_png_base64))) as png:
            return TaskAnswer(image=np.asarray(png.convert("RGB")))

    @property
    def shown(self) -> str:
        """Size of the file."""
        return f"PNG picture, {len(self.image_png_base64) * 3 // 4:,} bytes"

    def source_scores(self, source: Any, resize: Resize) -> dict[str, float]:
        """PSNR at the answer's resolution [dB]."""
        from shared.scores import psnr_db

        image = self.to_task_answer().image
        assert image is not None
        return {"psnr_db": psnr_db(resize(source, image.shape[:2]), image)}
