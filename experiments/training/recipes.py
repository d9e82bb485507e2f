"""Recipes: which tasks are trained, on which data, for how many steps and with which rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from systems.layers.profiles import CHANNEL_USES_PER_TOKEN


@dataclass(frozen=True)
class TaskRecipe:
    """How one task is trained.

    Attributes:
        steps: Steps of this task in the whole run, at least one.
        batch: Number of instances in a step. Where several questions are asked about a picture, number of
            pictures.
        questions_a_picture: At most so many questions about a picture are drawn in each step; None for all.
        learning_rate: Learning rate of the parts that `part_rates` does not name.
        opens_at: Share of the run's steps before the first step of this task. A task that fuses encoders
            gains nothing before other tasks have trained these.
        label_smoothing: Label smoothing of the cross entropy.
        augment: Whether pictures, clips and recordings are changed at random in each step.
        blank_square: Whether a square of each picture gets the mean colour.
        replaced_share: Share of the word pieces that are replaced by random ones, so that rare words are
            learnt as well as common ones.
        symbols_per_token: Symbols of a token that are sent; one of them is drawn in each step. Below 16 only
            for tasks that send a sequence.
        present_weight: Weight in the loss of the labels that an instance has, against those it lacks.
        short_first: Whether the first epoch goes from the shortest input to the longest (Amodei, 2016).
        frozen: Beginnings of the names of parameters that this task does not train; other tasks may.
        part_rates: Learning rates of parts, by the beginning of their names. The first name that fits holds;
            those of the task come before those of the recipe.
        by_muon: Beginnings of the names of parts whose matrices and kernels Muon steps, because they start at
            random. AdamW steps all else.
        dataset: Data set to train on; None for all that the catalogue names for the task.
    """

    steps: int
    batch: int
    questions_a_picture: int | None = None
    learning_rate: float = 1e-3
    opens_at: float = 0.0
    label_smoothing: float = 0.0
    augment: bool = False
    blank_square: bool = False
    replaced_share: float = 0.0
    symbols_per_token: tuple[int, ...] = (CHANNEL_USES_PER_TOKEN,)
    present_weight: float = 1.0
    short_first: bool = False
    frozen: tuple[str, ...] = ()
    part_rates: Mapping[str, float] = field(default_factory=dict)
    by_muon: tuple[str, ...] = ()
    dataset: str | None = None


@dataclass(frozen=True)
class Recipe:
    """A joint training run.

    Attributes:
        tasks: Recipe of each task.
        part_rates: Learning rates of parts, by the beginning of their names, for every task that has no rate
            of its own for the part. Parts that start from a pretrained BERT take small steps.
        frozen: Beginnings of the names of parameters that no task trains.
        snr_range_db: Lowest and highest SNR [dB] of the channels; each instance draws its own.
        rayleigh_share: Share of the instances that fade (Rayleigh, block); all others have AWGN alone.
        warm_up: Share of a task's steps over which its learning rate rises.
        weight_decay: Of AdamW.
        max_gradient_norm: Gradients are clipped to this norm.
        dropout: Share of hidden values dropped in the attention layers while training.
    """

    tasks: Mapping[str, TaskRecipe]
    part_rates: Mapping[str, float] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    snr_range_db: tuple[float, float] = (-6.0, 18.0)
    rayleigh_share: float = 0.5
    warm_up: float = 0.06
    weight_decay: float = 0.05
    max_gradient_norm: float = 1.0
    dropout: float = 0.0

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return sum(task.steps for task in self.tasks.values())


_TEXT_ENCODER = "encoders.text"
_WORD_EMBEDDINGS = f"{_TEXT_ENCODER}.bert.embeddings.word_embeddings"
_PICTURE_PARTS = ("encoders.image", "channel_", "decoder", "heads.image")

# Made for some four hours of one core with bfloat16. All tasks share the channel coder, so none moves it in
# large steps. Tasks that fuse modalities open when the encoders that they fuse, and the coder, have come some
# way to rest. Muon costs more than a step of speech or clips, whose batches are small; only pictures have it.
_COMPACT = Recipe(
    tasks={
        "sentiment": TaskRecipe(steps=2400, batch=64, learning_rate=3e-4),
        "text_reconstruction": TaskRecipe(steps=1400, batch=32, replaced_share=0.25),
        "image_classification": TaskRecipe(
            steps=3600,
            batch=128,
            learning_rate=2e-3,
            label_smoothing=0.05,
            augment=True,
            blank_square=True,
            by_muon=_PICTURE_PARTS,
        ),
        "image_reconstruction": TaskRecipe(
            steps=5000, batch=48, augment=True, symbols_per_token=(8, 16), by_muon=_PICTURE_PARTS
        ),
        "speech_recognition": TaskRecipe(
            steps=7000,
            batch=16,
            learning_rate=5e-4,
            augment=True,
            short_first=True,
            part_rates={"encoders.audio.layers": 2e-4},
        ),
        "video_classification": TaskRecipe(
            steps=4200,
            batch=8,
            learning_rate=3e-4,
            label_smoothing=0.05,
            augment=True,
            part_rates={"encoders.video.motion.embed": 1e-3, "encoders.video.scene.embed": 1e-3},
        ),
        "vqa": TaskRecipe(
            steps=1800,
            batch=12,
            questions_a_picture=4,
            learning_rate=5e-4,
            opens_at=0.35,
            frozen=("encoders.text",),
        ),
        "movie_genres": TaskRecipe(
            steps=800,
            batch=16,
            learning_rate=1e-3,
            opens_at=0.5,
            replaced_share=0.15,
            present_weight=2.0,
            frozen=("encoders",),
            part_rates={"channel_encoder": 3e-4, "channel_decoder": 3e-4},
        ),
    },
    part_rates={
        "encoders.text": 5e-5,
        "fusion.layers": 1e-4,
        "channel_encoder": 5e-4,
        "channel_decoder": 5e-4,
    },
    frozen=(_WORD_EMBEDDINGS,),
    dropout=0.1,
)

# The paper names its data sets, the optimiser (Adam) and these learning rates; steps and batches are ours.
_paper = partial(TaskRecipe, learning_rate=1e-4)
_PAPER = Recipe(
    tasks={
        "sentiment": _paper(5000, 64, dataset="glue-sst2"),
        "text_reconstruction": _paper(40_000, 64, replaced_share=0.25, dataset="europarl-v7"),
        "image_classification": _paper(20_000, 128, augment=True, dataset="cifar10"),
        "image_reconstruction": _paper(40_000, 64, augment=True, dataset="cifar10-pixels"),
        "speech_recognition": _paper(
            100_000, 32, learning_rate=2e-4, augment=True, short_first=True, dataset="librispeech"
        ),
        "video_classification": _paper(20_000, 16, augment=True, dataset="hmdb51"),
        "vqa": _paper(60_000, 64, opens_at=0.1, dataset="vqa-v2"),
        "movie_genres": _paper(10_000, 32, opens_at=0.1, augment=True, dataset="mm-imdb"),
    },
    weight_decay=0.0,
    dropout=0.1,
)

RECIPES: Mapping[str, Recipe] = {
    "paper": _PAPER,
    "compact": _COMPACT,
    "tiny": Recipe(
        tasks={
            "sentiment": TaskRecipe(steps=200, batch=32),
            "text_reconstruction": TaskRecipe(steps=300, batch=16),
            "image_classification": TaskRecipe(steps=300, batch=64, learning_rate=2e-3, augment=True),
            "image_reconstruction": TaskRecipe(steps=300, batch=32, symbols_per_token=(8, 16)),
            "speech_recognition": TaskRecipe(steps=300, batch=8),
            "video_classification": TaskRecipe(steps=100, batch=8),
            "vqa": TaskRecipe(steps=300, batch=8, opens_at=0.3),
            "movie_genres": TaskRecipe(steps=100, batch=8, opens_at=0.3, present_weight=2.0),
        }
    ),
}
"""By the name of the profile that they train."""


def trained_alone(recipe: Recipe) -> Recipe:
    """The recipe of a system whose tasks are trained one by one, with the same steps, batches and rates.

    Each task begins at once and trains all of its parts, because no other task does it. Only the text encoder
    stays frozen where it was, because it starts from a pretrained BERT.
    """
    tasks = {
        name: replace(task, opens_at=0.0, frozen=(_TEXT_ENCODER,) if task.frozen else ())
        for name, task in recipe.tasks.items()
    }
    return replace(recipe, tasks=tasks)


def scaled(recipe: Recipe, factor: float) -> Recipe:
    """A recipe with `factor` times the steps of every task, at least one of each."""
    tasks = {
        name: replace(task, steps=max(1, round(task.steps * factor))) for name, task in recipe.tasks.items()
    }
    return replace(recipe, tasks=tasks)
