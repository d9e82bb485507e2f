"""What the shipped weights make of the samples and of silence, at 18 dB in one process."""

import io
from itertools import product

import numpy as np
import pytest
import soundfile

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from semcom.demo import SAMPLES, load_samples
from shared.scores import psnr_db
from shared.tasks import TASKS
from shared.weights import find_weights, load_joint_manifest
from systems.layers.preprocessing import resize
from systems.registry import DEFAULT_SYSTEM
from transmitter.media import decode_media

WEIGHTS = SAMPLES.parent.parent / "weights"
SPEAKING = [
    system
    for system, folders in find_weights(WEIGHTS).items()
    if "speech_recognition" in load_joint_manifest(folders).tasks
]
GOOD_SNR = Channel("awgn", snr_db=18.0, seed=1)
MIN_PSNR_DB = 20.0


@pytest.fixture(scope="module")
def link():
    return SemanticLink.load(WEIGHTS, DEFAULT_SYSTEM)


def answer_to(link, task, source):
    return link.send(task, [source], [GOOD_SNR], [1])[0][0].answer


def source_of(sample):
    files = {modality: path.read_bytes() for modality, path in sample.files.items()}
    texts = {} if sample.text is None else {"text": sample.text.encode()}
    return {modality: decode_media(modality, data) for modality, data in {**files, **texts}.items()}


@pytest.mark.parametrize("sample", load_samples(), ids=lambda sample: sample.name)
def test_a_sample_is_answered_as_it_says(link, sample):
    source = source_of(sample)
    answer = answer_to(link, sample.task, source)
    if sample.truth is None:
        picture = np.asarray(answer.image)
        assert psnr_db(resize(source["image"], picture.shape[:2]), picture) > MIN_PSNR_DB
    elif TASKS[sample.task].answer.kind == "labels":
        assert set(answer.labels) == set(sample.truth.split(", "))
    else:
        assert (answer.text if answer.text is not None else answer.labels[0]) == sample.truth


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("don’t", "don't"),
        ("I can't, won't and shouldn't.", "i can't, won't and shouldn't."),
        ("10–15", "10-15"),
        ("It's the members' vote — really…", "it's the members' vote -- really..."),
    ],
)
def test_typographic_text_comes_back_as_english(link, text, answered):
    assert answer_to(link, "text_reconstruction", {"text": text}).text == answered


@pytest.mark.parametrize("system", SPEAKING)
def test_silence_is_an_empty_transcript(system):
    recordings = []
    for level, duration_s in product((0.0, 5e-4), (1, 5)):
        buffer = io.BytesIO()
        noise = np.random.default_rng(0).standard_normal(16_000 * duration_s)
        soundfile.write(buffer, level * noise, 16_000, format="WAV", subtype="FLOAT")
        recordings.append({"audio": decode_media("audio", buffer.getvalue())})
    channels = [Channel("awgn", snr_db=snr_db, seed=1) for snr_db in (18.0, 0.0)]
    link = SemanticLink.load(WEIGHTS, system)
    for answers in link.send("speech_recognition", recordings, channels, range(len(recordings))):
        assert [sent.answer.text for sent in answers] == [""] * len(recordings)


def test_stereo_that_cancels_is_heard(link):
    sample = next(sample for sample in load_samples() if sample.task == "speech_recognition")
    samples, rate_hz = soundfile.read(sample.files["audio"])
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([samples, -samples], axis=1), rate_hz, format="FLAC")
    source = {"audio": decode_media("audio", buffer.getvalue())}
    assert answer_to(link, sample.task, source).text == sample.truth
