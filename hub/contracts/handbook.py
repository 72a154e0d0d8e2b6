"""The page of all event types, written from the schemas; `COMMAND` makes it anew."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from hub.contracts import avro
from hub.contracts.schemas import Contract, Contracts

COMMAND = "python -m hub.contracts.handbook > docs/reference/event-types.md"

_HEAD = f"""# Event types

Written from the schemas in `schemas/` by `{COMMAND}`; change those, not this page.

A schema file stands at `schemas/<domain>/<subject>.<past-verb>.v<major>.avsc` and its newest version
counts; the ids are in `schemas/lock.json` and never change. The envelope around the data (who, when,
which case) is described in [the wire contract](wire-contract.md).

## How to read the tables

- **default**: a field without one is always there and can never be withheld by an agreement.
- **personal**: the field may point to a person; its legal basis stands below the table. It is nullable,
  and null where an agreement withholds it.
- Times are `timestamp-millis` (UTC), days are `date`, money is `decimal`. In JSON: RFC 3339, ISO days,
  decimals as text.

## Rules for authors

`hub schemas check` insists on these and prints every breach at once; `hub schemas lock` then gives the
next id.

1. File, record and namespace agree: `service/case.handed-over.v1.avsc` holds
   `peyvand.service.v1.CaseHandedOver`.
2. A record has `doc` (English), `doc_fa` (Persian), `title` in both, and `owner`: who answers for the
   contract.
3. Every field has `doc`, `title` in both languages, and `personal: true` or `false`. Other annotations:
   `legal_basis` (required where personal, forbidden elsewhere), `owner`, `aliases`. An unknown one is a
   mistake.
4. A personal field is `["null", …]` with default `null`. Within another field it counts only if that
   one is personal.
5. Unions join null and one other type. No `float` or `double`: their text differs between systems. No
   recursion. Items of arrays have at least one byte. Every enum has a default symbol, or it could never
   grow.
6. Logical types: `timestamp-millis`, `timestamp-micros`, `date`, `time-millis`, `time-micros`,
   `decimal` (at most 38 digits), `uuid`.
7. Within a major, every version reads every other (FULL_TRANSITIVE): add and remove only fields with
   defaults, never change a type or a logical type. What cannot be so is a new major, a new file beside
   the old one, which stays.
8. Any change, a title too, is a new version with a new id: what an id stands for never changes.

"""


def page(contracts: Contracts) -> str:
    """Return the whole page as Markdown: the newest version of every event type, grouped by domain."""
    parts = [_HEAD]
    domain = ""
    for event_type in contracts.event_types():
        if event_type.partition(".")[0] != domain:
            domain = event_type.partition(".")[0]
            parts.append(f"## {domain}\n")
        parts.append("\n".join(_section(contracts.versions(event_type))))
    return "\n".join(parts)


def _section(versions: tuple[Contract, ...]) -> Iterator[str]:
    contract = versions[-1]
    yield f"### `{contract.event_type}`\n"
    yield f"**{contract.title_en}** · {contract.title_fa}\n"
    yield f"{contract.schema['doc']}\n"
    yield f"{contract.schema['doc_fa']}\n"
    ids = ", ".join(f"{old.version} (id {old.id})" for old in versions)
    yield f"Owner: {contract.schema['owner']}. Versions: {ids}.\n"
    yield from _table(contract.schema["fields"], avro.named_types(contract.schema))
    bases = [(note.name, note.legal_basis) for note in contract.fields if note.personal]
    if bases:
        yield "\nLegal basis of personal fields:\n"
        yield from (f"- `{name}`: {basis}" for name, basis in bases)
    yield ""


def _table(fields: Iterable[dict[str, Any]], names: dict[str, Any], prefix: str = "") -> Iterator[str]:
    if not prefix:
        yield "| field | type | default | personal | meaning | عنوان |"
        yield "|---|---|---|---|---|---|"
    for field in fields:
        default = f"`{_default(field['default'])}`" if "default" in field else ""
        personal = "yes" if field["personal"] else ""
        yield (
            f"| `{prefix}{field['name']}` | {_type(field['type'], names)} | {default} | {personal} "
            f"| {field['doc']} | {avro.title(field, 'fa')} |"
        )
        inner = _inner_record(field["type"], names)
        if inner is not None:
            yield from _table(inner["fields"], names, f"{prefix}{field['name']}[].")


def _default(default: Any) -> str:
    return "null" if default is None else str(default)


def _inner_record(schema: Any, names: dict[str, Any]) -> dict[str, Any] | None:
    schema = avro.resolve(schema, names)
    match avro.kind(schema):
        case "union":
            return _inner_record(schema[1], names)
        case "array":
            return _inner_record(schema["items"], names)
        case "record":
            return dict(schema)
        case _:
            return None


def _type(schema: Any, names: dict[str, Any]) -> str:
    schema = avro.resolve(schema, names)
    logical = avro.logical(schema)
    match avro.kind(schema):
        case "union":
            return _type(next(branch for branch in schema if branch != "null"), names) + ", nullable"
        case "array":
            return f"list of {_type(schema['items'], names)}"
        case "map":
            return f"map of {_type(schema['values'], names)}"
        case "enum":
            return "one of " + ", ".join(f"`{symbol}`" for symbol in schema["symbols"])
        case _ if logical == "decimal":
            return f"decimal({schema['precision']}, {schema.get('scale', 0)})"
        case kind:
            return logical or kind


if __name__ == "__main__":
    sys.stdout.write(page(Contracts.load()))
