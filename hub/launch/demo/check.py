"""The demo's check: plain consumers read every outbox and inbox and compare with what was sent and due.

Work is split by partition number: a delivery lies in the partition of its source, so each part is whole.
"""

from __future__ import annotations

import multiprocessing
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cached_property

from confluent_kafka import Message

from hub.broker.registry_topic import read_registry
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contract, Contracts
from hub.errors import HubError
from hub.launch.demo import logs, plan, staff
from hub.launch.demo.due import Due, Expectation
from hub.launch.demo.findings import Findings
from hub.launch.demo.workers import sheltered
from hub.registry.model import Agreement, Registry
from hub.settings import Settings

Place = tuple[str, int, int]
"""Topic, partition, offset."""
Line = tuple[str, str, int]
"""Route, and the source's topic and partition."""
PARKED_ROUTE = "hub.parked"


def check(settings: Settings, processes: int = 2) -> Findings:
    """Check everything; raise HubError if the logs cannot be read."""
    with sheltered():
        pool = multiprocessing.get_context("spawn").Pool(processes)
    with pool:
        numbers = range(topics.DEFAULT_PARTITIONS)
        parts = [(settings, [n for n in numbers if n % processes == part]) for part in range(processes)]
        results = pool.starmap(check_part, parts)
    whole = Findings()
    for found in results:
        if isinstance(found, str):
            raise HubError(found)
        whole.add(found)
    _check_parked(settings, whole)
    return whole


def check_part(settings: Settings, numbers: list[int]) -> Findings | str:
    """Check some partitions of every topic; return the findings, or the text of an error."""
    try:
        return _Check(settings, numbers).run()
    except HubError as error:
        return str(error)


class _Check:
    def __init__(self, settings: Settings, numbers: list[int]) -> None:
        self._settings = settings
        self._numbers = numbers
        registry = read_registry(settings, topics.READER_PRINCIPAL).current
        if registry is None:
            raise HubError("there is no agency registry yet.", do="Run `hub apply`.")
        self._registry: Registry = registry
        self._codec = Codec(Contracts.load())
        self._due: dict[Place, Due] = {}
        self._strangers: set[Place] = set()
        self._found = Findings()
        self._masks: dict[tuple[str, int], dict[str, object]] = {}
        self._cases: dict[str, list[str]] = {}
        self._pseudonyms: dict[tuple[AgencyCode, str], str] = {}
        self._originals: dict[tuple[AgencyCode, str], str] = {}

    def run(self) -> Findings:
        for code in self._registry.agencies:
            self._read_outbox(code)
        lines = self._lines_due()
        for code in self._registry.agencies:
            self._read_inbox(code, lines)
        for (route, topic, number), origins in lines.items():
            self._found.route(route).missing += len(origins)
            if origins:
                self._found.problem(f"{route}: {topic}/{number}/{min(origins)} is missing")
        self._compare_cases()
        self._found.pseudonyms = Counter(recipient for recipient, _ in self._pseudonyms)
        return self._found

    def _read_outbox(self, code: AgencyCode) -> None:
        expectation = Expectation(self._registry, self._codec, datetime.now(UTC))
        topic = topics.outbox(code)
        timed = code in plan.MUNICIPALITIES
        for record in logs.records(self._settings, topic, self._numbers):
            name = logs.identity(record)
            headers: envelope.Headers = record.headers() or []  # type: ignore[assignment]
            verdict = expectation.judge(code, name, headers, record.value())
            if verdict is None:
                self._found.strangers += 1
                self._strangers.add((topic, record.partition() or 0, record.offset() or 0))
                continue
            self._found.verdicts[verdict.name] += 1
            if verdict.due is not None:
                self._due[topic, record.partition() or 0, record.offset() or 0] = verdict.due
            if timed:
                self._note_time("first_append_ms", record, min)

    def _lines_due(self) -> dict[Line, set[int]]:
        lines: dict[Line, set[int]] = {}
        for (topic, number, offset), due in self._due.items():
            for agreement in due.agreements:
                route = f"{agreement.id}/{due.contract.event_type}"
                lines.setdefault((route, topic, number), set()).add(offset)
                self._found.route(route).due += 1
        return lines

    def _read_inbox(self, code: AgencyCode, lines: dict[Line, set[int]]) -> None:
        last: dict[Line, tuple[int, int]] = {}
        watch = self._staff if code == plan.STATISTICS else None
        for record in logs.records(self._settings, topics.inbox(code), self._numbers):
            headers = logs.headers_of(record)
            route = headers.get(envelope.ROUTE, b"?").decode()
            origin = Origin.parse(headers.get(envelope.ORIGIN, b"").decode())
            line = (route, origin.topic, origin.partition)
            before, number = last.get(line, (-1, 0))
            last[line] = (max(before, origin.offset), number + 1)
            if (origin.topic, origin.partition, origin.offset) in self._strangers:
                continue
            due = self._due.get((origin.topic, origin.partition, origin.offset))
            count = self._found.route(route)
            count.came += 1
            open_origins = lines.get(line, set())
            if due is None or origin.offset not in open_origins:
                count.doubled += 1
                self._found.problem(f"{route}: {origin} came again, or was never due")
                continue
            open_origins.remove(origin.offset)
            count.out_of_order += origin.offset < before
            fault = self._fault(code, record, headers, route, due)
            if fault is None and headers.get(envelope.SEQ) != str(number + 1).encode():
                fault = f"hub-seq is not {number + 1}"
            if fault is not None:
                count.altered += 1
                self._found.problem(f"{route}: {origin}: {fault}")
            self._watch_case(code, origin, record, due)
            if watch is not None:
                watch.look(record)
        if watch is not None:
            self._found.staff_ids_seen += watch.seen

    def _watch_case(self, code: AgencyCode, origin: Origin, record: Message, due: Due) -> None:
        if code == plan.REGISTER:
            self._cases.setdefault(due.headers["ce_caseid"].decode(), []).append(due.id)
        if origin.agency in plan.MUNICIPALITIES:
            self._note_time("last_visible_ms", record, max)

    @cached_property
    def _staff(self) -> staff.Watch:
        return staff.Watch(self._codec)

    def _fault(
        self, code: AgencyCode, record: Message, headers: dict[str, bytes], route: str, due: Due
    ) -> str | None:
        """Return in what a delivery differs from what its event and agreement say, or None."""
        agreement = next(each for each in due.agreements if route.startswith(f"{each.id}/"))
        own = {name: value for name, value in headers.items() if not name.startswith("hub-")}
        mask = self._mask(agreement, due.contract)
        wanted = self._treated(code, agreement, due.headers, own)
        pairs = {
            envelope.AGREEMENT: (headers.get(envelope.AGREEMENT), agreement.reference.encode()),
            envelope.PURPOSE: (headers.get(envelope.PURPOSE), agreement.purpose.encode()),
            envelope.MASKED: (headers.get(envelope.MASKED, b""), ",".join(mask).encode()),
            "its own headers": (own, wanted),
            "key": (record.key(), wanted.get("ce_caseid") or wanted.get("ce_subject") or wanted["ce_id"]),
            "value": (record.value(), self._masked(due, mask)),
        }
        wrong = [name for name, (came, right) in pairs.items() if came != right]
        return f"{' and '.join(wrong)} differ" if wrong else None

    def _treated(
        self, code: AgencyCode, agreement: Agreement, sent: dict[str, bytes], came: dict[str, bytes]
    ) -> dict[str, bytes]:
        """Return the headers that must have come; a pseudonym must be one, the same for the same original."""
        wanted = dict(sent)
        for name, treatment in (("ce_subject", agreement.subject), ("ce_caseid", agreement.caseid)):
            original = wanted.get(name)
            if original is None or treatment == "pass":
                continue
            del wanted[name]
            if treatment == "pseudonym":
                wanted[name] = self._pseudonym(
                    code, name, original.decode(), came.get(name, b"").decode()
                ).encode()
        return wanted

    def _pseudonym(self, code: AgencyCode, name: str, original: str, came: str) -> str:
        """Return the pseudonym first seen for an original, or what came if it is new and well-formed."""
        opener, _, letters = came.rpartition("/")
        if not re.fullmatch("[a-p]{32}", letters):
            return ""
        if name == "ce_caseid" and opener != original.partition("/")[0]:
            return ""
        known = self._pseudonyms.setdefault((code, original), came)
        owner = self._originals.setdefault((code, known), original)
        return known if owner == original else ""

    def _mask(self, agreement: Agreement, contract: Contract) -> dict[str, object]:
        name = (agreement.reference, int(contract.id))
        if name not in self._masks:
            withheld = agreement.mask(contract.event_type, contract.field_names)
            self._masks[name] = {note.name: note.default for note in contract.fields if note.name in withheld}
        return self._masks[name]

    def _masked(self, due: Due, mask: dict[str, object]) -> bytes:
        if not mask:
            return due.value
        data = self._codec.decode_body(due.contract, due.value)
        return self._codec.encode_raw(due.contract, data | mask)

    def _compare_cases(self) -> None:
        """Compare the order of every case in the permit register with the order in its source's log."""
        for agency in plan.ISLANDS:
            sources: dict[str, list[str]] = {}
            for event in plan.log_events(agency):
                sources.setdefault(event.caseid or "", []).append(event.id)
            for case, ids in sources.items():
                came = self._cases.get(case)
                if came is None:
                    continue
                self._found.cases[agency] += 1
                if came != ids:
                    self._found.cases_out_of_order.append(case)
                    self._found.problem(f"case {case}: the register's order is not the source's")

    def _note_time(self, name: str, record: Message, choose: object) -> None:
        time = record.timestamp()[1]
        known = getattr(self._found, name)
        setattr(self._found, name, time if known is None else choose(known, time))  # type: ignore[operator]


def _check_parked(settings: Settings, found: Findings) -> None:
    """Compare hub.parked with the refused records of the plan, class by class."""
    reasons = {"routed", "unclaimed", "duplicate"}
    due = {name: count for name, count in found.verdicts.items() if name not in reasons}
    number = logs.partitions(settings, topics.PARKED)
    came = Counter(
        logs.headers_of(record).get(envelope.REASON, b"?").decode()
        for record in logs.records(settings, topics.PARKED, range(number))
    )
    count = found.route(PARKED_ROUTE)
    count.due, count.came = sum(due.values()), came.total()
    for name in sorted(due.keys() | came.keys()):
        difference = due.get(name, 0) - came[name]
        count.missing += max(0, difference)
        count.doubled += max(0, -difference)
        if difference:
            found.problem(f"{PARKED_ROUTE}: {came[name]} of class {name}, {due.get(name, 0)} were due")
