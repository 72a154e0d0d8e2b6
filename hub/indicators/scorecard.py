"""The yearly scorecard of agencies: degree, speed and quality with stated weights, kept beside the score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hub.indicators.breakdown import breakdown
from hub.indicators.counting import coverage
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import Frame
from hub.indicators.model import Place, Value
from hub.indicators.standing import Standing

WEIGHTS: Mapping[str, float] = {"degree": 0.4, "speed": 0.3, "quality": 0.3}
"""What each part counts; where one is not known, the others count by their share of what is left."""

_ID = "programme.scorecard"


def score(parts: Mapping[str, float | None]) -> float | None:
    """Return the score, 0 to 1, from degree, speed and quality, each 0 to 1 or None where it is not known."""
    known = {name: value for name in WEIGHTS if (value := parts.get(name)) is not None}
    if not known:
        return None
    return sum(WEIGHTS[name] * value for name, value in known.items()) / sum(WEIGHTS[name] for name in known)


def quality(satisfaction: float | None, once_only: float | None) -> float | None:
    """Return the mean of what is known of the two, None where neither is."""
    known = [each for each in (satisfaction, once_only) if each is not None]
    return sum(known) / len(known) if known else None


def values(
    year: str,
    standings: Iterable[Standing],
    measured: Callable[[str, str, str], float | None],
    frame: Frame,
) -> Iterator[Value]:
    """Return the scorecards of a year: of every agency of which a part is known."""
    standings = tuple(standings)
    cards = {agency: _card(agency, year, standings, measured) for agency in sorted(frame.agencies)}
    cards = {agency: card for agency, card in cards.items() if card["score"] is not None}
    ranks = _ranks({agency: card["score"] for agency, card in cards.items()})
    for agency, card in cards.items():
        yield Value(
            place=Place(_ID, year, breakdown(agency=agency)),
            value=card["score"],
            unit="ratio",
            basis=DEFINITIONS[_ID].basis,
            coverage=coverage([agency], frame),
            cases=card["obligations"],
            details={**card, "rank": ranks[agency], "ranked": len(cards)},
        )


def _card(
    agency: str,
    year: str,
    standings: tuple[Standing, ...],
    measured: Callable[[str, str, str], float | None],
) -> dict[str, Any]:
    own = [each for each in standings if each.obligation.owner == agency and each.state != "dropped"]
    satisfaction = measured("participation.satisfaction", agency, year)
    once_only = measured("completion.once-only", agency, year)
    parts = {
        "degree": sum(each.degree for each in own) / len(own) if own else None,
        "speed": measured("coordination.steps-in-time", agency, year),
        "quality": quality(satisfaction, once_only),
    }
    return {
        **parts,
        "satisfaction": satisfaction,
        "once_only": once_only,
        "weights": dict(WEIGHTS),
        "obligations": len(own),
        "score": score(parts),
    }


def _ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Return each agency's rank from 1; equal scores share the better one."""
    return {agency: 1 + sum(other > own for other in scores.values()) for agency, own in scores.items()}
