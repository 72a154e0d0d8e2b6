"""Data of an event as plain JSON and back: for structured mode, files, the feed and the API.

No wrappers around unions. Timestamps are RFC 3339 in UTC (`2026-03-21T05:00:00.000Z`; any offset is
read), days are `2026-03-21`, times of day `08:30:00.000`, decimals are text (`"12.50000"`; never
numbers, which would round them), bytes are base64 with padding, UUIDs and enums are text. Reading is as
strict as the Avro codec; it gives decimals their shortest bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from hub.contracts import values, walk
from hub.contracts.schemas import Contract
from hub.contracts.walk import Convert, Leaves, Misfit

_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?")
_DECIMAL = re.compile(r"-?[0-9]{1,60}(?:\.[0-9]{1,60})?")


def to_json(contract: Contract, data: dict[str, Any]) -> dict[str, Any]:
    """Return raw data, as `Codec.decode` gives them, as a JSON-able dict; raise ContractError on a misfit."""
    return _convert(contract, data, writing=True)


def from_json(contract: Contract, obj: Any) -> dict[str, Any]:
    """Return a parsed JSON object as raw data, defaults filled in; raise ContractError naming the field."""
    return _convert(contract, obj, writing=False)


def _convert(contract: Contract, value: Any, *, writing: bool) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", _compiled(contract, writing=writing)(value))
    except Misfit as misfit:
        raise misfit.as_error(str(contract.event_type)) from None


@lru_cache(maxsize=10_000)
def _compiled(contract: Contract, *, writing: bool) -> Convert:
    leaves = WRITING if writing else _READING
    return walk.compile_walk(contract.schema, leaves, fill_defaults=not writing)


def _timestamp_text(schema: Any) -> Convert:
    timespec = "milliseconds" if schema["logicalType"].endswith("millis") else "microseconds"
    return lambda value: values.timestamp(schema, value).isoformat(timespec=timespec).replace("+00:00", "Z")


def _time_text(schema: Any) -> Convert:
    timespec = "milliseconds" if schema["logicalType"].endswith("millis") else "microseconds"
    return lambda value: values.time_of_day(schema, value).isoformat(timespec=timespec)


def _decimal_text(schema: Any) -> Convert:
    return lambda value: format(values.decimal(schema, value), "f")


def _bytes_text(_: Any) -> Convert:
    return lambda value: base64.b64encode(value).decode("ascii")


WRITING: Leaves = {
    **values.PLAIN,
    ("bytes", None): _bytes_text,
    ("fixed", None): _bytes_text,
    ("long", "timestamp-millis"): _timestamp_text,
    ("long", "timestamp-micros"): _timestamp_text,
    ("int", "date"): lambda _: lambda value: values.day(value).isoformat(),
    ("int", "time-millis"): _time_text,
    ("long", "time-micros"): _time_text,
    ("bytes", "decimal"): _decimal_text,
    ("fixed", "decimal"): _decimal_text,
}
"""Leaves from raw data to JSON."""


def _parsed(pattern: re.Pattern[str], parse: Callable[[str], Any], what: str) -> Callable[[Any], Convert]:
    """Return a leaf that parses text of a pattern and hands the result to the leaf of Python types."""

    def leaf(schema: Any) -> Convert:
        to_raw = values.TO_RAW[(schema["type"], schema["logicalType"])](schema)

        def convert(value: Any) -> Any:
            if type(value) is not str or not pattern.fullmatch(value):
                raise Misfit(what)
            try:
                parsed = parse(value)
            except (ValueError, ArithmeticError):
                raise Misfit(what) from None
            return to_raw(parsed)

        return convert

    return leaf


def _bytes_from_text(schema: Any) -> Convert:
    check = values.fixed(schema) if isinstance(schema, dict) and schema["type"] == "fixed" else values.BYTES

    def convert(value: Any) -> bytes:
        if type(value) is not str:
            raise Misfit("must be base64 text.")
        try:
            return cast("bytes", check(base64.b64decode(value, validate=True)))
        except (binascii.Error, ValueError):
            raise Misfit("must be base64 text.") from None

    return convert


_timestamp_read = _parsed(
    _TIMESTAMP,
    datetime.fromisoformat,
    "must be an RFC 3339 time with offset, for example 2026-03-21T08:30:00+03:30.",
)
_time_read = _parsed(_TIME, time.fromisoformat, "must be a time of day, for example 08:30:00.")
_decimal_read = _parsed(_DECIMAL, Decimal, 'must be a decimal as text, for example "12.50".')

_READING: Leaves = {
    **values.PLAIN,
    ("bytes", None): _bytes_from_text,
    ("fixed", None): _bytes_from_text,
    ("long", "timestamp-millis"): _timestamp_read,
    ("long", "timestamp-micros"): _timestamp_read,
    ("int", "date"): _parsed(_DATE, date.fromisoformat, "must be a day, for example 2026-03-21."),
    ("int", "time-millis"): _time_read,
    ("long", "time-micros"): _time_read,
    ("bytes", "decimal"): _decimal_read,
    ("fixed", "decimal"): _decimal_read,
    ("string", "uuid"): values.raw_uuid,
}
