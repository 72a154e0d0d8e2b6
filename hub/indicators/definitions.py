"""All indicators by id."""

from __future__ import annotations

from collections.abc import Mapping

from hub.errors import ContractError
from hub.indicators.defined import completion, coordination, participation, process, programme
from hub.indicators.model import Definition, Family

ALL_DEFINITIONS: tuple[Definition, ...] = (
    *completion.DEFINITIONS,
    *process.DEFINITIONS,
    *coordination.DEFINITIONS,
    *programme.DEFINITIONS,
    *participation.DEFINITIONS,
)

DEFINITIONS: Mapping[str, Definition] = {each.id: each for each in ALL_DEFINITIONS}

FAMILIES: Mapping[Family, tuple[str, str]] = {
    "completion": ("تکمیل", "Completion"),
    "process": ("فرایند", "Process"),
    "coordination": ("هماهنگی", "Coordination"),
    "programme": ("برنامه", "Programme"),
    "participation": ("مشارکت", "Participation"),
}
"""Each family's title in Persian and in English, in the order of the page."""


def definition(id_: str) -> Definition:
    """Return an indicator's definition, or raise ContractError."""
    found = DEFINITIONS.get(id_)
    if found is None:
        raise ContractError(
            f"there is no indicator {id_!r}:",
            do="`hub indicator list` shows their ids, for example completion.in-time.",
        )
    return found
