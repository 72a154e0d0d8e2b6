"""What a schema file must fulfil beyond being Avro, so that every agency can read, mask and understand it.

The rules are listed for authors in docs/reference/event-types.md. All findings of a file come at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from hub.contracts import avro, values, walk
from hub.contracts.sources import Finding, Source

MAX_PRECISION = 38


_Report = Callable[[str, str], None]
"""(path of the field, what is wrong)."""

_RECORD_KEYS = {"type", "name", "namespace", "doc", "doc_fa", "title", "owner", "fields", "aliases"}
_NESTED_KEYS = {"type", "name", "namespace", "doc", "fields", "aliases"}
_FIELD_KEYS = {
    "name",
    "type",
    "default",
    "doc",
    "title",
    "personal",
    "legal_basis",
    "owner",
    "aliases",
    "order",
}
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PERSIAN = re.compile(r"[\u0621-\u06cc]")
_LOGICAL = {
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "date": {"int"},
    "time-millis": {"int"},
    "time-micros": {"long"},
    "decimal": {"bytes", "fixed"},
    "uuid": {"string"},
}


def lint(source: Source) -> list[Finding]:
    """Return what breaks the rules in one schema file; nothing is raised, whatever the file holds."""
    findings: list[Finding] = []

    def report(path: str, what: str) -> None:
        findings.append(Finding(source.file, path, what))

    import fastavro  # noqa: PLC0415 - only authors of schemas need it

    try:
        _record(source, report)
        if not findings:
            fastavro.parse_schema(source.schema)
    except Exception as error:  # noqa: BLE001 - the file may hold anything; whatever breaks is a finding
        if not findings:
            report("", f"it is no Avro schema: {type(error).__name__}: {error}.")
    return findings


def _record(source: Source, report: _Report) -> None:
    schema = source.schema
    domain, *words, major = source.event_type.split(".")
    name = "".join(part.capitalize() for word in words for part in word.split("-"))
    space = f"peyvand.{domain.replace('-', '_')}.{major}"
    if schema.get("type") != "record" or schema.get("name") != name or schema.get("namespace") != space:
        report(
            "", f"it must be a record with name {name!r} and namespace {space!r}, as its file's name says."
        )
    if not isinstance(schema.get("fields"), list) or not schema["fields"]:
        report("", "it must have fields.")
        return
    _unknown_keys("", schema, _RECORD_KEYS, report)
    _texts("", schema, ("doc", "doc_fa", "owner"), report)
    if isinstance(schema.get("doc_fa"), str) and not _PERSIAN.search(schema["doc_fa"]):
        report("", "doc_fa must be Persian.")
    _titles("", schema, report)
    _Types(schema, report).fields("", schema, within_personal=None)


def _unknown_keys(path: str, annotated: dict[str, Any], known: set[str], report: _Report) -> None:
    for key in sorted(annotated.keys() - known):
        report(path, f"{key!r} is no annotation; known are {', '.join(sorted(known))}.")


def _texts(path: str, annotated: dict[str, Any], keys: Iterable[str], report: _Report) -> None:
    for key in keys:
        if not isinstance(annotated.get(key), str) or not annotated[key].strip():
            report(path, f"{key!r} is missing: write a text.")


def _titles(path: str, annotated: dict[str, Any], report: _Report) -> None:
    title = annotated.get("title")
    if not isinstance(title, dict) or title.keys() != {"fa", "en"}:
        report(path, '\'title\' is missing: write {"fa": …, "en": …}.')
        return
    _texts(path, title, ("fa", "en"), report)
    if isinstance(title["fa"], str) and not _PERSIAN.search(title["fa"]):
        report(path, "the title 'fa' must be Persian.")


class _Types:
    """The rules on fields and their types, which need the named types of the whole schema."""

    def __init__(self, schema: dict[str, Any], report: _Report) -> None:
        self._report = report
        self._names = avro.named_types(schema)
        self._defined: set[str] = set()
        self._open: list[str] = []

    def fields(self, path: str, record: dict[str, Any], *, within_personal: bool | None) -> None:
        """Check a record's fields; `within_personal` is None for the event itself."""
        seen: set[str] = set()
        for field in record["fields"]:
            name = str(field.get("name"))
            inner = f"{path}.{name}".lstrip(".")
            if not _FIELD_NAME.fullmatch(name) or name in seen:
                self._report(inner, "a field's name is lower-case words joined by '_', and stands once.")
            seen.add(name)
            self._field(inner, field, within_personal=within_personal)

    def _field(self, path: str, field: dict[str, Any], *, within_personal: bool | None) -> None:
        _unknown_keys(path, field, _FIELD_KEYS, self._report)
        _texts(path, field, ("doc",), self._report)
        _titles(path, field, self._report)
        personal = field.get("personal")
        if not isinstance(personal, bool):
            self._report(path, "'personal' is missing: say true or false.")
        if personal:
            self._personal(path, field, within_personal=within_personal)
        elif "legal_basis" in field:
            self._report(path, "'legal_basis' belongs to personal fields only.")
        self.type(path, field["type"], within_personal=bool(personal or within_personal))
        if "default" in field:
            self._default(path, field)

    def _personal(self, path: str, field: dict[str, Any], *, within_personal: bool | None) -> None:
        _texts(path, field, ("legal_basis",), self._report)
        type_ = field["type"]
        nullable = isinstance(type_, list) and type_[:1] == ["null"]
        if not nullable or field.get("default", ...) is not None:
            self._report(path, 'a personal field must be nullable with default null: "type": ["null", …].')
        if within_personal is False:
            self._report(
                path, "a personal field within another field cannot be withheld: mark the outer one."
            )

    def _default(self, path: str, field: dict[str, Any]) -> None:
        try:
            default = avro.default_value(field["type"], field["default"], self._names)
            whole = {"type": "record", "name": "Default", "fields": [{"name": "it", "type": field["type"]}]}
            walk.compile_walk(whole, values.TO_RAW, fill_defaults=False, names=self._names)({"it": default})
            if isinstance(field["type"], list) and (default is None) != (field["type"][0] == "null"):
                self._report(path, "its default must be a value of the union's first branch.")
        except (walk.Misfit, LookupError, TypeError, AttributeError, UnicodeEncodeError) as error:
            what = error.what if isinstance(error, walk.Misfit) else "does not fit its type."
            self._report(path, f"its default {what}")

    def type(self, path: str, schema: Any, *, within_personal: bool) -> None:
        """Check a type wherever it stands."""
        if isinstance(schema, list):
            self._union(path, schema, within_personal=within_personal)
            return
        if isinstance(schema, str):
            self._named_or_primitive(path, schema)
            return
        kind = avro.kind(schema)
        self._logical(path, schema)
        match kind:
            case "record" | "enum" | "fixed":
                self._definition(path, schema, within_personal=within_personal)
            case "array" | "map":
                inner = schema["items" if kind == "array" else "values"]
                self.type(f"{path}[]", inner, within_personal=within_personal)
                if kind == "array" and self._may_be_empty(inner):
                    self._report(path, "an item of an array must have at least one byte.")
            case _:
                self._named_or_primitive(path, kind)

    def _union(self, path: str, union: list[Any], *, within_personal: bool) -> None:
        if len(union) != 2 or union.count("null") != 1:
            self._report(path, "a union joins null and one other type.")
        for branch in union:
            if branch != "null":
                self.type(path, branch, within_personal=within_personal)

    def _named_or_primitive(self, path: str, name: str) -> None:
        if name in {"float", "double"}:
            self._report(path, "floating numbers differ between systems: use a decimal, int or long.")
        elif name == "null":
            self._report(path, "null alone carries nothing: use it in a union.")
        elif name in self._open:
            self._report(path, f"{name} contains itself; contracts do not recurse.")
        elif name not in avro.PRIMITIVES and name not in self._names:
            self._report(path, f"{name!r} is no type.")

    def _logical(self, path: str, schema: dict[str, Any]) -> None:
        logical = avro.logical(schema)
        if logical is None:
            return
        if schema["type"] not in _LOGICAL.get(logical, ()):
            known = ", ".join(sorted(_LOGICAL))
            self._report(
                path, f"logical type {logical!r} on {schema['type']!r} is not known; known: {known}."
            )
        elif logical == "decimal":
            precision, scale = schema.get("precision"), schema.get("scale", 0)
            if not (
                type(precision) is type(scale) is int
                and 0 <= scale <= precision <= MAX_PRECISION
                and precision
            ):
                self._report(path, f"a decimal has 0 ≤ scale ≤ precision ≤ {MAX_PRECISION}.")

    def _definition(self, path: str, schema: dict[str, Any], *, within_personal: bool) -> None:
        name = schema["name"]
        if name in self._defined:
            self._report(path, f"the type name {name!r} stands twice in this file.")
        self._defined.add(name)
        if schema["type"] == "enum" and schema.get("default") not in schema["symbols"]:
            self._report(path, "an enum needs a default among its symbols, or no symbol can ever be added.")
        if schema["type"] == "record":
            _unknown_keys(path, schema, _NESTED_KEYS, self._report)
            self._open += [name, avro.fullname(schema, None)]
            self.fields(path, schema, within_personal=within_personal)
            del self._open[-2:]

    def _may_be_empty(self, schema: Any) -> bool:
        schema = avro.resolve(schema, self._names)
        match avro.kind(schema):
            case "null":
                return True
            case "fixed":
                return bool(schema["size"] < 1)
            case "record":
                return all(self._may_be_empty(field["type"]) for field in schema["fields"])
            case _:
                return False
