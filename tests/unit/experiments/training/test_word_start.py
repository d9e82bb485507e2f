"""Text reconstruction begins as a linear code that already works, and disturbs nobody."""

from __future__ import annotations

from dataclasses import replace

import torch

from experiments.training.channel import batch_channel
from systems.layers.batch import Batch
from systems.layers.profiles import REALS_PER_TOKEN, get_profile
from systems.mfmsc.networks import ReceiverNetwork, TransmitterNetwork
from systems.mfmsc.training import Mfmsc

_SMALL = replace(get_profile("tiny"), width=96, coder_width=48)
_NUM_PIECES = 300
_TASKS = ("text_reconstruction", "sentiment")


def _texts(num: int) -> Batch:
    numbers = torch.randint(0, _NUM_PIECES, (num, 12))
    return Batch({"text": (numbers, torch.arange(12) < torch.randint(6, 13, (num, 1)))})


def _accuracy(transmitter: TransmitterNetwork, receiver: ReceiverNetwork, batch: Batch) -> float:
    symbols, mask = transmitter("text_reconstruction", batch)
    x_hat = batch_channel(
        symbols,
        torch.full((len(symbols),), 12.0),
        torch.zeros(len(symbols), dtype=torch.bool),
        generator=torch.Generator().manual_seed(1),
    )
    is_right = receiver("text_reconstruction", x_hat).argmax(-1) == batch.inputs["text"][0]
    return float(is_right[mask].float().mean())


@torch.no_grad()
def test_words_come_back_at_once_and_other_symbols_stay() -> None:
    torch.manual_seed(0)
    transmitter = TransmitterNetwork(_SMALL, _TASKS, _NUM_PIECES).eval()
    receiver = ReceiverNetwork(_SMALL, _TASKS, {"sentiment": ("no", "yes")}, _NUM_PIECES).eval()
    transmitter.channel_encoder.compress[2].weight[:, -2 * REALS_PER_TOKEN :] = 0.0  # units that will be set
    batch = _texts(40)
    untouched, accuracy = transmitter("sentiment", batch)[0], _accuracy(transmitter, receiver, batch)
    system = Mfmsc(transmitter, receiver)
    texts = [_texts(32) for _ in range(20)]
    system.start_words("text_reconstruction", texts, torch.Generator().manual_seed(0))
    torch.testing.assert_close(transmitter("sentiment", batch)[0], untouched, atol=1e-4, rtol=1e-3)
    assert accuracy < 0.05
    assert _accuracy(transmitter, receiver, batch) > 0.9
