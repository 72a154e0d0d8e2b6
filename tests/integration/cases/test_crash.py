"""kill -9 of the process `cases` under load, with a real gate: no row differs, no notice is lost or twice."""

from __future__ import annotations

import pytest

from hub.host.process import configure_logging
from tests.integration.cases.killing import Killer, judge

KILLS = 10


@pytest.mark.slow
@pytest.mark.destructive
def test_ten_kills_under_load_change_no_row_and_no_notice_is_lost_or_doubled(house, capsys):
    """The rows are those of a clean rebuild; each notice stands once on the outbox and in the inbox."""
    killer = Killer(house, seed=11)
    off = killer.kill(KILLS)
    configure_logging("critical")
    judged = judge(house)
    seen = ", ".join(f"{kind} at {killer.count(kind)}" for kind in ("writing", "unsaid", "there", "busy"))
    with capsys.disabled():
        print(f" [{killer.load.cases} cases, {judged.notices} notices; of {KILLS} kills {seen}]")  # noqa: T201
    assert off + judged.findings == []
    assert judged.notices > 100
