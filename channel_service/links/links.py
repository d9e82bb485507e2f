"""Links: named settings that can change while frames are on the way."""

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

from channel_service.links.files import NAME_RULE, is_name
from channel_service.links.recording import Recordings
from channel_service.links.settings import LinkSettings
from channel_service.links.traces import Traces
from channel_service.radio.channels import MODELS
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField, UnknownName
from shared.logs import log_event
from shared.names import shorten_names

DEFAULT_LINK = "default"
MAX_LINKS = 1024
MAX_CHANGES_KEPT = 4096
_LOG = logging.getLogger(__name__)
_MAX_POINTS_KEPT = 64
_NO_CHANGES = channel_service_pb2.LinkSettings()


@dataclass(frozen=True)
class Link:
    """One link as it is at one moment; frames on their way keep theirs.

    Attributes:
        name: Of the link.
        settings: That hold.
        numbers: Gives each number once to frames that bring none; `next` on it is atomic.
        schedule_since_s: When the schedule was set, on the links' clock [s].
    """

    name: str
    settings: LinkSettings
    numbers: Iterator[int]
    schedule_since_s: float


@dataclass(frozen=True)
class LinkChange:
    """What was done to a link.

    Attributes:
        link: Its name.
        time: When.
        origin: Protocol and address of the caller.
        action: set | replace | delete.
        settings: As they were given, of a schedule the first _MAX_POINTS_KEPT points.
    """

    link: str
    time: datetime
    origin: str
    action: str
    settings: channel_service_pb2.LinkSettings


class Links:
    """The links of one service, what they play and record, and what was done to them.

    Args:
        folder: Of traces and recordings.
        clock: Seconds that never run backwards; schedules over time go by it.
    """

    def __init__(
        self, folder: Path = Path("recordings"), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.traces, self.recordings = Traces(folder), Recordings(folder)
        self.clock = clock
        self._links = {DEFAULT_LINK: Link(DEFAULT_LINK, LinkSettings(), count(), clock())}
        self._changes: deque[LinkChange] = deque(maxlen=MAX_CHANGES_KEPT)
        self._lock = threading.Lock()

    def get(self, name: str) -> LinkSettings:
        """Settings of a link as they are now.

        Raises:
            UnknownName: If there is no such link.
        """
        return self.find(name).settings

    def find(self, name: str, overrides: channel_service_pb2.LinkSettings = _NO_CHANGES) -> Link:
        """A link as it is now, for one request.

        Args:
            name: Of the link.
            overrides: Settings that hold for this request alone.

        Raises:
            UnknownName: If there is no such link, trace or recording.
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
        """Make or change a link, all or nothing. Holds from the next frame.

        Args:
            name: Of the link.
            changes: Settings to set.
            origin: Who asks, for the record.
            replaces: Absent fields take their default; else they keep their value.

        Raises:
            UnknownName: If there is no such trace or recording.
            InvalidField: If the name or a value is not allowed.
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
            self._note(name, origin, "replace" if replaces else "set", changes)
        return changed.settings

    def delete(self, name: str, *, origin: str = "") -> None:
        """Delete a link; frames on their way through it go on.

        Raises:
            UnknownName: If there is no such link.
            InvalidField: If it is the default one.
        """
        if name == DEFAULT_LINK:
            raise InvalidField("link", name, f"any link but {DEFAULT_LINK}, which is always there")
        with self._lock:
            self.find(name)
            del self._links[name]
            self._note(name, origin, "delete", _NO_CHANGES)

    def all(self) -> dict[str, LinkSettings]:
        """Every link, sorted by name."""
        return {name: link.settings for name, link in sorted(self._links.items())}

    def changes(self, name: str) -> list[LinkChange]:
        """What was done to a link since the start, oldest first; of all links the last MAX_CHANGES_KEPT.

        Raises:
            UnknownName: If there is no such link and never was.
        """
        with self._lock:
            found = [change for change in self._changes if change.link == name]
        if not found:
            self.find(name)
        return found

    def _changed(self, link: Link, before: LinkSettings, changes: channel_service_pb2.LinkSettings) -> Link:
        """The link with changes to the settings `before`, for which everything must be at hand."""
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

    def _note(self, name: str, origin: str, action: str, given: channel_service_pb2.LinkSettings) -> None:
        settings = channel_service_pb2.LinkSettings()
        settings.CopyFrom(given)
        if settings.HasField("snr_schedule"):
            for points in (settings.snr_schedule.at, settings.snr_schedule.snr_db):
                del points[_MAX_POINTS_KEPT:]
        self._changes.append(LinkChange(name, datetime.now(UTC), origin, action, settings))
        shown = MessageToDict(settings, preserving_proto_field_name=True)
        log_event(_LOG, "link", link=name, action=action, origin=origin, settings=shown)
