"""`/v1/indicators`: figures as published, or as they stand, with what they mean and their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query

from hub.api import cursors
from hub.api.problems import ProblemError
from hub.api.state import Hub, State
from hub.indicators import breakdown as breakdowns
from hub.indicators.definitions import ALL_DEFINITIONS, DEFINITIONS, FAMILIES
from hub.indicators.model import Definition, Place
from hub.indicators.reference import REFERENCE
from hub.store import figure_evidence, indicators
from hub.store.figure_evidence import Figure
from hub.store.indicators import Question

router = APIRouter(tags=["indicators"])

Document = dict[str, Any]

CursorText = Annotated[str | None, Query(description="`next` of the page before, with the same filters.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most entries on the page.")]
Period = Annotated[
    str | None,
    Query(
        pattern=r"^(all|\d{4}(-\d{2})?)$", description="Only of a month `2026-11`, a year `2026` or `all`."
    ),
]
BreakdownText = Annotated[
    str | None,
    Query(max_length=500, description="Only this breakdown: `all`, `agency=…`, `journey=…;channel=…`."),
]
IndicatorId = Annotated[str | None, Query(description="Only of this indicator.")]
FamilyName = Annotated[str | None, Query(description="Only of this family, for example completion.")]
_EDITION: Sequence[type] = (str, str, str, int)
_LIVE: Sequence[type] = (str, str, str)


@router.get("/v1/indicators", summary="Figures")
def figures(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    cursor: CursorText = None,
    limit: Limit = 100,
    id: IndicatorId = None,  # noqa: A002 - the parameter's public name
    family: FamilyName = None,
    period: Period = None,
    breakdown: BreakdownText = None,
    edition: Annotated[int | None, Query(ge=1, description="This edition; without it the newest.")] = None,
    live: Annotated[bool, Query(description="As they stand now, published or not.")] = False,
) -> Document:
    """List figures by indicator, period and breakdown: the newest editions, one edition, or live ones.

    Small groups are suppressed in all of them. `reference` are figures of others, not measured here.
    """
    if live and edition is not None:
        raise ProblemError("invalid-parameter", "A live figure has no edition.")
    question = asked(id, family, period, breakdown, edition)
    kinds = _LIVE if live else _EDITION
    after = cursors.decode(cursor, (question, live), kinds)
    read = indicators.live if live else indicators.page
    found = read(hub.engine, question, after, limit + 1)
    page = found[:limit]
    return {
        **(_standing(hub) if live else {}),
        "figures": [_titled(each) for each in page],
        "reference": [each.document() for each in REFERENCE if id is None and family in (None, each.family)],
        "next": cursors.encode((question, live), _place(page[-1], kinds)) if len(found) > limit else None,
    }


@router.get("/v1/indicators/{id}", summary="One indicator")
def indicator(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    id: str,  # noqa: A002 - the parameter's public name
    cursor: CursorText = None,
    limit: Limit = 100,
    period: Period = None,
    breakdown: BreakdownText = None,
) -> Document:
    """Show what an indicator means, and its editions: also those that a restatement has replaced."""
    definition = _definition(id)
    question = asked(id, None, period, breakdown)
    after = cursors.decode(cursor, question, _EDITION)
    found = indicators.history(hub.engine, question, after, limit + 1)
    page = found[:limit]
    return {
        "definition": _defined(definition),
        "editions": page,
        "next": cursors.encode(question, _place(page[-1], _EDITION)) if len(found) > limit else None,
    }


@router.get("/v1/indicators/{id}/evidence", summary="What a figure was made from")
def evidence(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    id: str,  # noqa: A002 - the parameter's public name
    cursor: CursorText = None,
    limit: Limit = 100,
    period: Period = "all",
    breakdown: BreakdownText = "all",
) -> Document:
    """List the cases, steps, hand-offs, flows or events behind a figure as it stands now, no personal data.

    Where the figure is suppressed, so is its evidence.
    """
    definition = _definition(id)
    question = asked(id, None, period or "all", breakdown or "all")
    after = cursors.decode(cursor, question, figure_evidence.kinds(id))
    found = indicators.live(hub.engine, question, (), 1)
    if not found:
        raise ProblemError("not-found", "This indicator has no figure with this period and breakdown.")
    head = {"figure": _titled(found[0]), "kind": definition.evidence, **_standing(hub)}
    if found[0]["suppressed"]:
        return head | {"evidence": [], "next": None}
    state = indicators.state(hub.engine)
    place = Place(id, question.period or "all", breakdowns.read(question.breakdown or "all"))
    figure = Figure(place, hub.settings.indicators.zone, state.clock if state else None)
    pieces = figure_evidence.page(hub.engine, figure, after, limit + 1)
    more = len(pieces) > limit
    return head | {
        "evidence": [piece for _, piece in pieces[:limit]],
        "next": cursors.encode(question, pieces[limit - 1][0]) if more else None,
    }


def asked(
    id_: str | None,
    family: str | None,
    period: str | None,
    breakdown: str | None,
    edition: int | None = None,
) -> Question:
    """Return what is asked for, or raise a problem that names what there is not."""
    if id_ is not None:
        _definition(id_)
    if family is not None and family not in FAMILIES:
        raise ProblemError("invalid-parameter", f"There is no such family; there are {', '.join(FAMILIES)}.")
    if breakdown is not None:
        breakdown = str(breakdowns.read(breakdown))
    return Question(id_, family, period, breakdown, edition)


def _definition(id_: str) -> Definition:
    found = DEFINITIONS.get(id_)
    if found is None:
        raise ProblemError(
            "not-found", "No indicator has this id.", indicators=[each.id for each in ALL_DEFINITIONS]
        )
    return found


def _defined(definition: Definition) -> Document:
    family_fa, family_en = FAMILIES[definition.family]
    return {
        "id": definition.id,
        "version": definition.version,
        "family": {"id": definition.family, "fa": family_fa, "en": family_en},
        "title": {"fa": definition.title_fa, "en": definition.title_en},
        "meaning": {"fa": definition.meaning_fa, "en": definition.meaning_en},
        "formula": definition.formula,
        "unit": definition.unit,
        "basis": definition.basis,
        "breakdowns": [list(each) for each in definition.breakdowns],
        "periods": list(definition.periods),
        "better": definition.better,
        "evidence": definition.evidence,
        "suppressed_when_small": definition.people,
    }


def _titled(figure: Document) -> Document:
    """Return a figure with its title and the way to its evidence."""
    definition = DEFINITIONS.get(figure["indicator"])
    if definition is None:
        return figure
    link = f"/v1/indicators/{figure['indicator']}/evidence?period={figure['period']}&breakdown="
    return {
        **figure,
        "family": definition.family,
        "title": {"fa": definition.title_fa, "en": definition.title_en},
        "evidence": link + quote(figure["breakdown"], safe=""),
    }


def _standing(hub: State) -> Document:
    state = indicators.state(hub.engine)
    if state is None:
        raise ProblemError("not-ready", "No figure has been worked out yet: the process indicators does it.")
    return state.document()


def _place(figure: Document, kinds: Sequence[type]) -> tuple[Any, ...]:
    place = figure["indicator"], figure["period"], figure["breakdown"]
    return place if kinds is _LIVE else (*place, figure["edition"])
