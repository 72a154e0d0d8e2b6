"""What can be odd about a case's events, in the words that rows and timelines use.

What each means for the case stands in docs/reference/cases.md, "What odd events mean".
"""

from __future__ import annotations

from typing import Final

NO_JOURNEY: Final = "no journey"
"""No event of the case starts a journey of the edition in force: nothing is judged, all is counted."""

DOUBLED: Final = "sent twice"
"""An id of an agency came twice; the first by order counts."""

BEFORE_START: Final = "before the start"
"""An event of the case bears an earlier time than the event that started it."""

STARTED_TWICE: Final = "started twice"
"""A second event that would start the case; the first counts."""

BEFORE_TURN: Final = "before its turn"
"""A step was completed although what it comes after was not; it counts as done."""

COMPLETED_TWICE: Final = "completed twice"
"""A step was completed again; the first counts."""

NOT_OWNER: Final = "not the owner"
"""An agency completed a step that is not its own; the step is not done."""

UNKNOWN_STEP: Final = "unknown step"
"""An event names a step that the journey does not have."""

UNKNOWN_JOURNEY: Final = "unknown journey"
"""A sub-case of a journey ended for which no step of the case waits."""

AFTER_END: Final = "after the end"
"""An event after the case had been completed; it is counted and changes nothing else."""

AFTER_WITHDRAWAL: Final = "after withdrawal"
"""An event after the case had been withdrawn; it is counted and changes nothing else."""

NOT_ENDED: Final = "reopened while open"
"""A reopening of a case that had not ended; it changes nothing."""

IN_FUTURE: Final = "in the future"
"""An event's time lies more than five minutes after the gate accepted it; the time is kept."""

JOURNEY_CHANGED: Final = "journey changed"
"""The journey was changed while the case was open; the case goes on by the version that it follows."""

ALL: Final = frozenset(
    {
        NO_JOURNEY,
        DOUBLED,
        BEFORE_START,
        STARTED_TWICE,
        BEFORE_TURN,
        COMPLETED_TWICE,
        NOT_OWNER,
        UNKNOWN_STEP,
        UNKNOWN_JOURNEY,
        AFTER_END,
        AFTER_WITHDRAWAL,
        NOT_ENDED,
        IN_FUTURE,
        JOURNEY_CHANGED,
    }
)
"""Every note; no case has any other."""
