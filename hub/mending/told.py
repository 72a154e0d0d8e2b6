"""Faults as people see them: what the books say of each, and what the logs hold of its event."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from hub.audit.books import Fault, Repair
from hub.audit.due import Judge
from hub.audit.explain import Explained, explain
from hub.broker.auditing.secret import read_secret
from hub.broker.desk.desk import Pen, hub_event
from hub.broker.desk.people import Person
from hub.broker.desk.places import At, fetch, place_of
from hub.broker.registry_topic import read_registry
from hub.contracts import envelope, jsonform, structured, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.mending.order import repair_of, shown
from hub.parked.acts import VIEWED
from hub.settings import Settings
from hub.store import audit


@dataclass(frozen=True, slots=True)
class Told:
    """One fault with all that is known of it; `cut` is how far its source partition is judged.

    `original` is the outbox record, `found` what was found in the inbox or in hub.parked; None where there is
    none, or retention has removed it. `explained` compares the two; None where the pseudonyms' key or the
    edition is not at hand.
    """

    fault: Fault
    repair: Repair | None
    cut: int | None
    original: Record | None
    found: Record | None
    explained: Explained | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-able dict, without any content."""
        fault, mended = self.fault, self.repair
        event = event_of(self.original) if self.original is not None else None
        return {
            "route": shown(fault.route),
            "kind": fault.kind,
            "origin": str(fault.origin),
            "event_id": event.id if event else None,
            "event_type": event.type if event else None,
            "edition": fault.edition,
            "at": _moment(fault.at_ms),
            "cut": self.cut,
            "detail": self.explained.what if self.explained else fault.detail,
            "differs": list(self.explained.differs) if self.explained else None,
            "found": "/".join(map(str, fault.found)) if fault.found else None,
            "original_kept": self.original is not None,
            "found_kept": self.found is not None if fault.found else None,
            "open": mended is None,
            "repaired": None
            if mended is None
            else {
                "action": mended.action,
                "by": mended.by,
                "reason": mended.reason,
                "at": _moment(mended.at_ms),
            },
        }

    def contents(self, codec: Codec) -> dict[str, Any]:
        """Return the versions whole, as JSON-able dicts for who may see them; None for what is not there.

        `original` is the event as its agency sent it, `due` what the recipient should have got.
        """
        return {
            "original": contents(self.original, codec),
            "due": self.explained.due if self.explained else None,
            "found": contents(self.found, codec),
        }


def event_of(record: Record) -> Envelope | None:
    """Return the envelope of an outbox record as far as it can be read, else None."""
    try:
        if envelope.is_structured(record.headers):
            return structured.parse(record.headers, record.value, may_speak_for_others=True).envelope
        return envelope.read_headers(record.headers, may_speak_for_others=True)
    except ContractError:
        return None


def contents(record: Record | None, codec: Codec) -> dict[str, Any] | None:
    """Return key, headers and data of a record for who may see them; bytes that are no text, as base64."""
    if record is None:
        return None
    data: Any
    try:
        contract, raw = codec.decode(record.value)
        data = jsonform.to_json(contract, raw)
    except ContractError:
        data = _bytes(record.value)
    headers = [[name, _bytes(value)] for name, value in record.headers]
    return {"place": record.origin, "key": _bytes(record.key), "headers": headers, "data": data}


def tell(
    settings: Settings, books: Engine, route: str | None, origin: Origin | None, most: int
) -> tuple[list[Told], int]:
    """Return up to `most` faults, open ones first, with what the logs hold of them; and the count of all.

    Raises BrokerError or StoreError.
    """
    faults = audit.faults(books, route, origin)
    repairs = audit.repairs(books, route, origin)
    mended = {each: repair_of(each, repairs) for each in faults}
    shown_ = sorted(faults, key=lambda each: mended[each] is not None)[:most]
    places = {at_of(each.origin) for each in shown_} | {each.found for each in shown_ if each.found}
    records = {place_of(record): record for record in fetch(settings, places)}
    sheet = audit.sheet(books) or {"intake": []}
    cuts = {(line["topic"], line["partition"]): line["next"] for line in sheet["intake"]}
    explainer = _Explainer(settings)
    told = []
    for each in shown_:
        original = records.get(at_of(each.origin))
        found = records.get(each.found) if each.found else None
        cut = cuts.get((each.origin.topic, each.origin.partition))
        explained = explainer.explain(each, original, found)
        told.append(Told(each, mended[each], cut, original, found, explained))
    return told, len(faults)


def viewed(settings: Settings, person: Person, purpose: str, told: Iterable[Told]) -> None:
    """Record that somebody looks at the contents of events; confirmed when this returns."""
    pen, codec = Pen(settings, person.principal), Codec(Contracts.load())
    for origin, one in {each.fault.origin: each for each in told}.items():
        event = event_of(one.original) if one.original is not None else None
        data = {
            "origin": str(origin),
            "event_id": event.id if event else None,
            "source_agency": source_of(origin),
            "event_type": event.type if event else None,
            "viewed_by": person.name,
            "viewer_agency": topics.HUB,
            "purpose": purpose,
            "viewed_at": datetime.now(UTC),
        }
        pen.write(hub_event(codec, (VIEWED, data)))


def source_of(origin: Origin) -> str | None:
    """Return the agency on whose outbox an origin lies; None for a stray record of an inbox."""
    return origin.agency if origin.topic == topics.outbox(origin.agency) else None


def at_of(origin: Origin) -> At:
    """Return an origin as a place to fetch."""
    return origin.topic, origin.partition, origin.offset


class _Explainer:
    """Compares what was due with what was found, by the edition that each fault was judged by."""

    def __init__(self, settings: Settings) -> None:
        secret = read_secret(settings.data_dir)
        codec = Codec(Contracts.load())
        self._judge = None if secret is None else Judge(codec, secret, settings.gate.event_bytes)
        self._editions = read_registry(settings, topics.READER_PRINCIPAL)

    def explain(self, fault: Fault, original: Record | None, found: Record | None) -> Explained | None:
        try:
            registry = self._editions.edition(fault.edition)
        except ContractError:
            return None
        if self._judge is None:
            return None
        return explain(self._judge, registry, fault, original, found)


def _moment(milliseconds: int) -> str:
    return rfc3339(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _bytes(value: bytes | None) -> Any:
    """Return bytes as text where they are UTF-8, else as base64 that says so."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
