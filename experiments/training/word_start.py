"""Where text reconstruction starts: the best linear code of words and its classifier.

Linear discriminants of a pretrained encoder's features tell word pieces apart, rare ones as well. A network
that begins as them improves on them; one that begins at random sees most pieces a few times and never learns
them.

Shapes: N tokens, V word pieces, P width, R = 32 reals of a token's code.

Source: Fisher, 1936; Rao, 1948.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from experiments.evaluation.link import batch_channel
from receiver.systems.mfmsc.network import ReceiverNetwork
from shared.networks.profiles import REALS_PER_TOKEN
from transmitter.systems.mfmsc.network import Batch, TransmitterNetwork

_SNR_DB = 12.0  # the classifier is that of this SNR ...
# ... with scores scaled to the least cross entropy over the mixture of channels in training, on
# four batches of Europarl's training texts (profile compact, seed 0).
_SHARPNESS = 0.12
_SHRINKAGE = 3e-3  # of covariances towards the identity
_GATE, _CLOSING = 24.0, 8.0  # pre-activations that no feature reaches: of these units, of the others


@torch.no_grad()
def start_words(
    transmitter: TransmitterNetwork,
    receiver: ReceiverNetwork,
    task: str,
    batches: Sequence[Batch],
    words: Tensor,
    generator: torch.Generator,
) -> None:
    """Let a task that gives text back begin with a linear code of its word pieces.

    Args:
        transmitter: Its text encoder knows words already; the last 2R hidden units of its channel encoder and
            the task's embedding are set. These units stay closed for other tasks, if P is at least R plus the
            units that are not set.
        receiver: Its channel decoder stays; the last layer of the task's head is set, the first is zero yet.
        task: Name of the task.
        batches: Training texts, in which rare pieces are no rarer than others.
        words: Word embeddings that stand for the classes, float [V, P].
        generator: Of the noise.
    """
    was_training = transmitter.training
    transmitter.eval()
    present = words[torch.cat([_pieces(batch) for batch in batches])]  # [N, P]
    features = torch.cat([_features(transmitter, batch) for batch in batches])
    _open_path(transmitter, task, *_discriminants(features, present))
    decoded = torch.cat([_decoded(transmitter, receiver, task, batch, generator) for batch in batches])
    slope, mean, within = _explain(decoded, present)
    classes = (words - present.mean(0)) @ slope  # [V, P], from the mean
    weights = _SHARPNESS * classes @ torch.linalg.inv(within)
    biases = -weights @ mean - 0.5 * (weights * classes).sum(1)
    head = receiver.heads[task].linear
    assert isinstance(head, nn.Linear)
    head.weight.copy_(weights - weights.mean(0))
    head.bias.copy_(biases - biases.mean())
    transmitter.train(was_training)


def _pieces(batch: Batch) -> Tensor:
    """Numbers of every piece of a batch, [N]."""
    numbers, mask = batch.inputs["text"]
    return numbers[mask]


def _features(transmitter: TransmitterNetwork, batch: Batch) -> Tensor:
    """The text encoder's features of every piece, [N, P]."""
    tokens = transmitter.encoders["text"](*batch.inputs["text"])
    features: Tensor = tokens.values[tokens.mask]
    return features


def _decoded(
    transmitter: TransmitterNetwork,
    receiver: ReceiverNetwork,
    task: str,
    batch: Batch,
    generator: torch.Generator,
) -> Tensor:
    """The channel decoder's features of every token, after the channel, [N, P]."""
    symbols, mask = transmitter(task, Batch(batch.inputs))  # in the order of the inputs
    snr_db, fades = torch.full((len(symbols),), _SNR_DB), torch.zeros(len(symbols), dtype=torch.bool)
    x_hat = batch_channel(symbols, snr_db, fades, generator=generator)
    features: Tensor = receiver.channel_decoder(x_hat)[mask]
    return features


def _explain(values: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What word embeddings tell of values: slope [P, P], mean [P], covariance of what is left [P, P]."""
    mean, centred = values.mean(0), present - present.mean(0)
    slope = _least_squares(centred, values - mean)
    left = values - mean - centred @ slope
    within = left.T @ left / len(left)
    return slope, mean, within + _SHRINKAGE * within.diagonal().mean() * torch.eye(len(within))


def _least_squares(inputs: Tensor, outputs: Tensor) -> Tensor:
    squares = inputs.T @ inputs
    squares += _SHRINKAGE * squares.diagonal().mean() * torch.eye(len(squares))
    solution: Tensor = torch.linalg.solve(squares, inputs.T @ outputs)
    return solution


def _discriminants(features: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """The R directions [P, R] that tell words apart best, of unit variance, and the centre [P]."""
    slope, centre, within = _explain(features, present)
    values, vectors = torch.linalg.eigh(within)
    whiten = vectors / values.sqrt()  # [P, P]
    between = (present - present.mean(0)) @ slope @ whiten
    directions = whiten @ torch.linalg.eigh(between.T @ between).eigenvectors[:, -REALS_PER_TOKEN:]
    return directions / ((features - centre) @ directions).std(0), centre


def _open_path(transmitter: TransmitterNetwork, task: str, code: Tensor, centre: Tensor) -> None:
    """Pass `code` through pairs of hidden units that only this task's embedding opens.

    gelu(a + K) - gelu(-a + K) = 2a where K is far above |a|, and 0 where it is far below. The embedding lies
    where it also closes every other unit, so the task's code is that linear map alone.
    """
    first, _, last = transmitter.channel_encoder.compress
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    num_pairs = code.shape[1]
    num_others = first.out_features - 2 * num_pairs
    # Moving along the embedding lowers every other unit alike and changes no code.
    directions = torch.cat([first.weight[:num_others], code.T])
    wanted = torch.cat([torch.full((num_others,), -_CLOSING), torch.zeros(num_pairs)])
    (embedding,) = torch.linalg.lstsq(directions, wanted[:, None], driver="gelsd").solution.T
    transmitter.task_embedding[task].copy_(embedding)
    opening = 2 * _GATE * embedding / embedding.square().sum()  # [P]: -K + 2K where the embedding is added
    for sign, rows in ((1.0, slice(num_others, -num_pairs)), (-1.0, slice(-num_pairs, None))):
        first.weight[rows] = sign * code.T + opening
        first.bias[rows] = -sign * (centre @ code) - _GATE
        last.weight[:, rows] = sign * torch.eye(num_pairs) / 2
