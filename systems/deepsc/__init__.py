"""U-DeepSC and T-DeepSC."""

from __future__ import annotations

from systems.rows import System

UDEEPSC = System(
    "udeepsc",
    "U-DeepSC: a transformer encoder for each modality, of which a task sends the CLS token, a few "
    "tokens or all of them, and one decoder that every task asks by queries of its own; one set of "
    "weights for all tasks.",
    package=__name__,
    trainable="UDeepSC",
)
TDEEPSC = System(
    "tdeepsc",
    "The network of udeepsc, one training and one set of weights for each task.",
    package=__name__,
    trainable="TDeepSC",
)
