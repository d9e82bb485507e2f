"""The link over the network: the same instances, as files, through three real services."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from channel_service.radio.channels import Channel
from experiments.evaluation.evaluate import Sender
from experiments.evaluation.link import LinkAnswer
from semcom.api import Client
from semcom.stack import Stack
from semcom.tables import read_answer
from shared.errors import WeightsMismatch
from shared.source import SAMPLE_RATE_HZ, Source
from shared.tasks import Modality
from shared.weights import Manifest
from systems.rows import Options

_NUM_CLIENTS = 4


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """A picture as a PNG file; loses nothing."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def wav_bytes(samples: NDArray[np.float32]) -> bytes:
    """A recording as a WAV file of 32-bit floats; loses nothing."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    return file.getvalue()


def lossless_video_bytes(frames: NDArray[np.uint8]) -> bytes:
    """A clip as an AVI file of uncompressed RGB frames; loses nothing."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "bgr24"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return file.getvalue()


FILES: Mapping[Modality, Callable[[Any], Any]] = {
    "text": str,
    "image": png_bytes,
    "audio": wav_bytes,
    "video": lossless_video_bytes,
}


def send_over_network(
    client: Client,
    system: str,
    task: str,
    source: Source,
    channel: Channel,
    frame_number: int,
    options: Options | None = None,
    *,
    csi: str = "perfect",
) -> LinkAnswer:
    """Send one instance through running services, as the frame of the given number.

    The link's own radio settings do not count; its network and its recordings do.
    """
    parameters: dict[str, Any] = dict(channel.parameters)
    files = {modality: FILES[modality](value) for modality, value in source.items()}
    result = client.transmit(
        task,
        **files,
        system=system,
        channel=channel.model,
        fading=channel.fading,
        snr_db=channel.snr_db,
        seed=channel.seed,
        symbol_rate_hz=channel.symbol_rate_hz,
        csi=csi,
        num_pilots=channel.num_pilots or None,
        csi_error_db=channel.csi_error_db,
        frame_number=frame_number,
        options=options,
        **parameters,
    )
    overhead = result["overhead"]
    return LinkAnswer(
        replace(read_answer(result).to_task_answer(), outage=result["outage"]),
        overhead["channel_uses"],
        overhead["payload_bytes"],
        result["realised_snr_db"],
        overhead["information_bits"],
        overhead["coded_bits"],
    )


@contextmanager
def over_services(weights: Path, manifest: Manifest, url: str | None = None) -> Iterator[Sender]:
    """A sender through three real services: running ones, or some started on free ports for the while.

    Args:
        weights: Folder with a folder of weights a system.
        manifest: Of the system to measure, whose weights lie there.
        url: Of the transmitter of running services; they must hold these very weights.

    Raises:
        WeightsMismatch: If they hold others.
    """
    with ExitStack() as stack:
        if url is None:
            started = stack.enter_context(Stack.start(weights=weights, free_ports=True))
            client = stack.enter_context(started.client())
        else:
            client = stack.enter_context(Client(url))
            held = {row["name"]: row["fingerprint"] for row in client.systems()}.get(manifest.system, "none")
            if held != manifest.fingerprint:
                raise WeightsMismatch(manifest.fingerprint, held)
        pool = stack.enter_context(ThreadPoolExecutor(_NUM_CLIENTS))

        def send(
            task: str,
            sources: Sequence[Source],
            channels: Sequence[Channel],
            frame_numbers: Sequence[int],
            options: Options,
        ) -> list[list[LinkAnswer]]:
            send_one = partial(send_over_network, client, manifest.system, task, options=options)
            answers = [pool.map(send_one, sources, repeat(link), frame_numbers) for link in channels]
            return [list(of_channel) for of_channel in answers]

        yield send
