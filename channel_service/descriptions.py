"""The declared link settings and ledger fields, written for others to read; `make protos` runs it."""

from __future__ import annotations

from pathlib import Path

from channel_service.links.settings import declared_settings
from channel_service.radio.channels import MODELS
from shared.ledger import LEDGER
from shared.link_settings import SETTINGS_FILE, settings_text

DOCUMENT = Path(__file__).parents[1] / "docs" / "channel.md"
_SETTINGS_HEAD = "| field | default | allowed | what it is | used with |\n|---|---|---|---|---|\n"
_LEDGER_HEAD = "| field | meaning |\n|---|---|\n"


def settings_file() -> str:
    """Text of SETTINGS_FILE: the settings without those of other distributions' models."""
    return settings_text(declared_settings(MODELS.built_in).values())


def with_tables(document: str) -> str:
    """A document of Markdown with the tables of the settings and of the ledger as they are declared."""
    ledger = "".join(f"| `{own.name}` | {_escaped(own.help)} |\n" for own in LEDGER)
    return _with_table(_with_table(document, _SETTINGS_HEAD, _settings_table()), _LEDGER_HEAD, ledger)


def _settings_table() -> str:
    lines = []
    for setting in declared_settings(MODELS.built_in).values():
        default = f"{setting.default:g}" if setting.type == "number" else setting.default
        readers = "; ".join(f"`{name}`: {', '.join(values)}" for name, values in setting.read_by.items())
        cells = (
            f"`{setting.name}`",
            "none" if default == "" else str(default),
            setting.allowed,
            _escaped(setting.description),
            readers,
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _with_table(document: str, head: str, table: str) -> str:
    before, found, after = document.partition(head)
    if not found:
        raise ValueError(f"{DOCUMENT.name} has no table with the head {head.splitlines()[0]}")
    _, _, rest = after.partition("\n\n")
    return f"{before}{head}{table}\n{rest}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    SETTINGS_FILE.write_text(settings_file(), encoding="utf-8")
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
