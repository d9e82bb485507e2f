"""What to train, on what, how long. A recipe is a row of this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.networks.profiles import CHANNEL_USES_PER_TOKEN


@dataclass(frozen=True)
class TaskRecipe:
    """How one task is trained.

    Attributes:
        steps: Steps of this task in the whole run, at least one.
        batch: Instances a step; for pictures with many questions, pictures a step.
        questions_a_picture: Of a picture with more questions, so many drawn anew each step; None for all.
        learning_rate: Of parts that start at random.
        opens_at: Share of all steps done before this task is drawn at all. A fused task gains nothing before
            the encoders it stands on tell shapes and words apart.
        label_smoothing: Of the cross entropy.
        augment: Flip and shift pictures and clips; zoom clips, and change what must not tell their label;
            speech gets other voices, paces, bands and noise.
        blank_square: Give a square of each picture the mean colour.
        replaced_share: So many word pieces are drawn evenly from the vocabulary instead. A text that is given
            back word by word may be any text, and most words are rare ones.
        symbols_per_token: Rates, one drawn each step; below 16 only for tasks that send a sequence.
        present_weight: Of the labels that are present, where an instance has several.
        short_first: Go through the first epoch from the shortest input to the longest (Amodei et al., 2016).
        frozen: Parameter name beginnings that this task leaves alone; other tasks may train them. Posters say
            little of a genre for what they cost, easy questions little of a language.
        part_rates: Learning rates of parts, by the beginning of their names. The first name that fits holds,
            and those of the task come before those of the recipe. A task that starts at random takes small
            steps in parts that serve other tasks already.
        dataset: Trained on, where not all that `semcom data` names for the task.
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

# The budget is two hours on two CPU cores. Rates and losses are those of earlier recipes.
_COMPACT = Recipe(
    tasks={
        "sentiment": TaskRecipe(steps=1100, batch=64, learning_rate=3e-4),
        "text_reconstruction": TaskRecipe(steps=460, batch=32, replaced_share=0.25),
        "image_classification": TaskRecipe(
            steps=2400, batch=128, learning_rate=2e-3, label_smoothing=0.05, augment=True, blank_square=True
        ),
        "image_reconstruction": TaskRecipe(steps=1200, batch=48, augment=True, symbols_per_token=(8, 16)),
        "speech_recognition": TaskRecipe(
            steps=2500,
            batch=16,
            learning_rate=5e-4,
            augment=True,
            short_first=True,
            part_rates={"encoders.audio.layers": 2e-4},
        ),
        "video_classification": TaskRecipe(
            steps=1400,
            batch=8,
            learning_rate=3e-4,
            label_smoothing=0.05,
            augment=True,
            part_rates={"encoders.video.motion.embed": 1e-3, "encoders.video.scene.embed": 1e-3},
        ),
        "vqa": TaskRecipe(
            steps=1350,
            batch=12,
            questions_a_picture=4,
            learning_rate=5e-4,
            opens_at=0.2,
            frozen=("encoders.text",),
        ),
        "movie_genres": TaskRecipe(
            steps=470,
            batch=16,
            learning_rate=1e-3,
            opens_at=0.3,
            replaced_share=0.15,
            present_weight=2.0,
            frozen=("encoders",),
            part_rates={"channel_encoder": 3e-4, "channel_decoder": 3e-4},
        ),
    },
    part_rates={"encoders.text": 5e-5, "fusion.layers": 1e-4},
    frozen=(_WORD_EMBEDDINGS,),
    dropout=0.1,
)

# The paper names its data sets, the optimiser (Adam) and these learning rates; steps and batches are ours.
_PAPER = Recipe(
    tasks={
        "sentiment": TaskRecipe(steps=5000, batch=64, learning_rate=1e-4, dataset="glue-sst2"),
        "text_reconstruction": TaskRecipe(
            steps=40_000, batch=64, learning_rate=1e-4, replaced_share=0.25, dataset="europarl-v7"
        ),
        "image_classification": TaskRecipe(
            steps=20_000, batch=128, learning_rate=1e-4, augment=True, dataset="cifar10"
        ),
        "image_reconstruction": TaskRecipe(
            steps=40_000, batch=64, learning_rate=1e-4, augment=True, dataset="cifar10-pixels"
        ),
        "speech_recognition": TaskRecipe(
            steps=100_000, batch=32, learning_rate=2e-4, augment=True, short_first=True, dataset="librispeech"
        ),
        "video_classification": TaskRecipe(
            steps=20_000, batch=16, learning_rate=1e-4, augment=True, dataset="hmdb51"
        ),
        "vqa": TaskRecipe(steps=60_000, batch=64, learning_rate=1e-4, opens_at=0.1, dataset="vqa-v2"),
        "movie_genres": TaskRecipe(
            steps=10_000, batch=32, learning_rate=1e-4, opens_at=0.1, augment=True, dataset="mm-imdb"
        ),
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
    """The same steps, batches and rates for tasks of which each is trained alone.

    No other task trains the encoders before this one opens, so it begins at once. Of the parts that it left
    to other tasks, only the text encoder still stands still: it starts from a pretrained BERT.
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
