"""Schema files as they lie in a folder: `<domain>/<subject>.<past-verb>.v<major>.avsc`, one record each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.contracts.names import EventType, contract_name
from hub.errors import ContractError

SUFFIX = ".avsc"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a schemas folder: the file, the field's path (empty: the whole file), and what."""

    file: str
    field: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}, field {self.field}" if self.field else self.file
        return f"{place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Source:
    """A schema file that could be read: its place within the folder, its event type and its schema."""

    file: str
    event_type: EventType
    schema: dict[str, Any]


def read_sources(folder: Path) -> tuple[list[Source], list[Finding]]:
    """Return every schema file of a folder that can be read, and findings on the others."""
    sources: list[Source] = []
    findings: list[Finding] = []
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        file = path.relative_to(folder).as_posix()
        try:
            schema = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
            sources.append(Source(file, _event_type(file), _mapping(schema)))
        except (ValueError, RecursionError) as error:
            findings.append(Finding(file, "", f"it is no JSON text: {error}."))
        except OSError as error:
            findings.append(Finding(file, "", f"it cannot be read: {error.strerror}."))
        except ContractError as error:
            findings.append(Finding(file, "", str(error)))
    return sources, findings


def _event_type(file: str) -> EventType:
    domain, _, rest = file.removesuffix(SUFFIX).partition("/")
    if not rest or "/" in rest:
        raise ContractError("a schema file stands at <domain>/<subject>.<past-verb>.v<major>.avsc.")
    return contract_name(f"{domain}.{rest}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: the last one would win silently."""
    out = dict(pairs)
    for key, _ in pairs:
        if sum(key == other for other, _ in pairs) > 1:
            raise ValueError(f"the key {key!r} stands twice")
    return out


def _mapping(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise ContractError("a schema file holds one record.")
    return schema
