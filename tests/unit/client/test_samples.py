"""The shipped pictures are those that the script draws."""

import sys

import numpy as np
import pytest
from PIL import Image

from client.demo import SAMPLES, load_samples


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(SAMPLES.parent))
    import make_samples

    yield make_samples
    for name in ("make_samples", "scenes"):
        del sys.modules[name]


def test_the_script_draws_what_is_shipped(maker, monkeypatch, tmp_path):
    monkeypatch.setattr(maker, "FOLDER", tmp_path)
    maker.main()
    drawn = load_samples(tmp_path / "samples.json")
    shipped = load_samples()
    assert [(s.name, s.task, s.text, s.truth) for s in drawn] == [
        (s.name, s.task, s.text, s.truth) for s in shipped
    ]
    for ours, theirs in zip(drawn, shipped, strict=True):
        for modality, path in ours.files.items():
            pixels = [np.asarray(Image.open(p), dtype=int) for p in (path, theirs.files[modality])]
            assert np.abs(pixels[0] - pixels[1]).max() <= 2, ours.name
