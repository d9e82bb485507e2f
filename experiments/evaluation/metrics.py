"""Task metrics over a whole split, with 95 % confidence intervals.

Every metric is a function of per-instance statistics that add up: counts of n-grams, of words and errors, of
labels found and missed. The sums over a split give the metric of the corpus, and the sums over instances
drawn anew with replacement give its bootstrap, without a second implementation. Where each instance was sent
through several channel realisations, the value is the mean of theirs, and a resample takes an instance with
all of its realisations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torchmetrics import Metric as LibraryMetric
from torchmetrics.classification import MultilabelF1Score
from torchmetrics.text import BLEUScore, WordErrorRate

from shared.scores import psnr_db, split_words

CONFIDENCE = 0.95
_NUM_RESAMPLES = 1000
_BOOTSTRAP_SEED = 0
_NUM_AGREEING_PEOPLE = 3


@dataclass(frozen=True)
class Measured:
    """A metric over a split.

    Attributes:
        value: Of the metric.
        low: Lower end of the 95 % confidence interval of the value, over the choice of instances.
        high: Its upper end.
        resampled: The value over instances drawn anew with replacement, shape [1000]. Sets of as many
            instances are drawn alike, so the differences of two of these belong to the same instances.
    """

    value: float
    low: float
    high: float
    resampled: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)


class Metric(Protocol):
    """What every metric offers."""

    def measure(self, realisations: Sequence[Sequence[Any]], targets: Sequence[Any]) -> Measured:
        """The metric of predictions, and its interval.

        Args:
            realisations: Of the channel, at least one: for each the predictions, one an instance.
            targets: One an instance; at least one.

        Raises:
            ValueError: If they are not as many, or none.
        """
        ...


@dataclass(frozen=True)
class Proportion:
    """Share of instances that are right, with the Wilson score interval.

    Several realisations of an instance count as what they add: the interval is that of an effective number of
    instances, between their own and that of all realisations.

    Attributes:
        is_right: Of one prediction and its target.

    Source: Wilson, 1927; Kish, 1965, for the design effect.
    """

    is_right: Callable[[Any, Any], bool]

    def measure(self, realisations: Sequence[Sequence[Any]], targets: Sequence[Any]) -> Measured:
        """The share."""
        _check(realisations, targets)
        right = np.array([list(map(self.is_right, own, targets)) for own in realisations])
        return wilson(right.mean(0), len(realisations))


@dataclass(frozen=True)
class Mean:
    """Mean of a figure of each instance, with a percentile bootstrap interval.

    Attributes:
        figure: Of one prediction and its target.
    """

    figure: Callable[[Any, Any], float]

    def measure(self, realisations: Sequence[Sequence[Any]], targets: Sequence[Any]) -> Measured:
        """The mean."""
        _check(realisations, targets)
        rows = [list(map(self.figure, predictions, targets)) for predictions in realisations]
        figures = np.array(rows, dtype=float).mean(0)
        return _measured(figures[None, :, None], lambda sums: float(sums[0]) / len(figures))


@dataclass(frozen=True)
class Corpus:
    """A metric of torchmetrics whose state adds up over instances, with a percentile bootstrap interval.

    Attributes:
        make: The library's metric, for the first target.
        arguments: What its `update` takes for one prediction and its target.
        is_error: True where the value is one less the library's.
    """

    make: Callable[[Any], LibraryMetric]
    arguments: Callable[[Any, Any], tuple[Any, Any]]
    is_error: bool = False

    def measure(self, realisations: Sequence[Sequence[Any]], targets: Sequence[Any]) -> Measured:
        """The metric of all instances together: not the mean of theirs."""
        _check(realisations, targets)
        metric = self.make(targets[0])

        def statistics(prediction: Any, target: Any) -> NDArray[np.float64]:
            metric.reset()
            metric.update(*self.arguments(prediction, target))
            return torch.cat([state.flatten() for state in metric.metric_state.values()]).double().numpy()

        def combine(sums: NDArray[np.float64]) -> float:
            start = 0
            for name, state in metric.metric_state.items():
                part = sums[start : start + state.numel()].reshape(state.shape)
                setattr(metric, name, torch.as_tensor(part, dtype=state.dtype))
                start += state.numel()
            value = float(metric.compute())
            if not self.is_error:
                return value
            # Where nothing was said, 0 of 0 words are wrong, or some of 0: all right, or nothing is.
            return 1 - value if np.isfinite(value) else float(np.isnan(value))

        rows = [list(map(statistics, predictions, targets)) for predictions in realisations]
        return _measured(np.array(rows), combine)


def vqa_accuracy(prediction: str, human_answers: Sequence[str]) -> float:
    """Accuracy of one answer against ten people's, 0 to 1: the official one of VQA v2.

    The mean, over each choice of nine of the ten people, of min(n / 3, 1), where n of the nine gave the
    answer. Case and outer space do not count; the official script also evens out punctuation, articles and
    number words, which answers chosen from people's own need less.

    Source: Antol et al., 2015; visualqa.org/evaluation.
    """
    same = [answer.strip().lower() == prediction.strip().lower() for answer in human_answers]
    others = [sum(same) - own for own in same]
    return float(np.mean([min(count / _NUM_AGREEING_PEOPLE, 1.0) for count in others]))


def wilson(shares: NDArray[np.float64], num_realisations: int) -> Measured:
    """Mean of instances' shares, with Wilson's interval of their effective number, which may be no integer.

    Args:
        shares: Of each instance's realisations that are right, shape [num_instances].
        num_realisations: Of each instance.
    """
    num_instances, share = len(shares), float(shares.mean())
    spread = float(shares.var(ddof=1)) if num_instances > 1 else 0.0
    effective = num_instances * share * (1 - share) / spread if spread else num_instances
    count = min(max(effective, num_instances), num_instances * num_realisations)
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * float(np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))) / (1 + z**2 / count)
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    resampled = shares[rng.integers(0, num_instances, (_NUM_RESAMPLES, num_instances))].mean(1)
    # Rounding must not leave a share of 0 or 1 outside its interval.
    low, high = max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
    return Measured(share, low, high, resampled)


def _check(realisations: Sequence[Sequence[Any]], targets: Sequence[Any]) -> None:
    counts = {len(predictions) for predictions in realisations}
    if counts != {len(targets)} or not len(targets):
        raise ValueError(f"{sorted(counts)} predictions for {len(targets)} targets")


def _measured(rows: NDArray[np.float64], combine: Callable[[NDArray[np.float64]], float]) -> Measured:
    """Combine the sums of statistics over instances, and of 1000 resamples of them.

    Args:
        rows: Statistics, shape [num_realisations, num_instances, num_statistics].
        combine: Sums [num_statistics] of one realisation to its value.
    """

    def mean_of(places: NDArray[np.int64]) -> float:
        return float(np.mean([combine(sums) for sums in rows[:, places].sum(1)]))

    places = np.arange(rows.shape[1])
    value = mean_of(places)
    if len(places) == 1:
        return Measured(value, value, value, np.full(_NUM_RESAMPLES, value))  # nothing to draw from
    drawn = stats.bootstrap(
        (places,),
        mean_of,
        vectorized=False,
        n_resamples=_NUM_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(_BOOTSTRAP_SEED),
    )
    interval = drawn.confidence_interval
    return Measured(value, float(interval.low), float(interval.high), drawn.bootstrap_distribution)


def _bleu(num_grams: int) -> Corpus:
    return Corpus(
        lambda _: BLEUScore(n_gram=num_grams, smooth=False, compute_with_cache=False),
        lambda said, true: ([" ".join(split_words(said))], [[" ".join(split_words(true))]]),
    )


def _f1(average: Literal["micro", "macro"]) -> Corpus:
    return Corpus(
        lambda row: MultilabelF1Score(
            len(row), average=average, validate_args=False, compute_with_cache=False
        ),
        lambda said, true: (torch.from_numpy(said[None]).int(), torch.from_numpy(true[None]).int()),
    )


METRICS: Mapping[str, Metric] = {
    "accuracy": Proportion(lambda prediction, target: bool(prediction == target)),
    "micro_f1": _f1("micro"),
    "macro_f1": _f1("macro"),
    "bleu_4": _bleu(4),
    "bleu_1": _bleu(1),
    "psnr_db": Mean(lambda prediction, target: psnr_db(target, prediction)),
    "word_accuracy": Corpus(
        lambda _: WordErrorRate(compute_with_cache=False),
        lambda prediction, target: (prediction, target),
        is_error=True,
    ),
    "vqa_accuracy": Mean(vqa_accuracy),
}
"""Each metric by its name; docs/data.md defines them. What their predictions and targets are:

accuracy: labels. micro_f1, macro_f1: rows of `multi_hot`, which also chooses the labels to count. bleu_4,
bleu_1: sentences, both split by `shared.scores.split_words`. psnr_db: uint8 pictures of one size,
[height, width, 3]. word_accuracy: transcripts. vqa_accuracy: an answer, and ten people's.
"""
