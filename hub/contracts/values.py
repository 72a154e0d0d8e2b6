"""Values of an event as Python types: `to_raw` for writing, `to_python` for reading.

Raw: what Avro itself holds — ints for times and dates, bytes for decimals — free of loss; the gate
works on these. Python: aware `datetime` (UTC), `date`, `time`, `Decimal`, `UUID`. `to_raw` takes
either, field by field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from hub.contracts.walk import Convert, Leaves, Misfit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLIS = {"timestamp-millis": 1000, "timestamp-micros": 1, "time-millis": 1000, "time-micros": 1}
"""Microseconds in one unit of a logical type."""
_FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_DAY = 24 * 3600 * 1_000_000
_FIRST_DAY = (date.min - EPOCH.date()).days
_LAST_DAY = (date.max - EPOCH.date()).days
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def in_range(low: int, high: int, what: str) -> Convert:
    """Return a converter that passes an int between two bounds."""

    def convert(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Misfit(what)
        return value

    return convert


def of_type(type_: type, what: str) -> Convert:
    """Return a converter that passes exactly one Python type."""

    def convert(value: Any) -> Any:
        if type(value) is not type_:
            raise Misfit(what)
        return value

    return convert


def text(value: Any) -> str:
    """Pass text that UTF-8 can hold."""
    if type(value) is not str:
        raise Misfit("must be text.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misfit("holds half of a surrogate pair, which is no text.") from None
    return value


def symbol(schema: Any) -> Convert:
    """Return a converter that passes one of an enum's symbols."""
    symbols = frozenset(schema["symbols"])
    what = f"must be one of {', '.join(schema['symbols'])}."

    def convert(value: Any) -> str:
        if type(value) is not str or value not in symbols:
            raise Misfit(what)
        return value

    return convert


def fixed(schema: Any) -> Convert:
    """Return a converter that passes bytes of a fixed length."""
    size = schema["size"]

    def convert(value: Any) -> bytes:
        if type(value) is not bytes or len(value) != size:
            raise Misfit(f"must have exactly {size} bytes.")
        return value

    return convert


def null(value: Any) -> None:
    """Pass null."""
    if value is not None:
        raise Misfit("must be null.")


INT = in_range(-(2**31), 2**31 - 1, "must be a whole number of 32 bits.")
LONGS = (-(2**63), 2**63 - 1)
LONG = in_range(*LONGS, "must be a whole number of 64 bits.")
BYTES = of_type(bytes, "must be bytes.")
BOOLEAN = of_type(bool, "must be true or false.")


def raw_timestamp(schema: Any) -> Convert:
    """Return a converter that passes a timestamp of the years 1 to 9999, which everybody can read."""
    return in_range(*timestamp_bounds(schema), "must be a time between the years 0001 and 9999.")


def timestamp_bounds(schema: Any) -> tuple[int, int]:
    """Return the first and the last timestamp of the years 1 to 9999, in the schema's unit."""
    unit = MILLIS[schema["logicalType"]]
    return -(-_FIRST // unit), _LAST // unit


def raw_time(schema: Any) -> Convert:
    """Return a converter that passes a time of day."""
    return in_range(0, _DAY // MILLIS[schema["logicalType"]] - 1, "must be a time of day.")


def raw_date(_: Any) -> Convert:
    """Return a converter that passes a day of the years 1 to 9999."""
    return in_range(_FIRST_DAY, _LAST_DAY, "must be a day between the years 0001 and 9999.")


def raw_decimal(schema: Any) -> Convert:
    """Return a converter that passes a decimal's bytes: at least one, and the schema's digits at the most."""
    limit = 10 ** schema["precision"]
    size = schema.get("size")

    def convert(value: Any) -> bytes:
        if type(value) is not bytes or not value or len(value) != (size or len(value)):
            raise Misfit("must be a decimal.")
        if abs(int.from_bytes(value, "big", signed=True)) >= limit:
            raise Misfit(f"must be a decimal of at most {schema['precision']} digits.")
        return value

    return convert


def raw_uuid(_: Any) -> Convert:
    """Return a converter that passes a UUID's text."""

    def convert(value: Any) -> str:
        if type(value) is not str or not _UUID.fullmatch(value):
            raise Misfit("must be a UUID.")
        return value

    return convert


def decimal_bytes(schema: Any, value: Decimal) -> bytes:
    """Return the bytes of a decimal, or raise Misfit: nothing is rounded."""
    scale, precision = schema.get("scale", 0), schema["precision"]
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or (any(digits) and not -scale <= exponent <= precision):
        raise Misfit(f"must be a decimal with at most {scale} places after the point.")
    unscaled = int("".join(map(str, digits))) * 10 ** (exponent + scale) if any(digits) else 0
    if unscaled >= 10**precision:
        raise Misfit(f"must be a decimal of at most {precision} digits.")
    unscaled = -unscaled if sign else unscaled
    size = schema.get("size") or (unscaled + (unscaled < 0)).bit_length() // 8 + 1
    return unscaled.to_bytes(size, "big", signed=True)


def micros(value: Any) -> int:
    """Return an aware datetime as microseconds since 1970, or raise Misfit."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise Misfit("must be a time with a time zone.")
    return int((value - EPOCH) // timedelta(microseconds=1))


def timestamp_from_micros(schema: Any, value: int) -> int:
    """Return microseconds in the schema's unit; a fraction of the unit is cut off."""
    return value // MILLIS[schema["logicalType"]]


def day_number(value: date) -> int:
    """Return the days since 1970-01-01."""
    return (value - EPOCH.date()).days


def time_number(schema: Any, value: time) -> int:
    """Return a time of day in the schema's unit."""
    if value.tzinfo is not None:
        raise Misfit("must be a time of day without a time zone.")
    whole = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    return whole // MILLIS[schema["logicalType"]]


def _either(
    type_: type, shape: Callable[[Any, Any], Any], raw: Callable[[Any], Convert]
) -> Callable[[Any], Convert]:
    """Return a leaf that turns values of `type_` into raw ones and checks them."""

    def leaf(schema: Any) -> Convert:
        check = raw(schema)
        return lambda value: check(shape(schema, value)) if isinstance(value, type_) else check(value)

    return leaf


def _no_datetime(_: Any, value: date) -> int:
    if isinstance(value, datetime):
        raise Misfit("must be a day, without a time.")
    return day_number(value)


_TIMESTAMP = _either(
    datetime, lambda schema, value: timestamp_from_micros(schema, micros(value)), raw_timestamp
)
_TIME = _either(time, time_number, raw_time)
_DECIMAL = _either(Decimal, decimal_bytes, raw_decimal)

PLAIN: dict[tuple[str, str | None], Callable[[Any], Convert]] = {
    ("null", None): lambda _: null,
    ("boolean", None): lambda _: BOOLEAN,
    ("int", None): lambda _: INT,
    ("long", None): lambda _: LONG,
    ("string", None): lambda _: text,
    ("bytes", None): lambda _: BYTES,
    ("enum", None): symbol,
    ("fixed", None): fixed,
}
"""Leaves without a logical type: the value passes as it is."""

TO_RAW: Leaves = {
    **PLAIN,
    ("long", "timestamp-millis"): _TIMESTAMP,
    ("long", "timestamp-micros"): _TIMESTAMP,
    ("int", "date"): _either(date, _no_datetime, raw_date),
    ("int", "time-millis"): _TIME,
    ("long", "time-micros"): _TIME,
    ("bytes", "decimal"): _DECIMAL,
    ("fixed", "decimal"): _DECIMAL,
    ("string", "uuid"): _either(UUID, lambda _, value: str(value), raw_uuid),
}


def timestamp(schema: Any, value: int) -> datetime:
    """Return a raw timestamp as an aware datetime."""
    return EPOCH + timedelta(microseconds=value * MILLIS[schema["logicalType"]])


def day(value: int) -> date:
    """Return a raw date as a date."""
    return EPOCH.date() + timedelta(days=value)


def time_of_day(schema: Any, value: int) -> time:
    """Return a raw time of day as a time."""
    return (EPOCH + timedelta(microseconds=value * MILLIS[schema["logicalType"]])).time()


def decimal(schema: Any, value: bytes) -> Decimal:
    """Return raw decimal bytes as a Decimal with the schema's scale."""
    unscaled = int.from_bytes(value, "big", signed=True)
    digits = tuple(int(digit) for digit in str(abs(unscaled)))
    return Decimal((int(unscaled < 0), digits, -schema.get("scale", 0)))


TO_PYTHON: Leaves = {
    **PLAIN,
    ("long", "timestamp-millis"): lambda schema: partial(timestamp, schema),
    ("long", "timestamp-micros"): lambda schema: partial(timestamp, schema),
    ("int", "date"): lambda _: day,
    ("int", "time-millis"): lambda schema: partial(time_of_day, schema),
    ("long", "time-micros"): lambda schema: partial(time_of_day, schema),
    ("bytes", "decimal"): lambda schema: partial(decimal, schema),
    ("fixed", "decimal"): lambda schema: partial(decimal, schema),
    ("string", "uuid"): lambda _: UUID,
}
