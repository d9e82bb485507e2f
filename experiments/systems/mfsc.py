"""How MFSC is trained: MFMSC's network, one training a task."""

from __future__ import annotations

from experiments.systems import mfmsc
from experiments.training.recipes import RECIPES, trained_alone


class Trainable(mfmsc.Trainable):
    """One task by itself.

    Source: MFMSC, V-A.
    """

    is_independent = True
    recipes = {name: trained_alone(recipe) for name, recipe in RECIPES.items()}
