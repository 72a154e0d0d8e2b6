"""From the forms of `agreements/` to agreements: parties, grants, masks and periods are checked here.

A form with a list of sources makes one agreement for each, with the id `<id>-<source>`: a route has one
source and one recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub.contracts.names import AgencyCode, AgreementId, EventType, agreement_id
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.registry.agencies import known_type, unknown_type
from hub.registry.forms import AgreementForm, MaskForm
from hub.registry.model import HUB_RECORDS, REJECTED, REJECTIONS_SUFFIX, Agency, Agreement, Registry
from hub.registry.yamldocs import Document, Fault, Path_, did_you_mean

Registered = Mapping[AgencyCode, Agency]
_Types = dict[EventType, frozenset[str]]


class Agreements:
    """Collects agreements one by one; `faults` grows, nothing is raised."""

    def __init__(self, contracts: Contracts) -> None:
        self.faults: list[Fault] = []
        self.unsound: set[tuple[str, str]] = set()
        """Source and recipient of every form with a fault."""
        self._contracts = contracts
        self._found: dict[AgreementId, Agreement] = {}
        self._documents: dict[str, Document] = {}
        self._by_pair: dict[tuple[AgencyCode, AgencyCode], list[Agreement]] = {}

    def add(
        self, form: AgreementForm, document: Document, registered: Registered, mentioned: frozenset[str]
    ) -> None:
        """Take one form. `mentioned` are codes of agencies that have faults of their own, named elsewhere."""
        before = len(self.faults)
        codes = mentioned | registered.keys()
        self._check_recipient(form, document, codes)
        self._check_period(form, document)
        withheld, only = self._masks(form, document)
        for index, source in enumerate(form.source):
            path: Path_ = ("from", index) if ("from", index) in document.lines else ("from",)
            self._check_source(form, document, path, source, codes)
            self._check_grants(document, source, withheld, registered)
            self._take(form, document, source, withheld, only, sound=len(self.faults) == before)
        if len(self.faults) > before:
            self.unsound |= {(source, form.to) for source in form.source}

    def finish(self) -> dict[AgreementId, Agreement]:
        """Return the agreements without fault."""
        return dict(self._found)

    def _check_recipient(self, form: AgreementForm, document: Document, codes: Iterable[str]) -> None:
        if form.to not in codes:
            self._fault(
                document, ("to",), f"no agency has the code {form.to!r}.{did_you_mean(form.to, codes)}"
            )

    def _check_source(
        self, form: AgreementForm, document: Document, path: Path_, source: str, codes: Iterable[str]
    ) -> None:
        if source not in codes:
            self._fault(document, path, f"no agency has the code {source!r}.{did_you_mean(source, codes)}")
        if source == form.to:
            self._fault(document, path, f"{source} would agree with itself; it has its own events already.")
        if form.source.count(source) > 1 and path[-1] != form.source.index(source):
            self._fault(document, path, f"{source} stands twice.")

    def _check_period(self, form: AgreementForm, document: Document) -> None:
        until = form.valid.until
        if until is not None and until <= form.valid.from_:
            self._fault(document, ("valid", "until"), "must be later than valid.from.")

    def _check_grants(
        self, document: Document, source: str, types: Iterable[EventType], registered: Registered
    ) -> None:
        if AgencyCode(source) not in registered:
            return
        registry = Registry(0, registered, {})
        for type_ in types:
            if not registry.may_publish(AgencyCode(source), type_):
                text = f"{source} is not granted {type_}; add it to `publishes` of that agency."
                self._fault(document, ("events", type_), text)

    def _masks(self, form: AgreementForm, document: Document) -> tuple[_Types, _Types]:
        withheld: _Types = {}
        only: _Types = {}
        for text, mask in form.events.items():
            type_ = known_type(text, self._contracts)
            if type_ is None:
                self._fault(document, ("events", text), unknown_type(text, self._contracts))
            elif type_ == REJECTED:
                self._fault(
                    document, ("events", text), "rejections reach the hub by themselves; leave it out."
                )
            else:
                withheld[type_] = self._mask(type_, mask, document)
                if mask.only is not None:
                    only[type_] = frozenset(mask.only)
        return withheld, only

    def _mask(self, type_: EventType, mask: MaskForm, document: Document) -> frozenset[str]:
        """Return the withheld fields over every version of the contract, and note what cannot be withheld."""
        names, fixed = self._fields(type_)
        kind = "withhold" if mask.withhold is not None else "only"
        path: Path_ = ("events", type_, kind)
        if (mask.withhold is None) == (mask.only is None):
            text = "say `all`, or `withhold: [fields]`, or `only: [fields]`; exactly one of them."
            self._fault(document, ("events", type_), text)
            return frozenset()
        listed = mask.withhold if mask.withhold is not None else mask.only or []
        for index, name in enumerate(listed):
            if name not in names:
                text = f"{type_} has no field {name!r}.{did_you_mean(name, names)}"
                self._fault(document, (*path, index), text)
        mentioned = frozenset(listed)
        withheld = mentioned if kind == "withhold" else names - mentioned
        if impossible := sorted(withheld & fixed):
            advice = "leave it out" if kind == "withhold" else "list it too"
            text = f"{', '.join(impossible)} has no default in {type_} and cannot be withheld; {advice}."
            self._fault(document, path, text)
        return withheld

    def _fields(self, type_: EventType) -> tuple[frozenset[str], frozenset[str]]:
        """Return the names of all fields of all versions, and of those that lack a default in one of them."""
        notes = [note for contract in self._contracts.versions(type_) for note in contract.fields]
        fixed = frozenset(note.name for note in notes if not note.has_default)
        return frozenset(note.name for note in notes), fixed

    def _take(
        self,
        form: AgreementForm,
        document: Document,
        source: str,
        withheld: _Types,
        only: _Types,
        *,
        sound: bool,
    ) -> None:
        several = ("from", 0) in document.lines
        name = f"{form.id}-{source}" if several else form.id
        if not self._check_id(name, document) or not sound:
            return
        agreement = Agreement(
            id=AgreementId(name),
            version=0,
            source=AgencyCode(source),
            recipient=AgencyCode(form.to),
            purpose=form.purpose.code,
            purpose_fa=form.purpose.fa,
            purpose_en=form.purpose.en,
            legal_basis=form.legal_basis,
            types=withheld,
            only=only,
            subject=form.subject,
            caseid=form.case_id,
            valid_from=form.valid.from_,
            valid_until=form.valid.until,
        )
        self._check_overlap(agreement, document)
        self._found[agreement.id] = agreement

    def _check_id(self, name: str, document: Document) -> bool:
        before = len(self.faults)
        try:
            agreement_id(name)
        except ContractError as error:
            self._fault(document, ("id",), str(error))
        if name.endswith(REJECTIONS_SUFFIX):
            self._fault(document, ("id",), f"{name}: ids that end in {REJECTIONS_SUFFIX} are the hub's own.")
        if name == HUB_RECORDS:
            self._fault(document, ("id",), f"{name}: this id is the hub's own.")
        if name in self._documents:
            other = self._documents[name]
            place = f"{other.file}:{other.lines.get(('id',), 1)}"
            self._fault(document, ("id",), f"agreement {name!r} is declared already in {place}.")
        self._documents.setdefault(name, document)
        return len(self.faults) == before

    def _check_overlap(self, new: Agreement, document: Document) -> None:
        """Note a type that would reach one recipient twice; looks only at agreements of the same pair."""
        pair = self._by_pair.setdefault((new.source, new.recipient), [])
        for old in pair:
            if both := sorted(old.types.keys() & new.types.keys()) if _overlap(old, new) else []:
                text = (
                    f"{new.recipient} has {both[0]} from {new.source} by {old.id} too: it would come twice."
                )
                self._fault(document, ("events", both[0]), text)
        pair.append(new)

    def _fault(self, document: Document, path: Path_, text: str) -> None:
        self.faults.append(document.fault(path, text))


def _overlap(one: Agreement, other: Agreement) -> bool:
    def starts_before_end(first: Agreement, second: Agreement) -> bool:
        return second.valid_until is None or first.valid_from < second.valid_until

    return starts_before_end(one, other) and starts_before_end(other, one)
