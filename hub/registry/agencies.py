"""From the forms of `agencies/` to agencies: what no single document can know is checked here."""

from __future__ import annotations

from hub.contracts.names import RECEIPT, AgencyCode, EventType, agency_code
from hub.contracts.schemas import Contracts
from hub.contracts.topics import HUB
from hub.errors import ContractError
from hub.registry.forms import AgencyForm, QuotaForm
from hub.registry.model import HUB_DOMAIN, REJECTED, Agency, Quota, Subsystem, system_agencies
from hub.registry.yamldocs import Document, Fault, Path_, did_you_mean


class Agencies:
    """Collects agencies one by one; `faults` grows, nothing is raised."""

    def __init__(self, contracts: Contracts) -> None:
        self.faults: list[Fault] = []
        self._contracts = contracts
        self._found: dict[AgencyCode, Agency] = {}
        self._documents: dict[str, Document] = {}

    @property
    def mentioned(self) -> frozenset[str]:
        """Every code that a file declares, faulty agencies included."""
        return frozenset(self._documents)

    def add(self, form: AgencyForm, document: Document) -> None:
        """Take one agency."""
        before = len(self.faults)
        self._check_code(form, document)
        if form.partitions & (form.partitions - 1):
            self._fault(document, ("partitions",), f"must be a power of two, not {form.partitions}.")
        grants = frozenset(
            type_
            for index, text in enumerate(form.publishes)
            if (type_ := self._grant(form, document, ("publishes", index), text)) is not None
        )
        subsystems = self._subsystems(form, document)
        if len(self.faults) == before:
            code = AgencyCode(form.code)
            title = form.title
            self._found[code] = Agency(
                code, 0, title.fa, title.en, subsystems, grants, form.partitions, quota(form.quota)
            )

    def finish(self) -> dict[AgencyCode, Agency]:
        """Return the agencies without fault, and the system's own."""
        return system_agencies() | self._found

    def _check_code(self, form: AgencyForm, document: Document) -> None:
        try:
            agency_code(form.code)
        except ContractError as error:
            self._fault(document, ("code",), str(error))
        if form.code in self._documents:
            other = self._documents[form.code]
            place = f"{other.file}:{other.lines.get(('code',), 1)}"
            self._fault(document, ("code",), f"agency {form.code!r} is declared already in {place}.")
        self._documents.setdefault(form.code, document)

    def _grant(self, form: AgencyForm, document: Document, path: Path_, text: str) -> EventType | None:
        type_ = known_type(text, self._contracts)
        if type_ is None:
            self._fault(document, path, unknown_type(text, self._contracts))
        elif form.publishes.count(text) > 1 and form.publishes.index(text) != path[-1]:
            self._fault(document, path, f"{text} is granted twice.")
        elif type_ == REJECTED:
            self._fault(document, path, "every agency may publish this one; leave it out.")
        elif type_.startswith(HUB_DOMAIN) and form.code != HUB:
            self._fault(document, path, "event types of the domain `hub` are the hub's own.")
        return type_

    def _subsystems(self, form: AgencyForm, document: Document) -> tuple[Subsystem, ...]:
        found: dict[str, Subsystem] = {}
        for index, each in enumerate(form.subsystems):
            path: Path_ = ("subsystems", index, "code")
            try:
                agency_code(each.code)
            except ContractError as error:
                self._fault(document, path, str(error).replace("agency code", "subsystem code"))
            if each.code in found:
                self._fault(document, path, f"subsystem {each.code!r} is declared twice.")
            found[each.code] = Subsystem(each.code, each.title.fa, each.title.en)
        return tuple(found.values())

    def _fault(self, document: Document, path: Path_, text: str) -> None:
        self.faults.append(document.fault(path, text))


def quota(form: QuotaForm) -> Quota:
    """Return the quota of a form."""
    return Quota(form.produce_bytes_per_second, form.consume_bytes_per_second, form.request_percentage)


def known_type(text: str, contracts: Contracts) -> EventType | None:
    """Return an event type that has a contract, or None."""
    type_ = EventType(text)
    return type_ if type_ in event_types(contracts) else None


def unknown_type(text: str, contracts: Contracts) -> str:
    """Return the sentence about an event type without a contract."""
    return f"no contract has the event type {text!r}.{did_you_mean(text, event_types(contracts))}"


def event_types(contracts: Contracts) -> tuple[EventType, ...]:
    """Return the types that can be published: all contracts but the receipt's."""
    return tuple(type_ for type_ in contracts.event_types() if type_ != RECEIPT)
