"""Where text reconstruction starts: a linear code of word pieces, and the classifier that reads it.

A pretrained text encoder's features tell word pieces apart. The linear discriminants of these features are
the best code that a linear layer can send, and they work for rare pieces too. Training begins with them and
improves on them. Training that begins at random sees most pieces a few times only, and never learns them.

Shapes: N tokens, V word pieces, P width, R reals of a token's code.

Source: Fisher, 1936; Rao, 1948.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SNR_DB = 12.0
"""Of the tokens that the classifier is made from [dB]."""

# Scales the scores. It has the least cross entropy over the channels of training, on four batches of
# Europarl's training texts (profile compact, seed 0).
_SHARPNESS = 0.12
_SHRINKAGE = 3e-3  # of covariances towards the identity
# Inputs of a GELU, larger than any feature makes them: of the units that carry the code, and of all others.
_GATE, _CLOSING = 24.0, 8.0


def discriminants(features: Tensor, present: Tensor, num_reals: int) -> tuple[Tensor, Tensor]:
    """The directions of the features that tell words apart best (Fisher's linear discriminants).

    Args:
        features: Of every token, float [N, P].
        present: Word embedding of every token, float [N, P].
        num_reals: R.

    Returns:
        Directions [P, R], of unit variance, and the centre of the features [P].
    """
    slope, centre, within = _explain(features, present)
    values, vectors = torch.linalg.eigh(within)
    whiten = vectors / values.sqrt()  # [P, P]
    between = (present - present.mean(0)) @ slope @ whiten
    directions = whiten @ torch.linalg.eigh(between.T @ between).eigenvectors[:, -num_reals:]
    return directions / ((features - centre) @ directions).std(0), centre


def open_path(first: nn.Linear, last: nn.Linear, embedding: Tensor, code: Tensor, centre: Tensor) -> None:
    """Send `code` through pairs of hidden units that do nothing unless this task's embedding is added.

    gelu(a + K) - gelu(-a + K) is 2a if K is far above |a|, and 0 if K is far below -|a|. The biases set K to
    -_GATE, and the embedding raises it to +_GATE. The embedding also lowers the input of every other unit so
    far that it puts out 0. With it, the two layers are the linear map `code` and nothing else.

    Args:
        first: Layer before the GELU, P inputs; its last 2R outputs are set.
        last: Layer after the GELU, R outputs; its last 2R inputs are set.
        embedding: Task embedding, added to every token, float [P]; set in place.
        code: float [P, R].
        centre: Of the features, float [P].
    """
    num_pairs = code.shape[1]
    num_others = first.out_features - 2 * num_pairs
    # Adding the embedding lowers the input of all other units by _CLOSING and leaves the code as it is.
    directions = torch.cat([first.weight[:num_others], code.T])
    wanted = torch.cat([torch.full((num_others,), -_CLOSING), torch.zeros(num_pairs)])
    (found,) = torch.linalg.lstsq(directions, wanted[:, None], driver="gelsd").solution.T
    embedding.copy_(found)
    opening = 2 * _GATE * embedding / embedding.square().sum()  # [P]: -K + 2K where the embedding is added
    for sign, rows in ((1.0, slice(num_others, -num_pairs)), (-1.0, slice(-num_pairs, None))):
        first.weight[rows] = sign * code.T + opening
        first.bias[rows] = -sign * (centre @ code) - _GATE
        last.weight[:, rows] = sign * torch.eye(num_pairs) / 2


def classify(head: nn.Linear, decoded: Tensor, present: Tensor, words: Tensor) -> None:
    """Set a layer to the linear classifier of word pieces.

    Args:
        head: P inputs, V outputs.
        decoded: Features of every token after the channel, float [N, P].
        present: Word embedding of every token, float [N, P].
        words: Word embeddings of all pieces, float [V, P].
    """
    slope, mean, within = _explain(decoded, present)
    classes = (words - present.mean(0)) @ slope  # [V, P], from the mean
    weights = _SHARPNESS * classes @ torch.linalg.inv(within)
    biases = -weights @ mean - 0.5 * (weights * classes).sum(1)
    head.weight.copy_(weights - weights.mean(0))
    head.bias.copy_(biases - biases.mean())


def _explain(values: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Regress values on word embeddings: slope [P, P], mean [P], covariance of the residuals [P, P]."""
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
