"""What only the demo can know, looked up by plain consumers: order of cases, staff ids, what others sent.

That every event reached whom it had to is the audit's to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import Message

from hub.broker.registry_topic import read_registry
from hub.broker.ticks import TICKED
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.launch.demo import logs, plan, staff
from hub.launch.demo.findings import Findings
from hub.launch.demo.logs import Headers
from hub.registry.model import REJECTED
from hub.settings import Settings

NOTICES = frozenset(
    {"hub.step.due.v1", "hub.step.overdue.v1", "hub.step.escalated.v1", "hub.sub-case.ended.v1"}
)
"""What agency `hub` publishes of cases."""


def check(settings: Settings) -> Findings:
    """Look everything up; raise HubError if the logs cannot be read.

    In one process: this one knows the plan already, and another would take as long to work it out anew.
    """
    return _Check(settings).run()


class _Check:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec = Codec(Contracts.load())
        self._found = Findings()
        self._cases: dict[str, list[str]] = {}
        self._replayed: set[str] = set()
        self._paced = plan.paced_ids()
        self._rejected = plan.rejected_ids()

    def run(self) -> Findings:
        registry = read_registry(self._settings, topics.READER_PRINCIPAL).current
        for code in registry.agencies if registry else ():
            self._read_outbox(code)
        self._read_register()
        self._compare_cases()
        watch = staff.Watch(self._codec)
        for record in self._records(topics.inbox(plan.STATISTICS)):
            watch.look(record)
        self._found.staff_ids_seen += watch.seen
        return self._found

    def _records(self, topic: str) -> Iterator[Message]:
        return logs.records(self._settings, topic, range(topics.DEFAULT_PARTITIONS))

    def _read_outbox(self, code: AgencyCode) -> None:
        """Count what the plan does not know, and note when the municipalities' first event was appended."""
        known = {item.id for item in plan.whole(code, self._codec)} if code in plan.SOURCES else set()
        for record in self._records(topics.outbox(code)):
            headers = logs.headers_of(record)
            if code == topics.HUB and self._is_the_hubs(_text(headers, "ce_type")):
                continue
            name = logs.identity(record, headers)
            if name in known:
                self._note_first(code, name, record)
            elif not (code == plan.REGISTER and self._rejects(headers)):
                self._found.strangers += 1

    def _note_first(self, code: AgencyCode, name: str, record: Message) -> None:
        if code in plan.MUNICIPALITIES and name not in self._paced:
            time = record.timestamp()[1]
            self._found.first_append_ms = min(time, self._found.first_append_ms or time)

    def _rejects(self, headers: Headers) -> bool:
        """Say whether it is one of the rejections that the plan has."""
        if headers.get("ce_type") != REJECTED.encode():
            return False
        return _text(headers, "ce_causationid") in self._rejected

    def _is_the_hubs(self, type_: str) -> bool:
        """Count what the hub itself says as the programme goes: its clock, and what cases came to."""
        self._found.ticks += type_ == TICKED
        self._found.notices += type_ in NOTICES
        return type_ == TICKED or type_ in NOTICES

    def _read_register(self) -> None:
        for record in self._records(topics.inbox(plan.REGISTER)):
            headers = logs.headers_of(record)
            name = _text(headers, "ce_id")
            if envelope.REPLAY_OF in headers:
                # The contract says of a replay that it may follow later events of its case.
                self._replayed.add(name)
                continue
            self._cases.setdefault(_text(headers, "ce_caseid"), []).append(name)
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


def _text(headers: Headers, name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


def _source(headers: Headers) -> AgencyCode | None:
    try:
        return Origin.parse(_text(headers, envelope.ORIGIN)).agency
    except ContractError:
        return None
