"""A fault in words: what was due, what was found, and the names of the parts that differ.

The names of headers and fields are for everybody; the two versions hold values and are for a reader who may
see contents. Either record may be None where retention has removed it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from hub.audit import expected
from hub.audit.books import INTAKE, Fault
from hub.audit.due import TOO_LARGE, Judge, Misread, Reading
from hub.audit.rules import Rules, Term
from hub.contracts import envelope, jsonform
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.registry.model import Registry

_BY_DELIVERY = (envelope.ORIGIN, envelope.SEQ, envelope.ACCEPTED_AT)
_OF_PARKED = (envelope.DETAIL, envelope.PARKED_AT)

Version = dict[str, Any]
"""One version as a JSON-able dict: `key`, `headers` (a list of name and text), `value`."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What `explain` says: a sentence, the names that differ (`header hub-purpose`, `field rating`, `key`).

    `due` and `found` hold values; None where there is no such version, or none that can be made any more.
    """

    what: str
    differs: tuple[str, ...] = ()
    due: Version | None = None
    found: Version | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """A record taken apart for comparison; `headers` without those that the comparison leaves out."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def explain(
    judge: Judge, registry: Registry, fault: Fault, original: Record | None, found: Record | None
) -> Explained:
    """Return what is wrong with one event on one route (or in hub.parked).

    `registry` is the edition that the fault names, `original` the outbox record at its origin, `found` the
    record at its place found. Raises nothing for whatever the records hold.
    """
    if fault.route == INTAKE:
        return _of_intake(judge, fault, original, found)
    shown = None if found is None else _version(judge.codec, _parts(found))
    if original is None:
        what = "retention has removed the event from its outbox; what was due is not known"
        return Explained(what, found=shown)
    try:
        reading = judge.read(original)
        terms = Rules(registry).terms(reading, fault.at_ms)
    except Misread as misread:
        return Explained(f"nothing was due: the event is refused as {misread.reason}", found=shown)
    for term in terms:
        if term.route == fault.route:
            return _of_delivery(judge.codec, fault, _due(judge, reading, term), found)
    return Explained("nothing was due: no agreement of this route covered the event then", found=shown)


def _of_delivery(codec: Codec, fault: Fault, due: _Parts, found: Record | None) -> Explained:
    wanted = _version(codec, due)
    if fault.kind == "missing":
        return Explained("the recipient's inbox does not hold the delivery", due=wanted)
    if found is None:
        return Explained("retention has removed what was found from the inbox", due=wanted)
    differs = _differences(codec, due, _parts(found))
    return Explained(_sentence(fault, differs), differs, wanted, _version(codec, _parts(found)))


def _of_intake(judge: Judge, fault: Fault, original: Record | None, found: Record | None) -> Explained:
    shown = None if found is None else _version(judge.codec, _plain(found, ()))
    if original is None:
        return Explained("retention has removed the event from its outbox", (), None, shown)
    try:
        judge.read(original)
        reason = None
    except Misread as misread:
        reason = misread.reason
    if found is None:
        asked = _version(judge.codec, _plain(original, ()))
        return Explained(fault.detail, (), asked, None)
    kept = expected.kept(found)
    given = (kept.reason or b"").decode("utf-8", "replace")
    due = _parked(original, TOO_LARGE if given == TOO_LARGE else reason or given)
    differs = _differences(judge.codec, due, _plain(found, (*_OF_PARKED, envelope.ORIGIN, envelope.REASON)))
    if reason is not None and given != reason:
        differs = (*differs, f"header {envelope.REASON}")
    return Explained(_sentence(fault, differs), differs, _version(judge.codec, due), shown)


def _sentence(fault: Fault, differs: tuple[str, ...]) -> str:
    if fault.kind == "doubled":
        copy = "a copy of the delivery" if not differs else "another record of the event, not as due"
        return f"{copy}: {fault.detail}"
    if fault.kind == "out_of_order":
        return "the delivery is as due but for its order" if not differs else fault.detail
    return f"{fault.detail}; differing: {', '.join(differs)}" if differs else fault.detail


def _due(judge: Judge, reading: Reading, term: Term) -> _Parts:
    due = expected.Due(judge, reading)
    key, headers = due.head(term)
    return _Parts(key, due.value(term), list(headers))


def _parts(record: Record) -> _Parts:
    return _plain(record, _BY_DELIVERY)


def _plain(record: Record, without: tuple[str, ...]) -> _Parts:
    return _Parts(record.key, record.value, expected.without_last(record.headers, without))


def _parked(record: Record, reason: str) -> _Parts:
    key, value, headers = expected.parked_parts(record, reason)
    return _Parts(key, value, list(headers))


def _differences(codec: Codec, due: _Parts, found: _Parts) -> tuple[str, ...]:
    """Return the names of what differs: the key, headers, fields of the value."""
    names = [] if due.key == found.key else ["key"]
    wanted, there = _by_name(due.headers), _by_name(found.headers)
    differing = {name for name in wanted | there if wanted.get(name) != there.get(name)}
    names += [f"header {name}" for name in sorted(differing)]
    if due.value != found.value:
        names += _fields(codec, due.value, found.value)
    return tuple(names)


def _by_name(headers: list[tuple[str, bytes | None]]) -> dict[str, list[bytes | None]]:
    found: dict[str, list[bytes | None]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _fields(codec: Codec, due: bytes | None, found: bytes | None) -> list[str]:
    try:
        contract, wanted = codec.decode(due)
        other, there = codec.decode(found)
    except ContractError:
        return ["value"]
    if contract.id != other.id:
        return ["schema of the value"]
    names = [name for name in wanted if wanted[name] != there[name]]
    return [f"field {name}" for name in names] or ["encoding of the value"]


def _version(codec: Codec, parts: _Parts) -> Version:
    return {
        "key": _text(parts.key),
        "headers": [[name, _text(value)] for name, value in parts.headers],
        "value": _value(codec, parts.value),
    }


def _value(codec: Codec, value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        contract, data = codec.decode(value)
        return jsonform.to_json(contract, data)
    except ContractError:
        return {"base64": base64.b64encode(value).decode()}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
