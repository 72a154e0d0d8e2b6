"""One walk over values of a schema; each form of values (Python, JSON) is a table of leaves for it.

`compile_walk(schema, leaves)` returns a function value → value. What does not fit raises `Misfit`,
which knows the path of the field but never repeats the value: it may be personal.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hub.contracts import avro
from hub.errors import ContractError

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
Convert = Callable[[Any], Any]
Leaves = Mapping[tuple[str, str | None], Callable[[Any], Convert]]
"""(kind, logical type) → the converter for a schema of that kind."""


class Misfit(Exception):  # noqa: N818 - never leaves this room; callers see ContractError
    """A value that does not fit its schema: `what` is wrong with it, and its `path` from the record down."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path = ""

    def within(self, step: str) -> Misfit:
        """Return this misfit, found one level deeper."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        self.path = f"{step}{joint}{self.path}"
        return self

    def as_error(self, subject: str) -> ContractError:
        """Return the error for people; `subject` says of which event."""
        place = f"{subject}, field {self.path}" if self.path else subject
        return ContractError(self.what, where=place)


def compile_walk(
    schema: Any, leaves: Leaves, *, fill_defaults: bool, names: dict[str, Any] | None = None
) -> Convert:
    """Return the converter of a schema. `fill_defaults`: a missing field gets its default.

    `names` are the named types that it may refer to, where it is only a part of a schema.
    """
    known = avro.named_types(schema) if names is None else names
    return _Compiler(leaves, known, fill_defaults=fill_defaults).convert(schema)


class _Compiler:
    def __init__(self, leaves: Leaves, names: dict[str, Any], *, fill_defaults: bool) -> None:
        self._leaves = leaves
        self._names = names
        self._fill = fill_defaults

    def convert(self, schema: Any) -> Convert:
        schema = avro.resolve(schema, self._names)
        match avro.kind(schema):
            case "union":
                return self._optional(schema)
            case "record":
                return self._record(schema)
            case "array":
                return _array(self.convert(schema["items"]))
            case "map":
                return _map(self.convert(schema["values"]))
            case kind:
                leaf = self._leaves.get((kind, avro.logical(schema))) or self._leaves[(kind, None)]
                return leaf(schema)

    def _optional(self, union: list[Any]) -> Convert:
        inner = self.convert(next(branch for branch in union if branch != "null"))

        def convert(value: Any) -> Any:
            return None if value is None else inner(value)

        return convert

    def _record(self, schema: dict[str, Any]) -> Convert:
        fields: dict[str, Convert] = {}
        defaults: dict[str, Any] = {}
        for field in schema["fields"]:
            fields[field["name"]] = self.convert(field["type"])
            if self._fill and "default" in field:
                defaults[field["name"]] = avro.default_value(field["type"], field["default"], self._names)

        def convert(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise Misfit("must be an object with the record's fields.")
            out = {}
            try:
                for name, inner in fields.items():
                    if name in value:
                        out[name] = inner(value[name])
                    else:
                        default = defaults[name]
                        # A shared list would be changed by the first who appends to it.
                        out[name] = copy.deepcopy(default) if isinstance(default, list | dict) else default
            except Misfit as misfit:
                raise misfit.within(name) from None
            except KeyError:
                raise Misfit("is missing and has no default.").within(name) from None
            if len(value) > len(fields) or not fields.keys() >= value.keys():
                raise unknown(value, fields)
            return out

        return convert


def _array(inner: Convert) -> Convert:
    def convert(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Misfit("must be a list.")
        out = []
        for number, item in enumerate(value):
            try:
                out.append(inner(item))
            except Misfit as misfit:
                raise misfit.within(f"[{number}]") from None
        return out

    return convert


def _map(inner: Convert) -> Convert:
    def convert(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise Misfit("must be an object with text keys.")
        out = {}
        for key, item in value.items():
            try:
                out[key] = inner(item)
            except Misfit as misfit:
                raise misfit.within("[key]") from None
        return out

    return convert


def unknown(value: Mapping[Any, Any], fields: Collection[str]) -> Misfit:
    """Return what is wrong with an object that has keys other than a record's fields."""
    name = next(name for name in value if name not in fields)
    if not (isinstance(name, str) and _FIELD_NAME.fullmatch(name)):
        # A key of any other form may be anything, personal data included.
        return Misfit("has a key that is no field name.")
    near = difflib.get_close_matches(name, fields, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"the record has {', '.join(fields)}."
    return Misfit(f"is no field of this record; {advice}").within(name)
