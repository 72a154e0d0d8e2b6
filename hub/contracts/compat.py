"""Compatibility of Avro schemas: whether a reader's schema reads everything that a writer's writes.

Rules: Avro 1.12 specification, "Schema Resolution", with two that are ours because data would be
misread without an error: a logical type may not change (a decimal's scale included), and bytes are not
read as text. Modes are the Confluent schema registry's. The lock asks for FULL_TRANSITIVE within an
event type, thus a major. Apache's own Python checker was tried: it lets logical types change and loses
the place of a fault inside a union.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.contracts import avro


class Mode(StrEnum):
    """What a new schema promises to the versions before it."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def is_transitive(self) -> bool:
        """Whether every earlier version counts, not the last one alone."""
        return self.name.endswith("_TRANSITIVE")

    @property
    def reads_earlier(self) -> bool:
        """Whether the new schema must read what earlier ones write."""
        return self.name.startswith(("BACKWARD", "FULL"))

    @property
    def read_by_earlier(self) -> bool:
        """Whether earlier schemas must read what the new one writes."""
        return self.name.startswith(("FORWARD", "FULL"))


@dataclass(frozen=True, slots=True)
class Clash:
    """A place where a reader cannot read a writer: the field's path (empty: the record itself) and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """A clash between the new schema and an earlier version; `new_reads`: the new one is the reader."""

    version: int
    new_reads: bool
    clash: Clash

    @property
    def reason(self) -> str:
        """One clause: what clashes, and who cannot read what."""
        direction = (
            f"the new schema cannot read what version {self.version} wrote"
            if self.new_reads
            else f"readers with version {self.version} cannot read what the new schema writes"
        )
        return f"{self.clash.why}, so {direction}"

    def __str__(self) -> str:
        place = f"field {self.clash.path}" if self.clash.path else "the record"
        return f"{place}: {self.reason}"


def judge(new: dict[str, Any], earlier: Sequence[dict[str, Any]], mode: Mode) -> tuple[Incompatibility, ...]:
    """Return every incompatibility of a new schema with its earlier versions (oldest first)."""
    versions = list(enumerate(earlier, 1))
    found: list[Incompatibility] = []
    for version, old in versions if mode.is_transitive else versions[-1:]:
        if mode.reads_earlier:
            found += [Incompatibility(version, True, clash) for clash in clashes(new, old)]
        if mode.read_by_earlier:
            found += [Incompatibility(version, False, clash) for clash in clashes(old, new)]
    return tuple(found)


def clashes(reader: Any, writer: Any) -> tuple[Clash, ...]:
    """Return every place where `reader` cannot read what `writer` writes; none: it can read everything."""
    pair = _Pair(avro.named_types(reader), avro.named_types(writer))
    return tuple(pair.clashes("", reader, writer))


# writer → readers that Avro promotes to.
_PROMOTIONS = {
    "int": {"int", "long", "float", "double"},
    "long": {"long", "float", "double"},
    "float": {"float", "double"},
    "string": {"string", "bytes"},
}


class _Pair:
    """Two schemas' named types; its methods compare parts of the one with parts of the other."""

    def __init__(self, reader_names: dict[str, Any], writer_names: dict[str, Any]) -> None:
        self._reader_names = reader_names
        self._writer_names = writer_names
        self._by_kind: dict[str, Callable[[str, Any, Any], Iterable[Clash]]] = {
            "record": self._records,
            "enum": self._enums,
            "fixed": self._fixed,
            "array": self._arrays,
            "map": self._maps,
        }

    def clashes(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        reader = avro.resolve(reader, self._reader_names)
        writer = avro.resolve(writer, self._writer_names)
        kinds = avro.kind(reader), avro.kind(writer)
        if "union" in kinds:
            return self._unions(path, reader, writer)
        if kinds[0] not in _PROMOTIONS.get(kinds[1], {kinds[1]}):
            return [Clash(path, f"{_described(writer)} became {_described(reader)} in the reader's schema")]
        if _meaning(reader) != _meaning(writer):
            return [Clash(path, f"the logical type differs ({_described(writer)}, {_described(reader)})")]
        return self._by_kind.get(kinds[0], _nothing)(path, reader, writer)

    def _unions(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        readers = reader if isinstance(reader, list) else [reader]
        for branch in writer if isinstance(writer, list) else [writer]:
            tries = [list(self.clashes(path, candidate, branch)) for candidate in readers]
            if any(not clash for clash in tries):
                continue
            if branch == "null":
                yield Clash(path, "the writer may leave it null and the reader may not")
            else:
                same = [
                    clash
                    for candidate, clash in zip(readers, tries, strict=True)
                    if avro.kind(avro.resolve(candidate, self._reader_names))
                    == avro.kind(avro.resolve(branch, self._writer_names))
                ]
                yield from same[0] if same else tries[-1]

    def _records(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        yield from _names(path, reader, writer)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            inner = f"{path}.{field['name']}".lstrip(".")
            known = [name for name in (field["name"], *field.get("aliases", ())) if name in written]
            if known:
                yield from self.clashes(inner, field["type"], written[known[0]]["type"])
            elif "default" not in field:
                yield Clash(inner, "the writer does not have it and the reader has no default for it")

    def _enums(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        yield from _names(path, reader, writer)
        missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
        if missing and "default" not in reader:
            yield Clash(path, f"the reader's enum lacks {', '.join(missing)} and has no default")

    def _fixed(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        yield from _names(path, reader, writer)
        if reader["size"] != writer["size"]:
            yield Clash(path, f"its size differs ({writer['size']} bytes, {reader['size']} bytes)")

    def _arrays(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        return self.clashes(f"{path}[]", reader["items"], writer["items"])

    def _maps(self, path: str, reader: Any, writer: Any) -> Iterable[Clash]:
        return self.clashes(f"{path}{{}}", reader["values"], writer["values"])


def _nothing(_: str, __: Any, ___: Any) -> Iterable[Clash]:
    return ()


def _names(path: str, reader: Any, writer: Any) -> Iterable[Clash]:
    # The specification compares names without their namespace; an alias may be a full name.
    known = {reader["name"], *reader.get("aliases", ())}
    if not known & {writer["name"], avro.fullname(writer, None)}:
        yield Clash(
            path, f"its type is named {writer['name']} by the writer and {reader['name']} by the reader"
        )


def _meaning(schema: Any) -> tuple[Any, ...]:
    logical = avro.logical(schema)
    if logical == "decimal":
        return logical, schema["precision"], schema.get("scale", 0)
    return (logical,)


def _described(schema: Any) -> str:
    logical = avro.logical(schema)
    if logical == "decimal":
        return f"decimal({schema['precision']}, {schema.get('scale', 0)})"
    return logical or avro.kind(schema)
