"""The records of `hub.registry`: how an edition of the agency registry is written down and read back.

Keys are `<kind>/<id>@<version>`; a key is written once, so compaction keeps every version ever applied. One
`hub apply` is one Kafka transaction: the new object versions, then the manifest `edition/registry@<n>`, which
lists the version of every object in force. A reader acts only on editions whose objects it has all seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.errors import ContractError
from hub.registry.model import Agency, Agreement, Quota, Registry, Subsystem

AGENCY = "agency"
AGREEMENT = "agreement"
EDITION = "edition"
_KEY = re.compile(r"([a-z]+)/([a-z][a-z0-9-]*)@([1-9][0-9]*)")

Record = tuple[str, bytes | None]
"""Key and value of one record; a null value (never written by the hub) takes the key back."""


def agency_key(agency: Agency) -> str:
    """Return the key of one version of an agency."""
    return f"{AGENCY}/{agency.code}@{agency.version}"


def agreement_key(agreement: Agreement) -> str:
    """Return the key of one version of an agreement."""
    return f"{AGREEMENT}/{agreement.id}@{agreement.version}"


def edition_key(number: int) -> str:
    """Return the key of an edition's manifest."""
    return f"{EDITION}/registry@{number}"


def encode_edition(registry: Registry, known: Iterable[str] = ()) -> list[Record]:
    """Return the records of a numbered edition, the manifest last; keys in `known` are there already."""
    there = frozenset(known)
    objects = {agency_key(each): encode_agency(each) for each in registry.agencies.values()}
    objects |= {agreement_key(each): encode_agreement(each) for each in registry.agreements.values()}
    manifest = {"edition": registry.version, "objects": sorted(objects)}
    records: list[Record] = [
        (key, _dump(value)) for key, value in sorted(objects.items()) if key not in there
    ]
    return [*records, (edition_key(registry.version), _dump(manifest))]


class RegistryReader:
    """A fold over the records of `hub.registry`: feed them in the topic's order, then ask for editions."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, Any]] = {}
        self._manifests: dict[int, list[str]] = {}
        self._highest: dict[str, int] = {}
        self._built: dict[int, Registry] = {}

    def feed(self, key: str | bytes | None, value: bytes | None) -> None:
        """Take one record; raise ContractError naming the key if it is malformed. Skips unknown kinds."""
        text, (kind, id_, version) = _split_key(key)
        if value is None:
            self._objects.pop(text, None)
            if kind == EDITION:
                self._manifests.pop(version, None)
                self._built.pop(version, None)
            return
        document = _load(text, value)
        self._highest[f"{kind}/{id_}"] = max(version, self._highest.get(f"{kind}/{id_}", 0))
        if kind == EDITION:
            self._manifests[version] = [str(each) for each in document.get("objects", ())]
            self._built.pop(version, None)
        elif kind in (AGENCY, AGREEMENT):
            self._objects[text] = document

    @property
    def current(self) -> Registry | None:
        """The newest complete edition; None before the first `hub apply`."""
        for number in sorted(self._manifests, reverse=True):
            if self._complete(number):
                return self.edition(number)
        return None

    @property
    def editions(self) -> tuple[int, ...]:
        """The numbers of the complete editions, ascending."""
        return tuple(number for number in sorted(self._manifests) if self._complete(number))

    @property
    def keys(self) -> frozenset[str]:
        """The keys of every agency and agreement version on the topic."""
        return frozenset(self._objects)

    def codes(self, kind: str) -> frozenset[str]:
        """Return the ids of every object of a kind that was ever written, in force or not."""
        return frozenset(name.partition("/")[2] for name in self._highest if _kind(name) == kind)

    def edition(self, number: int) -> Registry:
        """Return one edition; raise ContractError if it is unknown or incomplete."""
        if number not in self._built:
            if not self._complete(number):
                raise ContractError(f"edition {number} of the agency registry is not on its topic.")
            self._built[number] = self._build(number)
        return self._built[number]

    def highest(self, kind: str, id_: str) -> int:
        """Return the highest version ever written of an object; 0 if there is none."""
        return self._highest.get(f"{kind}/{id_}", 0)

    @property
    def highest_edition(self) -> int:
        """The highest edition number ever written, complete or not."""
        return self._highest.get(f"{EDITION}/registry", 0)

    def _complete(self, number: int) -> bool:
        return number in self._built or (
            number in self._manifests
            and all(
                key in self._objects or _kind(key) not in (AGENCY, AGREEMENT)
                for key in self._manifests[number]
            )
        )

    def _build(self, number: int) -> Registry:
        agencies: dict[AgencyCode, Agency] = {}
        agreements: dict[AgreementId, Agreement] = {}
        for key in self._manifests[number]:
            _, (kind, id_, version) = _split_key(key)
            if kind == AGENCY:
                agencies[AgencyCode(id_)] = decode_agency(self._objects[key], version)
            elif kind == AGREEMENT:
                agreements[AgreementId(id_)] = decode_agreement(self._objects[key], version)
        return Registry(number, agencies, agreements)


def number(desired: Registry, reader: RegistryReader) -> Registry:
    """Return `desired` with versions: an unchanged object keeps its own, a changed one gets the next free.

    The edition's number rises by one if anything changed; otherwise the current edition itself is returned.
    """
    current = reader.current
    agencies = {
        code: _numbered_agency(each, current, reader) for code, each in sorted(desired.agencies.items())
    }
    agreements = {
        id_: _numbered_agreement(each, current, reader) for id_, each in sorted(desired.agreements.items())
    }
    if current is not None and agencies == current.agencies and agreements == current.agreements:
        return current
    return Registry(reader.highest_edition + 1, agencies, agreements)


def encode_agency(agency: Agency) -> dict[str, Any]:
    """Return an agency as a JSON document, without its version (the key holds it)."""
    quota = agency.quota
    return {
        "code": agency.code,
        "title": {"fa": agency.title_fa, "en": agency.title_en},
        "subsystems": [
            {"code": each.code, "title": {"fa": each.title_fa, "en": each.title_en}}
            for each in agency.subsystems
        ],
        "publishes": sorted(agency.grants),
        "partitions": agency.partitions,
        "quota": {
            "produce_bytes_per_second": quota.produce_bytes_per_second,
            "consume_bytes_per_second": quota.consume_bytes_per_second,
            "request_percentage": quota.request_percentage,
        },
    }


def encode_agreement(agreement: Agreement) -> dict[str, Any]:
    """Return an agreement as a JSON document, without its version (the key holds it)."""
    return {
        "id": agreement.id,
        "from": agreement.source,
        "to": agreement.recipient,
        "purpose": {"code": agreement.purpose, "fa": agreement.purpose_fa, "en": agreement.purpose_en},
        "legal_basis": agreement.legal_basis,
        "withhold": _sets(agreement.types),
        "only": _sets(agreement.only),
        "subject": agreement.subject,
        "case_id": agreement.caseid,
        "valid": {
            "from": _time(agreement.valid_from),
            "until": None if agreement.valid_until is None else _time(agreement.valid_until),
        },
    }


def decode_agency(document: Mapping[str, Any], version: int) -> Agency:
    """Return the agency of a document; raise ContractError if the document is none."""
    try:
        return Agency(
            code=AgencyCode(document["code"]),
            version=version,
            title_fa=document["title"]["fa"],
            title_en=document["title"]["en"],
            subsystems=tuple(
                Subsystem(each["code"], each["title"]["fa"], each["title"]["en"])
                for each in document["subsystems"]
            ),
            grants=frozenset(EventType(each) for each in document["publishes"]),
            partitions=document["partitions"],
            quota=Quota(**document["quota"]),
        )
    except (KeyError, TypeError) as error:
        raise ContractError(f"an agency on the registry's topic cannot be read: {error}.") from None


def decode_agreement(document: Mapping[str, Any], version: int) -> Agreement:
    """Return the agreement of a document; raise ContractError if the document is none."""
    try:
        until = document["valid"]["until"]
        return Agreement(
            id=AgreementId(document["id"]),
            version=version,
            source=AgencyCode(document["from"]),
            recipient=AgencyCode(document["to"]),
            purpose=document["purpose"]["code"],
            purpose_fa=document["purpose"]["fa"],
            purpose_en=document["purpose"]["en"],
            legal_basis=document["legal_basis"],
            types={EventType(type_): frozenset(names) for type_, names in document["withhold"].items()},
            only={EventType(type_): frozenset(names) for type_, names in document["only"].items()},
            subject=document["subject"],
            caseid=document["case_id"],
            valid_from=datetime.fromisoformat(document["valid"]["from"]),
            valid_until=None if until is None else datetime.fromisoformat(until),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"an agreement on the registry's topic cannot be read: {error}.") from None


def _numbered_agency(agency: Agency, current: Registry | None, reader: RegistryReader) -> Agency:
    before = current.agencies.get(agency.code) if current else None
    if before is not None and encode_agency(before) == encode_agency(agency):
        return before
    return replace(agency, version=reader.highest(AGENCY, agency.code) + 1)


def _numbered_agreement(agreement: Agreement, current: Registry | None, reader: RegistryReader) -> Agreement:
    before = current.agreements.get(agreement.id) if current else None
    if before is not None and encode_agreement(before) == encode_agreement(agreement):
        return before
    return replace(agreement, version=reader.highest(AGREEMENT, agreement.id) + 1)


def _split_key(key: str | bytes | None) -> tuple[str, tuple[str, str, int]]:
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    match = _KEY.fullmatch(text or "")
    if text is None or match is None:
        raise ContractError(f"{text!r} on the registry's topic is no key of the form <kind>/<id>@<version>.")
    return text, (match[1], match[2], int(match[3]))


def _kind(key: str) -> str:
    return key.partition("/")[0]


def _load(key: str, value: bytes) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ContractError(f"the record {key} on the registry's topic is no JSON object.")
    return document


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _sets(types: Mapping[EventType, frozenset[str]]) -> dict[str, list[str]]:
    return {type_: sorted(names) for type_, names in sorted(types.items())}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
