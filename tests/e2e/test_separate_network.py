"""The system of digital frames answers over three real processes as it does in process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channel_service.radio.channels import Channel
from experiments.evaluation.link import SemanticLink
from experiments.evaluation.network_link import send_over_network
from semcom.stack import Stack
from shared.tasks import TASKS
from systems.separate.manifest import write_manifest


def test_network_equals_in_process(tiny_weights: Path, tmp_path: Path, sources: list[dict[str, Any]]) -> None:
    shutil.copytree(tiny_weights, tmp_path, dirs_exist_ok=True)
    write_manifest(tmp_path)
    link = SemanticLink.load(tmp_path, "separate")
    channels = [Channel("awgn", "block", 12.0, seed=5), Channel("rayleigh", "block", -9.0, seed=6)]
    with Stack.start(weights=tmp_path, free_ports=True) as stack, stack.client() as client:
        for task, kind in TASKS.items():
            source = {modality: sources[0][modality] for modality in kind.modalities}
            source |= {"audio": source["audio"][:1600]} if "audio" in source else {}
            for channel in channels:
                ((ours,),) = link.send(task, [source], [channel], [0])
                theirs = send_over_network(client, "separate", task, source, channel, 0)
                assert theirs.channel_uses == ours.channel_uses
                assert theirs.answer.labels == ours.answer.labels
                assert theirs.answer.text == ours.answer.text
                assert theirs.answer.outage == ours.answer.outage
                assert dict(theirs.answer.scores) == pytest.approx(dict(ours.answer.scores), abs=1e-4)
                if ours.answer.image is not None and theirs.answer.image is not None:
                    np.testing.assert_array_equal(theirs.answer.image, ours.answer.image)


def test_the_scheme_follows_the_link_and_the_answer_names_it(tiny_weights: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_weights, tmp_path, dirs_exist_ok=True)
    write_manifest(tmp_path)
    answers = {}
    with Stack.start(weights=tmp_path, free_ports=True) as stack, stack.client() as client:
        for snr_db in (-6.0, 18.0):
            answers[snr_db] = client.transmit(
                "text_reconstruction",
                text="a fine film",
                system="separate",
                options={"mcs": "auto"},
                channel="awgn",
                snr_db=snr_db,
            )
    robust, fast = answers[-6.0], answers[18.0]
    assert (robust["options"]["mcs"], fast["options"]["mcs"]) == ("qpsk-1/3", "64qam-1/2")
    assert robust["overhead"]["channel_uses"] > fast["overhead"]["channel_uses"]
    assert fast["answer"]["text"] == "a fine film"
    assert not fast["outage"]
