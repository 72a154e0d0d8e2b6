"""What only the demo can know, looked up by plain consumers: order of cases, staff ids, what others sent.

That every event reached whom it had to is the audit's to say. Work is split by partition number: a case lies
in one partition of its source and in one of the register.
"""

from __future__ import annotations

import multiprocessing

from confluent_kafka import Message

from hub.broker.registry_topic import read_registry
from hub.broker.ticks import TICKED
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contracts
from hub.errors import ContractError, HubError
from hub.launch.demo import logs, plan, staff
from hub.launch.demo.findings import Findings
from hub.launch.demo.workers import sheltered
from hub.registry.model import REJECTED
from hub.settings import Settings

NOTICES = frozenset(
    {"hub.step.due.v1", "hub.step.overdue.v1", "hub.step.escalated.v1", "hub.sub-case.ended.v1"}
)
"""What agency `hub` publishes of cases."""


def check(settings: Settings, processes: int = 2) -> Findings:
    """Look everything up; raise HubError if the logs cannot be read."""
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
    return whole


def check_part(settings: Settings, numbers: list[int]) -> Findings | str:
    """Look at some partitions of every topic; return the findings, or the text of an error."""
    try:
        return _Check(settings, numbers).run()
    except HubError as error:
        return str(error)


class _Check:
    def __init__(self, settings: Settings, numbers: list[int]) -> None:
        self._settings = settings
        self._numbers = numbers
        self._codec = Codec(Contracts.load())
        self._found = Findings()
        self._cases: dict[str, list[str]] = {}
        self._replayed: set[str] = set()
        self._paced = plan.paced_ids()

    def run(self) -> Findings:
        registry = read_registry(self._settings, topics.READER_PRINCIPAL).current
        for code in registry.agencies if registry else ():
            self._read_outbox(code)
        self._read_register()
        self._compare_cases()
        watch = staff.Watch(self._codec)
        for record in logs.records(self._settings, topics.inbox(plan.STATISTICS), self._numbers):
            watch.look(record)
        self._found.staff_ids_seen += watch.seen
        return self._found

    def _read_outbox(self, code: AgencyCode) -> None:
        """Count what the plan does not know, and note when the municipalities' first event was appended."""
        known = {item.id for item in plan.whole(code, self._codec)} if code in plan.SOURCES else set()
        for record in logs.records(self._settings, topics.outbox(code), self._numbers):
            headers = logs.headers_of(record)
            cause = headers.get("ce_causationid", b"").decode("utf-8", "replace")
            if code == topics.HUB and self._is_the_hubs(
                headers.get("ce_type", b"").decode("utf-8", "replace")
            ):
                continue
            rejects = headers.get("ce_type") == REJECTED.encode() and cause in plan.rejected_ids()
            if logs.identity(record) not in known and not (rejects and code == plan.REGISTER):
                self._found.strangers += 1
            elif code in plan.MUNICIPALITIES and logs.identity(record) not in self._paced:
                time = record.timestamp()[1]
                self._found.first_append_ms = min(time, self._found.first_append_ms or time)

    def _is_the_hubs(self, type_: str) -> bool:
        """Count what the hub itself says as the programme goes: its clock, and what cases came to."""
        self._found.ticks += type_ == TICKED
        self._found.notices += type_ in NOTICES
        return type_ == TICKED or type_ in NOTICES

    def _read_register(self) -> None:
        for record in logs.records(self._settings, topics.inbox(plan.REGISTER), self._numbers):
            headers = logs.headers_of(record)
            name = headers.get("ce_id", b"").decode("utf-8", "replace")
            if envelope.REPLAY_OF in headers:
                # The contract says of a replay that it may follow later events of its case.
                self._replayed.add(name)
                continue
            case = headers.get("ce_caseid", b"").decode("utf-8", "replace")
            self._cases.setdefault(case, []).append(name)
            if _source(headers) in plan.MUNICIPALITIES and name not in self._paced:
                self._note_visible(record)

    def _note_visible(self, record: Message) -> None:
        time = record.timestamp()[1]
        self._found.last_visible_ms = max(time, self._found.last_visible_ms or time)

    def _compare_cases(self) -> None:
        """Compare the order of every case in the permit register with the order in its source's log."""
        for agency in plan.ISLANDS:
            sources: dict[str, list[str]] = {}
            for event in plan.log_events(agency):
                if event.id not in self._replayed:
                    sources.setdefault(event.caseid or "", []).append(event.id)
            for case, ids in sources.items():
                came = self._cases.get(case)
                if came is None:
                    continue
                self._found.cases[agency] += 1
                if came != ids:
                    self._found.cases_out_of_order.append(case)


def _source(headers: dict[str, bytes]) -> AgencyCode | None:
    try:
        return Origin.parse(headers.get(envelope.ORIGIN, b"").decode("utf-8", "replace")).agency
    except ContractError:
        return None
