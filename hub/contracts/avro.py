"""Reading Avro schemas as data: names, defaults, annotations. Knows the subset that the lint admits.

The subset: records, enums, arrays, maps, fixed, every primitive but float and double, and unions of
null with one other type. So JSON needs no wrappers, every value has one meaning in every language, and
no schema can recurse.
"""

from __future__ import annotations

from typing import Any

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "bytes", "string", "float", "double"})
NAMED = frozenset({"record", "enum", "fixed"})


def fullname(schema: dict[str, Any], namespace: str | None) -> str:
    """Return the full name of a named schema that stands within `namespace`."""
    name: str = schema["name"]
    space = schema.get("namespace", namespace)
    return name if "." in name or not space else f"{space}.{name}"


def named_types(schema: Any, namespace: str | None = None) -> dict[str, Any]:
    """Return every named type defined within a schema, by full name and by its name alone."""
    found: dict[str, Any] = {}
    _collect(schema, namespace, found)
    return found


def resolve(schema: Any, names: dict[str, Any]) -> Any:
    """Return the definition of a type that stands as a name; other schemas as they are."""
    return names[schema] if isinstance(schema, str) and schema not in PRIMITIVES else schema


def kind(schema: Any) -> str:
    """Return a resolved schema's kind: `union`, `record`, `enum`, `array`, `map`, `fixed` or a primitive."""
    if isinstance(schema, list):
        return "union"
    if isinstance(schema, str):
        return schema
    inner = schema["type"]
    return inner if isinstance(inner, str) else kind(inner)


def logical(schema: Any) -> str | None:
    """Return the schema's logical type, if it has one."""
    return schema.get("logicalType") if isinstance(schema, dict) else None


def default_value(schema: Any, default: Any, names: dict[str, Any]) -> Any:
    """Return a field's default as a decoded value: Avro writes bytes as text of code points 0 to 255."""
    schema = resolve(schema, names)
    match kind(schema):
        case "union":
            return default_value(schema[0], default, names)
        case "bytes" | "fixed":
            return default.encode("latin-1")
        case "record":
            return {
                field["name"]: default_value(
                    field["type"], default.get(field["name"], field.get("default")), names
                )
                for field in schema["fields"]
            }
        case "array":
            return [default_value(schema["items"], item, names) for item in default]
        case "map":
            return {key: default_value(schema["values"], item, names) for key, item in default.items()}
        case _:
            return default


def title(annotated: dict[str, Any], language: str) -> str:
    """Return a record's or field's title in `fa` or `en`; its name where it has none."""
    titles = annotated.get("title")
    text = titles.get(language) if isinstance(titles, dict) else None
    return text if isinstance(text, str) and text else str(annotated["name"])


def _collect(schema: Any, namespace: str | None, found: dict[str, Any]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, namespace, found)
    elif isinstance(schema, dict):
        space = namespace
        if schema.get("type") in NAMED:
            full = fullname(schema, namespace)
            space = full.rpartition(".")[0] or None
            found[full] = found[schema["name"]] = schema
        for field in schema.get("fields", ()):
            _collect(field["type"], space, found)
        for part in ("items", "values", "type"):
            if part in schema and not isinstance(schema[part], str):
                _collect(schema[part], space, found)
