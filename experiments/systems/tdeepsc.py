"""How T-DeepSC is trained: U-DeepSC's networks, one training a task."""

from __future__ import annotations

from experiments.systems import udeepsc
from experiments.training.recipes import trained_alone


class Trainable(udeepsc.Trainable):
    """One task by itself.

    Source: MFMSC, V-A.
    """

    is_independent = True
    recipes = {name: trained_alone(recipe) for name, recipe in udeepsc.Trainable.recipes.items()}
