"""Writes the settings of a link to where others read them; `make protos` runs it."""

from __future__ import annotations

from pathlib import Path

from channel_service.links.settings import declared_settings
from channel_service.radio.channels import MODELS
from shared.link_settings import SETTINGS_FILE, settings_text

DOCUMENT = Path(__file__).parents[2] / "docs" / "channel.md"
HEAD = "| field | default | allowed | what it is | used with |\n|---|---|---|---|---|\n"


def description() -> str:
    """Text of SETTINGS_FILE: the settings without those of other distributions' models."""
    return settings_text(declared_settings(MODELS.built_in).values())


def table() -> str:
    """The settings as a table of Markdown, without its head."""
    lines = []
    for setting in declared_settings(MODELS.built_in).values():
        default = (
            f"{setting.default:g}"
            if setting.type == "number"
            else "none"
            if setting.default == ""
            else setting.default
        )
        readers = "; ".join(f"`{name}`: {', '.join(values)}" for name, values in setting.read_by.items())
        description = setting.description.replace("|", "\\|")
        lines.append(f"| `{setting.name}` | {default} | {setting.allowed} | {description} | {readers} |\n")
    return "".join(lines)


def with_table(document: str) -> str:
    """A document in which the table below HEAD is that of `table`."""
    before, _, after = document.partition(HEAD)
    rest = after[after.index("\n\n") + 1 :]
    return f"{before}{HEAD}{table()}{rest}"


if __name__ == "__main__":
    SETTINGS_FILE.write_text(description(), encoding="utf-8")
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
