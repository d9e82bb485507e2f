"""What a kind of hostile input did: statuses, and findings, which are inputs that a service did not stand."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

_MAX_KEPT = 50


class Attack:
    """Counts the answers to one kind of input.

    Args:
        name: Of the kind.
        bad: Statuses that are findings.
        folder: Where inputs that are findings are kept.
    """

    def __init__(self, name: str, bad: frozenset[str], folder: Path) -> None:
        self.name, self._bad, self._folder = name, bad, folder
        self.statuses: Counter[str] = Counter()
        self.findings: list[dict[str, str]] = []
        self.longest_s = 0.0

    def note(self, status: str, duration_s: float, what: str, content: bytes = b"") -> None:
        """Count one answer.

        Args:
            status: Of HTTP or gRPC.
            duration_s: Until it was there [s].
            what: The input, in words.
            content: The input itself, where words do not say it.
        """
        self.statuses[status] += 1
        self.longest_s = max(self.longest_s, duration_s)
        if status in self._bad and len(self.findings) < _MAX_KEPT:
            self.findings.append({"status": status, "what": what, "file": self._keep(content)})

    def to_json(self) -> dict[str, Any]:
        """As it is stored; a finding states what came instead, of which input, and the file that keeps it."""
        return {
            "name": self.name,
            "num_inputs": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            "num_findings": sum(number for status, number in self.statuses.items() if status in self._bad),
            "findings": self.findings,
            "longest_s": round(self.longest_s, 2),
        }

    def _keep(self, content: bytes) -> str:
        if not content:
            return ""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{hashlib.sha256(content).hexdigest()[:16]}.bin"
        path.write_bytes(content)
        return path.name
