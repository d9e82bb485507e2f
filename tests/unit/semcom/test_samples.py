"""The shipped samples are those that the script makes."""

import json
import shutil
import sys

import numpy as np
import pytest

from semcom.demo import SAMPLES
from shared.tasks import TASKS
from transmitter.media import decode_media

# JPEG and H.264 differ a little from build to build; H.264 also codes a block in another way on another CPU.
TOLERANCE = {"image": (2, 1.0), "video": (16, 0.999), "audio": (1e-3, 1.0)}


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(SAMPLES.parent))
    import make_samples

    yield make_samples
    for name in ("make_samples", "scenes", "actions", "posters"):
        del sys.modules[name]


@pytest.mark.parametrize("task", TASKS)
def test_the_script_makes_what_is_shipped(maker, monkeypatch, tmp_path, task):
    if task == "speech_recognition" and shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    monkeypatch.setattr(maker, "FOLDER", tmp_path)
    (tmp_path / task).mkdir()
    rows = maker.MAKERS[task]()
    assert rows == [row for row in json.loads(SAMPLES.read_text()) if row["task"] == task]
    for modality, file in ((m, f) for row in rows for m, f in row.get("files", {}).items()):
        if not file.startswith(task):  # made for another task
            continue
        ours, shipped = (
            np.asarray(decode_media(modality, (folder / file).read_bytes()), dtype=float)
            for folder in (tmp_path, SAMPLES.parent)
        )
        most, share = TOLERANCE[modality]
        assert np.quantile(np.abs(ours - shipped), share) <= most, file
