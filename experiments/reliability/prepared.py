"""Requests that are put together once and sent many times, so that sending them costs little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from semcom.demo import Sample, load_samples

_TRANSMIT = "/transmit"
BATCHES = (1, 32)
"""Instances that are done together where both halves run in one process."""


@dataclass(frozen=True)
class PreparedRequest:
    """One POST request.

    Attributes:
        task: What it asks for.
        system: Who shall do it.
        path: Below the service's address.
        parameters: Of the query.
        headers: Content type and length.
        body: As it goes over the wire.
    """

    task: str
    system: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def target(self, **further: int | float) -> str:
        """Path and query, with further parameters."""
        return f"{self.path}?{urlencode({**self.parameters, **further})}"


def prepare(sample: Sample, system: str) -> PreparedRequest:
    """A request of the transmitter for one sample.

    Args:
        sample: What is sent.
        system: Who shall send it.

    Raises:
        OSError: If a file of the sample cannot be read.
    """
    fields: dict[str, tuple[str | None, bytes]] = {
        modality: (path.name, path.read_bytes()) for modality, path in sample.files.items()
    }
    if sample.text is not None:
        fields["text"] = (None, sample.text.encode())
    return prepare_fields(sample.task, system, fields)


def prepare_fields(task: str, system: str, fields: Mapping[str, tuple[str | None, bytes]]) -> PreparedRequest:
    """A request of the transmitter.

    Args:
        task: Name of the task.
        system: Who shall send it.
        fields: By modality the file's name and its bytes; a text alone without a name goes as JSON,
            all else as a form.
    """
    if set(fields) == {"text"} and fields["text"][0] is None:
        # As the Python client and curl send it.
        content = {"text": fields["text"][1].decode()}
        request = httpx.Request("POST", "http://localhost", json=content)
    else:
        request = httpx.Request("POST", "http://localhost", files=list(fields.items()))
    headers = {"Content-Type": request.headers["content-type"]}
    query = {"task": task, "system": system}
    return PreparedRequest(task, system, _TRANSMIT, query, headers, request.read())


def samples_of(task: str) -> list[Sample]:
    """The samples of a task."""
    return [sample for sample in load_samples() if sample.task == task]
