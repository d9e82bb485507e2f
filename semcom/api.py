"""Python client of the emulator's two HTTP services.

client = Client()
result = client.transmit("vqa", text="what shape is present?", image="circle.png", snr_db=6)
result["answer"]["label"], result["overhead"]["channel_uses"]
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from semcom.errors import ClientError

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_CHANNEL_URL = "http://127.0.0.1:8001"
# For a service's own words about a request that it gave up, after the time that it was given.
_MARGIN_S = 10.0

Media = str | Path | bytes
"""A file's path, or its bytes."""


class ServiceError(ClientError):
    """A request that a service refused, or a service that cannot be reached.

    Attributes:
        error: As the service sent it: type, message and, where they apply, field, value, allowed.
        status: HTTP status; 0 where no answer came.
    """

    def __init__(self, error: dict[str, Any], status: int) -> None:
        super().__init__(str(error.get("message", "the request failed")))
        self.error, self.status = error, status


class Client:
    """Talks to a transmitter and a channel service; a context manager that closes its connections."""

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        channel_url: str = DEFAULT_CHANNEL_URL,
        timeout_s: float = 120.0,
        *,
        token: str | None = None,
        authority: str | Path | None = None,
    ) -> None:
        """Name the services; nothing is sent yet.

        Args:
            base_url: Of the transmitter.
            channel_url: Of the channel service, for links and reports.
            timeout_s: Longest wait for one answer, but for a request that is given more time [s].
            token: Access token of the services; SEMCOM_ACCESS_TOKEN of the environment where absent.
            authority: PEM file of who signs their certificates; SEMCOM_TLS_AUTHORITY where absent.
        """
        token = token or os.environ.get("SEMCOM_ACCESS_TOKEN")
        authority = authority or os.environ.get("SEMCOM_TLS_AUTHORITY")
        self._transmitter = open_http(base_url, timeout_s, token, authority)
        self._channel = open_http(channel_url, timeout_s, token, authority)
        self._timeout_s = timeout_s

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transmitter.close()
        self._channel.close()

    def transmit(
        self,
        task: str,
        *,
        text: str | None = None,
        image: Media | None = None,
        audio: Media | None = None,
        video: Media | None = None,
        system: str | None = None,
        link: str | None = None,
        frame_number: int | None = None,
        encoding: str | None = None,
        timeout_s: float | None = None,
        options: Mapping[str, int | float | str] | None = None,
        **settings: float | str | None,
    ) -> dict[str, Any]:
        """Send one instance across the link and return what the receiver answered.

        Args:
            task: One of `tasks()`.
            text: UTF-8 text, where the task takes one.
            image: PNG, JPEG, WebP, BMP or GIF; a path or bytes, as for all media.
            audio: WAV, FLAC, OGG, MP3, WebM or MP4.
            video: MP4, AVI or WebM.
            system: One of `systems()`; the transmitter's default where absent.
            link: Named link; "default" where absent.
            frame_number: Fixes the draw together with the seed.
            encoding: Of the symbols on the wire: float32, float16 or int8.
            timeout_s: Longest time that the services may take; the transmitter's own limit where absent [s].
            options: Of the system, by name: what it lets a client choose for each instance, see `systems()`.
            settings: Override the link's for this instance, such as snr_db=6; see `link_settings()`.

        Returns:
            The answer, the channel as applied, overhead and latency_ms.

        Raises:
            ServiceError: If a service refused or cannot be reached.
            OSError: If a file cannot be read.
        """
        query = {
            "task": task, "system": system, "link": link, "frame_number": frame_number, "encoding": encoding,
            "timeout_s": timeout_s, **settings,
        }  # fmt: skip
        media = {"image": image, "audio": audio, "video": video}
        result: dict[str, Any] = _request(
            self._transmitter,
            "POST",
            "/transmit",
            # Pairs, so that the service refuses an option that is another parameter too.
            params=[*_present(query).items(), *(options or {}).items()],
            timeout=self._timeout_s if timeout_s is None else max(self._timeout_s, timeout_s + _MARGIN_S),
            **_body(text, _present(media)),
        )
        return result

    def transmit_each(self, task: str, systems: Sequence[str], **instance: Any) -> list[dict[str, Any]]:
        """Send one instance by several systems over the same draw of the channel.

        Args:
            task: One of `tasks()`.
            systems: Two or more of `systems()`.
            instance: Further arguments of `transmit`. An option goes to all systems that declare it.

        Returns:
            For each system, in the order of `systems`: system, and either result (as `transmit` returns it)
            or error (type, message, ...); the other of the two is None.

        Raises:
            ServiceError: If every system failed, or the transmitter cannot be reached.
            OSError: If a file cannot be read.
        """
        outcomes: Any = self.transmit(task, system=",".join(systems), **instance)
        return [{"system": systems[0], "result": outcomes, "error": None}] if len(systems) == 1 else outcomes

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks: name, modalities, answer, metric, description, trained_in."""
        tasks: list[dict[str, Any]] = _request(self._transmitter, "GET", "/tasks")
        return tasks

    def systems(self) -> list[dict[str, Any]]:
        """The systems whose weights are loaded: name, description, profile, fingerprint, tasks, options."""
        systems: list[dict[str, Any]] = _request(self._transmitter, "GET", "/systems")
        return systems

    def link_settings(self) -> list[dict[str, Any]]:
        """What a link can be set to: name, unit, default, range and what it is; see GET /link-settings."""
        settings: list[dict[str, Any]] = _request(self._channel, "GET", "/link-settings")
        return settings

    def links(self) -> list[dict[str, Any]]:
        """Every link with its settings."""
        links: list[dict[str, Any]] = _request(self._channel, "GET", "/links")
        return links

    def link(self, name: str = "default") -> dict[str, Any]:
        """Settings of one link."""
        link: dict[str, Any] = _request(self._channel, "GET", f"/links/{_quoted(name)}")
        return link

    def set_link(self, name: str = "default", **fields: Any) -> dict[str, Any]:
        """Make a link, or set fields of it (channel, fading, snr_db, ...); others keep what they hold.

        Returns:
            The link as it is from the next frame on.
        """
        return self._write_link("PATCH", name, fields)

    def replace_link(self, name: str = "default", **fields: Any) -> dict[str, Any]:
        """Make a link, or set all fields of it; those that are not given take their default.

        Returns:
            The link as it is from the next frame on.
        """
        return self._write_link("PUT", name, fields)

    def delete_link(self, name: str) -> None:
        """Delete a link; "default" stays."""
        _send(self._channel, "DELETE", f"/links/{_quoted(name)}")

    def link_changes(self, name: str = "default") -> list[dict[str, Any]]:
        """What was done to a link, oldest first: time, origin, action, settings."""
        path = f"/links/{_quoted(name)}/changes"
        changes: list[dict[str, Any]] = _request(self._channel, "GET", path)
        return changes

    def set_schedule(
        self,
        name: str,
        points: Media,
        *,
        over: str = "frame",
        interpolation: str = "hold",
        repeats: bool = False,
    ) -> dict[str, Any]:
        """Let a link's SNR follow a CSV file with the columns at,snr_db.

        Args:
            name: Of the link.
            points: The file's path, or its bytes.
            over: What `at` is: frame (its number) or time_s (since now).
            interpolation: hold (steps) or linear (ramps).
            repeats: Start over at the last point.

        Returns:
            The link as it is from the next frame on.

        Raises:
            ServiceError: If the service refused or cannot be reached.
            OSError: If the file cannot be read.
        """
        _, content = _file("points", points)
        params = {"over": over, "interpolation": interpolation, "repeats": repeats}
        path, headers = f"/links/{_quoted(name)}/schedule", {"Content-Type": "text/csv"}
        link: dict[str, Any] = _request(
            self._channel, "PUT", path, params=params, content=content, headers=headers
        )
        return link

    def clear_schedule(self, name: str = "default") -> dict[str, Any]:
        """Let a link keep its own SNR again."""
        link: dict[str, Any] = _request(self._channel, "DELETE", f"/links/{_quoted(name)}/schedule")
        return link

    def keep_recording(self, name: str, recording: Media) -> dict[str, Any]:
        """Bring a recording made elsewhere: a file's path, or its bytes; returns how many frames it holds."""
        return self._keep(f"/recordings/{_quoted(name)}", "application/jsonl", recording)

    def keep_trace(self, name: str, trace: Media) -> dict[str, Any]:
        """Bring recorded gains: a path to a .npy or .csv file, or the bytes of an .npy file."""
        is_csv = not isinstance(trace, bytes) and Path(trace).suffix == ".csv"
        media_type = "text/csv" if is_csv else "application/octet-stream"
        return self._keep(f"/traces/{_quoted(name)}", media_type, trace)

    def recording(self, name: str) -> bytes:
        """A recording's file, to be replayed elsewhere."""
        return _send(self._channel, "GET", f"/recordings/{_quoted(name)}").content

    def _keep(self, path: str, media_type: str, file: Media) -> dict[str, Any]:
        _, content = _file("file", file)
        headers = {"Content-Type": media_type}
        kept: dict[str, Any] = _request(self._channel, "PUT", path, content=content, headers=headers)
        return kept

    def _write_link(self, method: str, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        # httpx's own json= refuses NaN with a ValueError; the service refuses it naming the field.
        content, headers = json.dumps(fields), {"Content-Type": "application/json"}
        path = f"/links/{_quoted(name)}"
        link: dict[str, Any] = _request(self._channel, method, path, content=content, headers=headers)
        return link

    def report(self, kind: str, **query: Any) -> list[dict[str, Any]]:
        """Rows of a report of the channel service.

        Args:
            kind: overhead, paper (the paper's overhead table), latency or instances.
            query: What narrows and groups it, absent where None: task, system, link, channel, fading, csi,
                status, min_snr_db, max_snr_db, since and until (ISO 8601); group_by (names with commas
                between) and snr_bin_db, or, of instances, limit and offset.
        """
        path = f"/reports/{_quoted(kind)}"
        rows: list[dict[str, Any]] = _request(self._channel, "GET", path, params=_present(query))
        return rows

    def report_file(self, kind: str, file_format: str, **query: Any) -> bytes:
        """A report as the channel service writes it: csv or parquet; the query as for `report`."""
        params = _present({**query, "format": file_format})
        return _send(self._channel, "GET", f"/reports/{_quoted(kind)}", params=params).content


def open_http(
    url: str, timeout_s: float, token: str | None = None, authority: str | Path | None = None
) -> httpx.Client:
    """A connection to one service; the arguments are those of `Client`."""
    # Services of one's own network are never behind the proxy that the environment may name.
    return httpx.Client(
        base_url=url,
        timeout=timeout_s,
        trust_env=False,
        headers={"Authorization": f"Bearer {token}"} if token else None,
        verify=ssl.create_default_context(cafile=authority) if authority else True,
    )


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _body(text: str | None, media: dict[str, Media]) -> dict[str, Any]:
    """JSON for text alone, else multipart."""
    if not media:
        return {"json": _present({"text": text})}
    return {
        "files": {name: _file(name, value) for name, value in media.items()},
        "data": _present({"text": text}),
    }


def _file(field: str, value: Media) -> tuple[str, bytes]:
    if isinstance(value, bytes):
        return field, value
    path = Path(value)
    return path.name, path.read_bytes()


def _request(http: httpx.Client, method: str, path: str, **options: Any) -> Any:
    return _send(http, method, path, **options).json()


def _send(http: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    try:
        response = _request_again(http, method, path, **options)
    except httpx.TimeoutException as error:
        raise _unreachable("DeadlineExceeded", f"{http.base_url} did not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(
            "ServiceUnavailable", f"{http.base_url} cannot be reached ({error}); is `semcom up` running?"
        ) from error
    if response.is_success:
        return response
    raise ServiceError(error_of(response), response.status_code)


def _request_again(http: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """Send a request, and again where the connection had just been closed and nothing is done twice."""
    try:
        return http.request(method, path, **options)
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        if method == "POST":  # sends an instance, which may have been sent
            raise
        return http.request(method, path, **options)


def _unreachable(kind: str, message: str) -> ServiceError:
    return ServiceError({"type": kind, "message": message}, 0)


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error in a service's own words; where something else answered, what can be said of it."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        error = None
    if isinstance(error, dict):
        return error
    return {"type": "SemcomError", "message": f"{response.request.url} answered HTTP {response.status_code}"}
