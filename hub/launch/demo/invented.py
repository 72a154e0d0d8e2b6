"""What the demo invents beside the real logs: obligations and consultations. Pure; it never differs.

Invented are the words, targets and dates. What an obligation comes to by `completion.in-time` is measured on
the real deadlines of the logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.sdk import Event
from hub.contracts.names import AgencyCode
from hub.launch.demo.mapping import letters

RATED = ("environmental-permit", "environmental-permit-receipt")

OFFICE = "permit-office"
_LAW = "Example: Programme Act"
_PROGRAMME = "Example: Smart Government Programme"
# Owner, name, titles (fa, en), article, declared, deadline, target, measure, measured by, consequence.
_IN_TIME = ("completion.in-time", "share of cases that ended within their deadline")
_OBLIGATIONS: tuple[tuple[str, str, str, str, str, str, str, str, tuple[str | None, str]], ...] = (
    *(
        (
            agency,
            "in-time",
            "پایان ۹۰ درصد پرونده‌ها در مهلت",
            "End nine cases of ten within their deadline",
            article,
            begin,
            deadline,
            "0.9",
            _IN_TIME,
        )
        for agency, article, begin, deadline in (
            (OFFICE, "article 7, paragraph 1", "2010-12-01", "2012-01-01"),
            ("municipality-1", "article 7, paragraph 2", "2011-01-01", "2015-01-01"),
            ("municipality-2", "article 7, paragraph 3", "2011-01-01", "2015-01-01"),
            ("municipality-3", "article 7, paragraph 4", "2011-01-01", "2015-01-01"),
        )
    ),
    (
        OFFICE,
        "in-time-first-stage",
        "پایان ۷۰ درصد پرونده‌ها در مهلت",
        "End seven cases of ten within their deadline",
        "article 7, paragraph 5",
        "2010-12-01",
        "2011-07-01",
        "0.7",
        _IN_TIME,
    ),
    *(
        (
            agency,
            "report-steps",
            "گزارش همهٔ گام‌ها به پیوند",
            "Report every step to the hub",
            article,
            begin,
            deadline,
            "1",
            (None, "share of steps reported by events"),
        )
        for agency, article, begin, deadline in (
            (OFFICE, "article 9, paragraph 1", "2010-12-01", "2011-12-01"),
            ("municipality-1", "article 9, paragraph 2", "2011-01-01", "2013-01-01"),
            ("municipality-2", "article 9, paragraph 3", "2011-01-01", "2014-06-01"),
        )
    ),
    # Two owners of one thing: what the supervising group should see.
    *(
        (
            agency,
            "shared-archive",
            "بایگانی مشترک پروانه‌ها",
            "One archive of permits",
            "article 12",
            "2012-01-01",
            "2014-01-01",
            "1",
            (None, "share of files in the shared archive"),
        )
        for agency in ("municipality-2", "municipality-3")
    ),
)
_REPORTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    f"{OFFICE}.report-steps": (("2011-03-01", "0.6", "under_way"), ("2011-09-01", "1", "fulfilled")),
    "municipality-1.report-steps": (
        ("2011-09-01", "0.4", "under_way"),
        ("2012-03-01", "0.8", "under_way"),
        ("2012-11-01", "1", "fulfilled"),
    ),
    "municipality-2.report-steps": (
        ("2011-09-01", "0.2", "under_way"),
        ("2012-09-01", "0.35", "under_way"),
        ("2013-09-01", "0.55", "under_way"),
    ),
    "municipality-2.shared-archive": (
        ("2012-09-01", "0.1", "under_way"),
        ("2013-03-01", "0.2", "under_way"),
    ),
    "municipality-3.shared-archive": (
        ("2012-06-01", "0", "not_started"),
        ("2013-06-01", "0", "dropped"),
    ),
}
_OBJECTED = (f"{OFFICE}.in-time", "2012-01-10", "Deadlines moved by the applicant should not count.")
# Agency, name, level, opened, closed, views, concluded (with decision and effect) or None.
_CONSULTATIONS: tuple[tuple[str, str, str, str, str, int, tuple[str, str, str] | None], ...] = (
    (
        "municipality-1",
        "counter-hours",
        "consultation",
        "2012-03-01",
        "2012-05-01",
        24,
        ("2012-05-20", "adopted_with_changes", "Two evenings a week were added, as most views asked."),
    ),
    ("municipality-2", "fee-table", "consultation", "2013-02-01", "2013-03-15", 7, None),
    (
        "municipality-3",
        "tree-felling",
        "decision_making",
        "2012-09-01",
        "2012-11-01",
        12,
        ("2013-04-02", "rejected", "The rule stays; the reasons are published."),
    ),
    (
        OFFICE,
        "plain-letters",
        "information",
        "2011-04-01",
        "2011-06-01",
        0,
        ("2011-06-10", "adopted", "Letters name the deadline in their first line."),
    ),
)


def obligations(agency: AgencyCode) -> Iterator[Event]:
    """Yield what an island declares, reports and objects to, with the times at which it does."""
    for entry in _OBLIGATIONS:
        if entry[0] == agency:
            yield _declared(*entry)
            yield from _reports(f"{agency}.{entry[1]}")
    identity, day, grounds = _OBJECTED
    if identity.startswith(f"{agency}."):
        data = {
            "obligation_id": identity,
            "indicator": "completion.in-time",
            "period": "2011",
            "grounds_en": grounds,
            "grounds_fa": "مهلتی که متقاضی جابه‌جا کرده نباید به حساب آید.",
            "objected_at": _at(day),
        }
        yield _event("programme.obligation.objected.v1", data, identity, day)


def consultations(agency: AgencyCode) -> Iterator[Event]:
    """Yield the consultations that an agency opens and concludes."""
    for owner, name, level, opens, closes, views, conclusion in _CONSULTATIONS:
        if owner != agency:
            continue
        identity = f"{owner}.{name}"
        data = {
            "consultation_id": identity,
            "title_en": f"Example: {name.replace('-', ' ')}",
            "title_fa": "نمونهٔ نظرخواهی",
            "level": level,
            "opens_at": _at(opens),
            "closes_at": _at(closes),
            "decision_due_at": _at(closes) + timedelta(days=60),
            "service_ids": [RATED[owner == OFFICE]],
        }
        yield _event("participation.consultation.opened.v1", data, identity, opens)
        if conclusion is not None:
            day, decision, effect = conclusion
            data = {
                "consultation_id": identity,
                "decision": decision,
                "effect_en": effect,
                "contributions": views,
                "contributions_used": views // 2,
                "decided_at": _at(day),
            }
            yield _event("participation.consultation.concluded.v1", data, identity, day)


def views() -> Iterator[Event]:
    """Yield the views that people give through the single window."""
    positions = ("for", "mixed", "against", "proposal", "for")
    for owner, name, _, opens, closes, count, _ in _CONSULTATIONS:
        step = (_at(closes) - _at(opens)) / (count + 1)
        for number in range(count):
            data = {
                "consultation_id": f"{owner}.{name}",
                "consulting_agency": owner,
                "contribution_id": letters("view", owner, name, number)[:12],
                "position": positions[number % len(positions)],
                "contributor_kind": "person",
                "given_at": _at(opens) + step * (number + 1),
            }
            yield Event(
                type="participation.consultation.contributed.v1",
                data=data,
                id=letters("view", owner, name, number),
                time=_at(opens) + step * (number + 1),
                channel="online",
            )


def _declared(  # noqa: PLR0917 - the columns of the table above
    owner: str,
    name: str,
    title_fa: str,
    title_en: str,
    article: str,
    begin: str,
    deadline: str,
    target: str,
    measured: tuple[str | None, str],
) -> Event:
    identity = f"{owner}.{name}"
    indicator, measure = measured
    data = {
        "obligation_id": identity,
        "owner_agency": owner,
        "title_fa": title_fa,
        "title_en": title_en,
        "legal_source": f"{_LAW}, {article}",
        "programme": _PROGRAMME,
        "deadline_at": _at(deadline),
        "measure": measure,
        "target": Decimal(target),
        "unit": "ratio",
        "comparison": "at_least",
        "consequence": "Example: the working group reports it to the council.",
        "measured_by": indicator,
    }
    return _event("programme.obligation.declared.v1", data, identity, begin)


def _reports(identity: str) -> Iterator[Event]:
    for day, value, state in _REPORTS.get(identity, ()):
        data = {
            "obligation_id": identity,
            "state": state,
            "value": Decimal(value),
            "measured_at": _at(day),
        }
        yield _event("programme.obligation.progressed.v1", data, identity, day)


def _event(type_: str, data: dict[str, Any], identity: str, day: str) -> Event:
    return Event(type=type_, data=data, id=letters(type_, identity, day), time=_at(day), subject=identity)


def _at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
