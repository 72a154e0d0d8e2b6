"""`.env.example` and docs/reference/settings.md, written from the settings themselves.

`python -m hub.launch.settings_page` writes both into the checkout; a test fails when they are out of date.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, SecretStr

from hub.settings import Settings

_CHECKOUT = Path(__file__).resolve().parents[2]
_HEAD = """# Settings

Every setting is an environment variable; groups are joined by `__`. An empty default means: not set. Order of
precedence: environment, then `hub.env` in the data folder (written by `hub up`, for commands that reach the
running hub), then the default. One wrong variable or ten, there is one message that names them all, and exit
code 2. Written from `hub/settings.py` by `python -m hub.launch.settings_page`.
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting as its reader sees it."""

    name: str
    kind: str
    default: str
    description: str
    group: str


def variables() -> list[Variable]:
    """Return every setting, in the order of the settings' source."""
    return list(_of_group(Settings, "HUB_", ""))


def _of_group(group: type[BaseModel], prefix: str, title: str) -> Iterator[Variable]:
    for name, field in group.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _of_group(kind, f"{prefix}{name.upper()}__", (kind.__doc__ or "").strip())
            continue
        description = field.description or ""
        yield Variable(prefix + name.upper(), _kind(kind), _default(field.default), description, title)


def _kind(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return " | ".join(str(choice) for choice in arguments)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(_kind(each) for each in arguments if each is not type(None))
    names = {
        int: "whole number",
        float: "number",
        str: "text",
        Path: "path",
        SecretStr: "secret",
        bool: "yes/no",
    }
    return names[annotation]


def _default(value: Any) -> str:
    return "" if value is None else str(value)


def env_example() -> str:
    """Return `.env.example`: every variable with its default, commented out."""
    lines = ["# Every setting with its default. Copy what you change; docs/reference/settings.md explains."]
    group = None
    for variable in variables():
        if variable.group != group:
            lines.append("")
            if variable.group:
                lines.append(f"# {variable.group}")
            group = variable.group
        lines += [f"# {variable.description} ({variable.kind})", f"#{variable.name}={variable.default}"]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Return docs/reference/settings.md."""
    lines, group = [_HEAD], None
    for variable in variables():
        if variable.group != group:
            lines.append(f"\n## {variable.group.rstrip('.') or 'General'}\n")
            lines += ["| variable | kind | default | meaning |", "|---|---|---|---|"]
            group = variable.group
        kind = variable.kind.replace("|", "\\|")
        default = f"`{variable.default}`" if variable.default else ""
        lines.append(f"| `{variable.name}` | {kind} | {default} | {variable.description} |")
    return "\n".join(lines) + "\n"


PAGES = {".env.example": env_example, "docs/reference/settings.md": settings_page}
"""Path in the checkout -> what must stand there."""


def main() -> None:
    """Write every page into the checkout."""
    for path, page in PAGES.items():
        (_CHECKOUT / path).parent.mkdir(parents=True, exist_ok=True)
        (_CHECKOUT / path).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
