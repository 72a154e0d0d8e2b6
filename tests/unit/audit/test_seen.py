"""What the audit knows of events seen lately, against a plain look back."""

from __future__ import annotations

import random

from hub.audit.seen import Bounds, Seen


def test_what_is_kept_small_knows_what_the_definition_says():
    """Through thousands of sights, renewed and forgotten, it says what a plain look back finds."""
    luck, bounds = random.Random(4), Bounds(places=300, milliseconds=2000)
    seen, log, offset, time = Seen(bounds), {}, 0, 0
    for _ in range(6000):
        offset, time = offset + luck.choice((1, 1, 1, 40)), time + luck.randrange(20)
        name, content = hash(str(luck.randrange(400))), luck.randrange(3)
        place, when, before = log.get(name, (-bounds.places - 1, 0, None))
        near = offset - place <= bounds.places and time - when <= bounds.milliseconds
        due = ("duplicate" if before == content else "conflict") if near else "new"
        assert seen.sight(name, content, offset, time) == due
        seen.remember(name, content, offset, time)
        log[name] = offset, time, content
        assert len(seen) == sum(each >= offset - bounds.places for each, _, _ in log.values())


def test_what_is_too_old_is_forgotten_but_for_a_clock_that_is_set_back():
    """A quiet partition keeps what its time bound wants and an hour more, not all its places."""
    seen = Seen(Bounds(places=1000, milliseconds=2000))
    for offset, timestamp in enumerate((0, 1000, 3_602_000, 3_602_001)):
        seen.remember(offset, 7, offset, timestamp)
    assert len(seen) == 3
    assert seen.sight(1, 7, 4, 2000) == "duplicate"
    seen.remember(9, 7, 2000, 0)
    assert len(seen) == 0
