"""Records that the hub must refuse, at least one of every reason class that it can give. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from connectors.sdk import Event
from connectors.sdk.events import Record, to_record
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode, SchemaId, source_uri
from hub.launch.demo.items import NullRecord, Raw
from hub.launch.demo.mapping import letters


def records(known: Event, agency: AgencyCode, other: AgencyCode, codec: Codec) -> Iterator[Raw]:
    """Yield them as `agency` sends them; `known` is an event of it that was sent, `other` another agency."""
    made = _Maker(agency, codec)
    event, raw = made.event, made.raw
    yield raw("frame", event("null value"), value=None)
    yield raw("frame", event("short"), value=b"\0\0")
    yield raw("frame", event("magic"), value=b'{"service_id": "x"}')
    yield raw("envelope", event("no time"), headers=made.headers(event("no time"), ce_time=None))
    yield raw("envelope", event("forged"), headers=made.headers(event("forged"), **{"hub-seq": "1"}))
    yield raw("envelope", event("key"), key=b"another-key")
    forged = made.headers(event("mismatch"), ce_source=source_uri(other))
    yield raw("source-mismatch", event("mismatch"), headers=forged)
    # Zeros compress to almost nothing, so the broker takes them; the hub measures what an event really is.
    yield raw("too-large", event("large"), value=b"\0" * 2_000_000)
    framed = to_record(event("schema"), agency, codec).value
    unknown = b"\0" + SchemaId(999_999).to_bytes(4, "big") + framed[5:]
    yield raw("unknown-schema", event("schema"), value=unknown)
    yield raw("decode", event("cut"), value=framed[:-1])
    yield raw("decode", event("longer"), value=framed + b"\0")
    yield raw("invalid", event("national number", subject=national_number(123456789)))
    yield raw("not-allowed", event("not granted", type="catalogue.service.declared.v1"))
    changed = replace(known, data={**known.data, "activity_name": "something else"})
    yield raw("id-conflict", changed)


def national_number(first_nine: int) -> str:
    """Return the valid Iranian national number that begins with nine given digits."""
    digits = f"{first_nine:09}"
    rest = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    return digits + str(rest if rest < 2 else 11 - rest)


class _Maker:
    def __init__(self, agency: AgencyCode, codec: Codec) -> None:
        self._agency = agency
        self._codec = codec

    def event(self, name: str, **changes: str) -> Event:
        """Return a sound event with some attributes changed."""
        base = Event(
            type="service.step.completed.v1",
            data={"service_id": "environmental-permit-receipt"},
            id=letters("bad", name),
            time="2026-03-21T08:30:00+03:30",
            subsystem="general",
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def raw(self, fate: str, sound: Event, **changes: object) -> Raw:
        """Return an event's record with parts of it replaced."""
        record: Record = to_record(sound, self._agency, self._codec)
        if changes.get("value", b"") is None:
            return Raw(sound.id, NullRecord(record.key, record.headers), fate)
        parts = {"key": record.key, "value": record.value, "headers": record.headers} | changes
        return Raw(sound.id, Record(**parts), fate)  # type: ignore[arg-type]

    def headers(self, sound: Event, **changes: str | None) -> list[tuple[str, bytes]]:
        """Return an event's headers with some replaced, or left out where None."""
        own = to_record(sound, self._agency, self._codec).headers
        kept = [(name, value) for name, value in own if name not in changes]
        return kept + [(name, text.encode()) for name, text in changes.items() if text is not None]
