"""The fusion module and the network around it, against the paper's equations."""

from __future__ import annotations

import math

import pytest
import torch

from shared.tasks import TASKS
from systems.layers.batch import Batch
from systems.layers.layers import AttentionLayers, Tokens
from systems.layers.profiles import get_profile
from systems.mfmsc.fusion import FusionModule
from systems.mfmsc.networks import TransmitterNetwork

TINY = get_profile("tiny")


def _tokens(batch: int, length: int) -> Tokens:
    return Tokens(torch.randn(batch, length, TINY.width), torch.ones(batch, length, dtype=torch.bool))


def test_fusion_gives_one_vector_whatever_the_order_within_a_modality() -> None:
    fusion = FusionModule(TINY).eval()
    image, text, task = _tokens(2, 9), _tokens(2, 5), torch.randn(TINY.width)
    fused = fusion({"image": image, "text": text}, task)
    shuffled = Tokens(image.values[:, torch.randperm(9)], image.mask)
    assert fused.shape == (2, 1, TINY.width)
    torch.testing.assert_close(fusion({"image": shuffled, "text": text}, task), fused, atol=1e-5, rtol=1e-4)


def test_segment_embeddings_tell_modalities_apart() -> None:
    fusion = FusionModule(TINY).eval()
    first, second, task = _tokens(1, 4), _tokens(1, 4), torch.randn(TINY.width)
    fused = fusion({"image": first, "text": second}, task)
    swapped = fusion({"image": second, "text": first}, task)
    assert not torch.allclose(fused, swapped, atol=1e-4)


def test_attention_layer_is_equations_11_to_14() -> None:
    """H' = LN(MSA(H) + H), H = LN(FFN(H') + H'), written out by hand."""
    layers = AttentionLayers(TINY, 1).eval()
    block = layers.encoder.layer[0]
    h = torch.randn(1, 5, TINY.width)
    width = TINY.width // TINY.num_heads
    heads = []
    attention = block.attention.self
    for head in range(TINY.num_heads):
        part = slice(head * width, (head + 1) * width)
        q, k, v = (
            (h @ linear.weight[part].T + linear.bias[part])
            for linear in (attention.query, attention.key, attention.value)
        )
        heads.append(torch.softmax(q @ k.transpose(1, 2) / math.sqrt(width), -1) @ v)
    out = block.attention.output
    attended = out.LayerNorm(out.dense(torch.cat(heads, -1)) + h)
    ffn = block.output.dense(torch.nn.functional.gelu(block.intermediate.dense(attended)))
    expected = block.output.LayerNorm(ffn + attended)
    actual = layers(Tokens(h, torch.ones(1, 5, dtype=torch.bool)))
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)


def test_single_modal_tasks_skip_the_fusion() -> None:
    network = TransmitterNetwork(TINY, ["image_classification", "vqa"], vocab_size=10).eval()
    batch = Batch({"image": (torch.randn(1, 3, 32, 32),)})
    before, _ = network("image_classification", batch)
    for parameter in network.fusion.parameters():
        torch.nn.init.normal_(parameter)
    after, _ = network("image_classification", batch)
    assert torch.equal(before, after)


def test_task_embedding_changes_what_is_sent() -> None:
    network = TransmitterNetwork(TINY, list(TASKS), vocab_size=10).eval()
    batch = Batch({"image": (torch.randn(1, 3, 32, 32),)})
    before, _ = network("image_classification", batch)
    torch.nn.init.normal_(network.task_embedding["image_classification"])
    after, _ = network("image_classification", batch)
    assert not torch.allclose(before, after, atol=1e-3)


def test_a_picture_in_a_mirror_is_sent_as_itself_where_the_answer_is_what_it_shows() -> None:
    network = TransmitterNetwork(TINY, ["image_classification", "vqa"], vocab_size=10).eval()
    pixels, question = torch.randn(2, 3, 32, 32), (torch.ones(2, 4).long(), torch.ones(2, 4).bool())

    def sent(task: str) -> list[torch.Tensor]:
        inputs = [Batch({"image": (p,), "text": question}) for p in (pixels, pixels.flip(3))]
        return [network(task, batch)[0] for batch in inputs]

    torch.testing.assert_close(*sent("image_classification"), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(*sent("vqa"), atol=1e-3), "where left is not right, a mirror matters"
    network.train()
    assert not torch.allclose(*sent("image_classification"), atol=1e-3), "training shows either by turns"


def test_shared_inputs_encode_as_repeated_ones() -> None:
    network = TransmitterNetwork(TINY, ["vqa"], vocab_size=10).eval()
    pixels, rows = torch.randn(2, 3, 64, 64), torch.tensor([0, 1, 0])
    numbers, mask = torch.randint(0, 10, (3, 6)), torch.ones(3, 6, dtype=torch.bool)
    once, _ = network("vqa", Batch({"image": (pixels,), "text": (numbers, mask)}, {"image": rows}))
    repeated, _ = network("vqa", Batch({"image": (pixels[rows],), "text": (numbers, mask)}))
    torch.testing.assert_close(once, repeated, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("task", list(TASKS))
def test_gradients_reach_every_part_a_task_uses(task: str) -> None:
    from systems.mfmsc.networks import ReceiverNetwork
    from systems.mfmsc.training import Mfmsc

    network = TransmitterNetwork(TINY, [task], vocab_size=10)
    inputs = {
        "text": (torch.randint(0, 10, (2, 6)), torch.ones(2, 6, dtype=torch.bool)),
        "image": (torch.randn(2, 3, 32, 32),),
        "audio": (torch.randn(2, 16, 80), torch.ones(2, 16, dtype=torch.bool)),
        "video": (torch.randn(2, 16, 3, 64, 64),),
    }
    symbols, _ = network(task, Batch({m: inputs[m] for m in TASKS[task].modalities}))
    torch.view_as_real(symbols)[..., 0].sum().backward()
    parts = {name.rsplit(".", 2)[0] for name, p in network.named_parameters() if p.grad is not None}
    assert any(part.startswith("channel_encoder") for part in parts)
    for modality in TASKS[task].modalities:
        assert any(part.startswith(f"encoders.{modality}") for part in parts)
    reached = {name for name, p in network.named_parameters() if p.grad is not None}
    receiver = ReceiverNetwork(TINY, [task], {task: ("a", "b")}, vocab_size=10)
    assert reached <= set(Mfmsc(network, receiver).parameters_of(task))
