"""Our BERT is that of transformers, bit for bit, and loads its tensors by name."""

from __future__ import annotations

import torch
from transformers import BertConfig, BertModel

from systems.layers.bert import Bert, BertSizes


def test_the_same_tensors_give_the_same_bits() -> None:
    sizes = {"hidden_size": 24, "intermediate_size": 96, "num_attention_heads": 3, "num_hidden_layers": 2}
    torch.manual_seed(3)
    config = BertConfig(**sizes, vocab_size=30, attn_implementation="sdpa")
    theirs, ours = BertModel(config, add_pooling_layer=False).eval(), Bert(BertSizes(**sizes, vocab_size=30))
    for parameter in theirs.parameters():  # norms and biases too, which all start alike
        parameter.data += 0.1 * torch.randn_like(parameter)
    ours.load_state_dict(theirs.state_dict())
    pieces = torch.randint(1, 30, (2, 9))
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    with torch.no_grad():
        expected = theirs(input_ids=pieces, attention_mask=mask[:, None, None, :]).last_hidden_state
        assert torch.equal(ours(pieces, mask), expected)


def test_it_begins_as_bert_does() -> None:
    torch.manual_seed(3)
    state = Bert(BertSizes(48, 192, 12, 1, vocab_size=500)).state_dict()
    words = state["embeddings.word_embeddings.weight"]
    assert not words[0].any()
    for weight in (words[1:], state["encoder.layer.0.intermediate.dense.weight"]):
        assert abs(float(weight.std()) / 0.02 - 1) < 0.05
    assert not state["encoder.layer.0.output.dense.bias"].any()
