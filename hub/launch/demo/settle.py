"""Waiting until all that follows from what was sent has flowed too: cases folded, notices published."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, text

from hub.errors import StartError
from hub.launch.demo.flow import SETTLE_SECONDS, Gate, audited

_UNSENT = text("""
    SELECT count(*) FROM notice n WHERE NOT EXISTS (SELECT FROM notice_sent s WHERE s.id = n.id)
""")
_TOLD = text("SELECT count(*) FROM notice")


def settled(gate: Gate, books: Engine) -> dict[str, Any]:
    """Return the audit's sheet once all is decided and delivered, and what cases came to was told.

    Raises BrokerUnavailableError or StartError when it does not come to rest.
    """
    end = time.monotonic() + SETTLE_SECONDS
    told = -1
    while True:
        gate.wait_all()
        sheet = audited(gate, books)
        # What was told last may have led to more: it is at rest when nothing was added meanwhile.
        before, told = told, notices(books)
        if _count(books, _UNSENT) == 0 and told == before:
            return sheet
        if time.monotonic() > end:
            raise StartError(
                f"cases did not come to rest in {SETTLE_SECONDS:.0f} s.", do="See logs/cases.log."
            )
        time.sleep(0.5)


def notices(books: Engine) -> int:
    """Return how many notices cases came to."""
    return _count(books, _TOLD)


def _count(books: Engine, statement: Any) -> int:
    with books.connect() as connection:
        return int(connection.execute(statement).scalar_one())
