"""The eight tasks of the paper (section III-C): a row each, and no code asks for one by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.answers import (
    AnswerKind,
    ImageAnswer,
    LabelAnswer,
    LabelsAnswer,
    TextAnswer,
    TranscriptAnswer,
)
from shared.errors import UnknownName

Modality = Literal["text", "image", "audio", "video"]

MODALITIES: tuple[Modality, ...] = ("text", "image", "audio", "video")


@dataclass(frozen=True)
class Task:
    """One task: what is sent and what is answered; how it is sent is a system's choice.

    Attributes:
        name: As in the REST API.
        modalities: What a client must send, in this order.
        answer: Its kind of answer.
        description: For people.
        image_size: Height and width that pictures are brought to [pixels]; zeros where none is sent.
    """

    name: str
    modalities: tuple[Modality, ...]
    answer: AnswerKind
    description: str
    image_size: tuple[int, int] = (0, 0)


_TABLE = (
    Task("sentiment", ("text",), LabelAnswer, "Is a sentence positive or negative?"),
    Task("text_reconstruction", ("text",), TextAnswer, "Bring the sentence itself across."),
    Task("image_classification", ("image",), LabelAnswer, "What does the picture show?", (32, 32)),
    Task("image_reconstruction", ("image",), ImageAnswer, "Bring the picture itself across.", (32, 32)),
    Task("speech_recognition", ("audio",), TranscriptAnswer, "What was said?"),
    Task("video_classification", ("video",), LabelAnswer, "What is being done in the clip?"),
    Task("vqa", ("image", "text"), LabelAnswer, "Answer a question about a picture.", (64, 64)),
    Task(
        "movie_genres", ("image", "text"), LabelsAnswer, "Genres of a film from poster and plot.", (144, 96)
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in _TABLE}


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        UnknownName: If there is none.
    """
    if name not in TASKS:
        raise UnknownName("task", name, ", ".join(TASKS))
    return TASKS[name]
