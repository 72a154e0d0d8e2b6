"""Contracts: the locked Avro schemas with their annotations, by id and by event type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hub import resources
from hub.contracts import avro, lockfile
from hub.contracts.names import EventType, SchemaId, subject_name
from hub.errors import ConfigError, ContractError


@dataclass(frozen=True, slots=True)
class FieldNote:
    """What a contract says about one of its fields.

    `default` is the default as a decoded value (bytes, not Avro's text form); None where `has_default`
    is false.
    """

    name: str
    has_default: bool
    default: Any
    personal: bool
    owner: str | None
    legal_basis: str | None
    title_fa: str
    title_en: str


@dataclass(frozen=True)
class Contract:
    """One version of an event type's schema; `schema` is the Avro schema as locked, annotations included."""

    id: SchemaId
    event_type: EventType
    version: int
    schema: dict[str, Any] = field(repr=False, hash=False)

    @property
    def subject(self) -> str:
        """The schema registry's subject."""
        return subject_name(self.event_type)

    @property
    def title_fa(self) -> str:
        """The event type's title in Persian."""
        return avro.title(self.schema, "fa")

    @property
    def title_en(self) -> str:
        """The event type's title in English."""
        return avro.title(self.schema, "en")

    @cached_property
    def fields(self) -> tuple[FieldNote, ...]:
        """The fields of the record, in their order."""
        names = avro.named_types(self.schema)
        return tuple(self._note(spec, names) for spec in self.schema["fields"])

    @cached_property
    def field_names(self) -> frozenset[str]:
        """The names of the record's fields."""
        return frozenset(note.name for note in self.fields)

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro parses it, for readers of their own; the hub itself reads by `codec`."""
        import fastavro  # noqa: PLC0415 - the SDK does without it

        return fastavro.parse_schema(self.schema)

    def note(self, name: str) -> FieldNote:
        """Return what the contract says about one field; raise ContractError if it has no such field."""
        for note in self.fields:
            if note.name == name:
                return note
        raise ContractError(f"{self.event_type} version {self.version} has no field {name!r}.")

    def _note(self, spec: dict[str, Any], names: dict[str, Any]) -> FieldNote:
        return FieldNote(
            name=spec["name"],
            has_default="default" in spec,
            default=avro.default_value(spec["type"], spec["default"], names) if "default" in spec else None,
            personal=bool(spec.get("personal")),
            owner=spec.get("owner") or self.schema.get("owner"),
            legal_basis=spec.get("legal_basis"),
            title_fa=avro.title(spec, "fa"),
            title_en=avro.title(spec, "en"),
        )


class Contracts:
    """All contracts of a schemas folder; immutable."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._by_id: dict[int, Contract] = {contract.id: contract for contract in contracts}
        self._by_type: dict[EventType, tuple[Contract, ...]] = {}
        for contract in self._by_id.values():
            earlier = self._by_type.get(contract.event_type, ())
            self._by_type[contract.event_type] = (*earlier, contract)

    @classmethod
    def load(cls, folder: Path | None = None) -> Contracts:
        """Read the lock of `folder`, or of the installation's own schemas.

        Raises ConfigError if the folder has no lock, ContractError if the lock is damaged.
        """
        place = folder or resources.folder("schemas")
        if not (place / lockfile.FILE).is_file():
            raise ConfigError(
                "there is no lock of the schemas here.", where=str(place), do="Run `hub schemas lock` there."
            )
        entries = lockfile.read(place)
        return cls(Contract(entry.id, entry.event_type, entry.version, entry.schema) for entry in entries)

    def by_id(self, schema_id: SchemaId) -> Contract:
        """Return the contract with this id, or raise ContractError."""
        try:
            return self._by_id[schema_id]
        except KeyError:
            raise ContractError(f"schema id {schema_id} is unknown to this hub.") from None

    def newest(self, event_type: EventType) -> Contract:
        """Return the newest version of an event type, or raise ContractError."""
        return self.versions(event_type)[-1]

    def versions(self, event_type: EventType) -> tuple[Contract, ...]:
        """Return every version of an event type, oldest first, or raise ContractError."""
        try:
            return self._by_type[event_type]
        except KeyError:
            raise ContractError(f"event type {event_type!r} is unknown to this hub.") from None

    def event_types(self) -> tuple[EventType, ...]:
        """Return the names of all contracts, sorted."""
        return tuple(sorted(self._by_type))

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
