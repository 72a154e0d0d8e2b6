"""How a figure is broken down: `all`, or dimensions with their values, as one text that stands in keys."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from hub.errors import ContractError


class Breakdown(NamedTuple):
    """Dimensions with their values in a fixed order; none: the whole. Made by `breakdown` or `read`."""

    parts: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return _written(self.parts)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the dimensions."""
        return tuple(name for name, _ in self.parts)

    def get(self, dimension: str) -> str | None:
        """Return the value of a dimension, None if it is not broken down by it."""
        return dict(self.parts).get(dimension)

    def without(self, dimension: str) -> Breakdown:
        """Return what it is a part of: the same without a dimension."""
        return _without(self.parts, dimension)


ALL = Breakdown()


def breakdown(**values: str) -> Breakdown:
    """Return a breakdown by these dimensions in this order: `breakdown(journey="birth", step="register")`."""
    return Breakdown(tuple(values.items()))


# The same few thousand are written and read for every period, at every refresh.
@lru_cache(maxsize=65_536)
def _written(parts: tuple[tuple[str, str], ...]) -> str:
    return ";".join(f"{name}={quote(value, safe='')}" for name, value in parts) or "all"


@lru_cache(maxsize=65_536)
def _without(parts: tuple[tuple[str, str], ...], dimension: str) -> Breakdown:
    return Breakdown(tuple(part for part in parts if part[0] != dimension))


@lru_cache(maxsize=65_536)
def read(text: str) -> Breakdown:
    """Return the breakdown that `str` wrote, or raise ContractError."""
    if text == "all":
        return ALL
    parts = [part.partition("=") for part in text.split(";")]
    if any(not (name and equals) or "/" in value for name, equals, value in parts):
        raise ContractError(
            f"{text!r} is no breakdown:", do="write `all`, or dimension=value, several joined by a semicolon."
        )
    return Breakdown(tuple((name, unquote(value)) for name, _, value in parts))
