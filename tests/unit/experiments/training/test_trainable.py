"""A system is trained by the class that its row names; one without is refused by name."""

from __future__ import annotations

import pytest

from experiments.training.recipes import RECIPES
from experiments.training.trainable import get_trainable
from shared.errors import InvalidField, UnknownName
from systems.layers.profiles import PROFILES
from systems.registry import SYSTEMS
from systems.rows import System

_NOTHING_TO_LEARN = {"separate"}


@pytest.mark.parametrize("name", sorted(set(SYSTEMS) - _NOTHING_TO_LEARN))
def test_every_system_names_recipes_that_are_there(name: str) -> None:
    trainable = get_trainable(name)
    assert set(trainable.recipes) <= set(PROFILES)
    assert all(set(recipe.tasks) == set(RECIPES[name].tasks) for name, recipe in trainable.recipes.items())


def test_a_system_that_is_not_trained_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYSTEMS, "coded", System("coded", "Nothing to learn.", package="coded"))
    with pytest.raises(InvalidField, match="system = 'coded'.*a system that is trained"):
        get_trainable("coded")
    with pytest.raises(UnknownName):
        get_trainable("none")
