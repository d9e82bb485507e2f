"""Links: named settings of a channel, which can change while the service is running."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from channel_service.links.recording import Recordings
from channel_service.links.settings import LinkSettings
from channel_service.links.traces import Traces
from channel_service.radio.channels import MODELS
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, UnknownName
from shared.names import NAME_RULE, is_name, shorten_names
from shared.runtime.logs import log_event

DEFAULT_LINK = "default"
MAX_LINKS = 1024
MAX_STORED_CHANGES = 4096
_LOG = logging.getLogger(__name__)
_MAX_STORED_POINTS = 64
_NO_CHANGES = channel_service_pb2.LinkSettings()


@dataclass(frozen=True)
class Link:
    """One link at one moment. A change makes a new object, so requests in progress are not affected.

    Attributes:
        name: Name of the link.
        settings: Settings of the link.
        numbers: Counter that numbers the frames without a frame number; `next` on it is atomic.
        schedule_since_s: Time at which the schedule was set, on the clock of `Links` [s].
    """

    name: str
    settings: LinkSettings
    numbers: Iterator[int]
    schedule_since_s: float


@dataclass(frozen=True)
class LinkChange:
    """One change of a link.

    Attributes:
        link: Name of the link.
        time: Time of the change, UTC.
        origin: Protocol and address of the caller.
        action: set | replace | delete.
        settings: The settings in the request, with at most _MAX_STORED_POINTS points of a schedule.
    """

    link: str
    time: datetime
    origin: str
    action: str
    settings: channel_service_pb2.LinkSettings


class Links:
    """The links of one service, with their traces, their recordings and their changes.

    Args:
        folder: Folder of the traces and recordings.
        clock: Monotonic clock for schedules over time [s].

    Attributes:
        traces: The traces that links can play.
        recordings: The recordings that links can make and replay.
        clock: The clock.
    """

    def __init__(
        self, folder: Path = Path("recordings"), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.traces, self.recordings = Traces(folder), Recordings(folder)
        self.clock = clock
        self._links = {DEFAULT_LINK: Link(DEFAULT_LINK, LinkSettings(), count(), clock())}
        self._changes: deque[LinkChange] = deque(maxlen=MAX_STORED_CHANGES)
        self._lock = threading.Lock()

    def get(self, name: str) -> LinkSettings:
        """Current settings of a link.

        Raises:
            UnknownName: If there is no link of this name.
        """
        return self.find(name).settings

    def find(self, name: str, overrides: channel_service_pb2.LinkSettings = _NO_CHANGES) -> Link:
        """The current link, for one request.

        Args:
            name: Name of the link.
            overrides: Settings that replace those of the link for this request only.

        Raises:
            UnknownName: If the link does not exist, or a trace or recording that the settings name.
            InvalidField: If a value is not allowed.
        """
        link = self._links.get(name)
        if link is None:
            raise UnknownName("link", name, shorten_names(sorted(self._links)))
        return self._changed(link, link.settings, overrides)

    def set(
        self,
        name: str,
        changes: channel_service_pb2.LinkSettings,
        *,
        origin: str = "",
        replaces: bool = False,
    ) -> LinkSettings:
        """Create or change a link. If one value is not allowed, nothing is changed.

        The change takes effect from the next request.

        Args:
            name: Name of the link.
            changes: Settings to change.
            origin: Protocol and address of the caller, stored with the change.
            replaces: If true, absent fields get their default value; if false, they keep their value.

        Returns:
            The new settings of the link.

        Raises:
            UnknownName: If a trace or recording that the settings name does not exist.
            InvalidField: If the name or a value is not allowed, or there are too many links.
        """
        if not is_name(name):
            raise InvalidField("link", name, NAME_RULE)
        with self._lock:
            link = self._links.get(name)
            if link is None:
                if len(self._links) >= MAX_LINKS:
                    raise InvalidField("link", name, f"at most {MAX_LINKS} links")
                link = Link(name, LinkSettings(), count(), self.clock())
            changed = self._changed(link, LinkSettings() if replaces else link.settings, changes)
            self._links[name] = changed
            self._log_change(name, origin, "replace" if replaces else "set", changes)
        return changed.settings

    def delete(self, name: str, *, origin: str = "") -> None:
        """Delete a link. Requests in progress on this link are finished.

        Args:
            name: Name of the link.
            origin: Protocol and address of the caller, stored with the change.

        Raises:
            UnknownName: If there is no link of this name.
            InvalidField: If it is the default link.
        """
        if name == DEFAULT_LINK:
            raise InvalidField("link", name, f"any link but {DEFAULT_LINK}, which always exists")
        with self._lock:
            self.find(name)
            del self._links[name]
            self._log_change(name, origin, "delete", _NO_CHANGES)

    def all(self) -> dict[str, LinkSettings]:
        """Settings of every link by its name, sorted by name."""
        return {name: link.settings for name, link in sorted(self._links.items())}

    def changes(self, name: str) -> list[LinkChange]:
        """Changes of a link since the service started, oldest first.

        The last MAX_STORED_CHANGES changes of all links together are stored, also those of deleted links.

        Raises:
            UnknownName: If there is no link of this name and no stored change of one.
        """
        with self._lock:
            found = [change for change in self._changes if change.link == name]
        if not found:
            self.find(name)
        return found

    def _changed(self, link: Link, before: LinkSettings, changes: channel_service_pb2.LinkSettings) -> Link:
        """The link with changes to the settings `before`; checks that what the settings name exists."""
        settings = before.with_changes(changes)
        if settings is link.settings:
            return link
        MODELS[settings.channel].check_available()
        if settings.trace:
            self.traces.get(settings.trace)
        if settings.replay:
            self.recordings.path(settings.replay)
        since_s = self.clock() if changes.HasField("snr_schedule") else link.schedule_since_s
        return replace(link, settings=settings, schedule_since_s=since_s)

    def _log_change(
        self, name: str, origin: str, action: str, given: channel_service_pb2.LinkSettings
    ) -> None:
        settings = channel_service_pb2.LinkSettings()
        settings.CopyFrom(given)
        if settings.HasField("snr_schedule"):
            for points in (settings.snr_schedule.at, settings.snr_schedule.snr_db):
                del points[_MAX_STORED_POINTS:]
        self._changes.append(LinkChange(name, datetime.now(UTC), origin, action, settings))
        shown = MessageToDict(settings, preserving_proto_field_name=True)
        log_event(_LOG, "link", link=name, action=action, origin=origin, settings=shown)
