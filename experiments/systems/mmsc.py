"""How MMSC is trained: as MFMSC, with its encoders and coders, and without the fusion."""

from __future__ import annotations

from experiments.systems import mfmsc


class Trainable(mfmsc.Trainable):
    """Eight tasks that share encoders and coders; a task of several modalities sends all of their tokens.

    Source: MFMSC, V-A.
    """

    has_fusion = False
