"""Which edition of the agency registry the clock has reached, and the open cases that it takes along.

The last such edition is kept as a lane's last number: topic `hub.registry` is read along with every
partition, so a rebuild comes to it as it comes to all sequences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, text

from hub.contracts.topics import REGISTRY
from hub.store import sequences
from hub.window.sequence import Lane

_AT_ONCE = 1000


def reached(connection: Connection, consumer: str) -> dict[int, int]:
    """Return the last edition that takes cases along by partition, as of the clock there; 0 has no entry."""
    rows = connection.execute(
        text("""
            SELECT partition, last FROM route_sequence
            WHERE consumer = :consumer AND route = :registry AND origin_topic = :registry"""),
        {"consumer": consumer, "registry": REGISTRY},
    )
    return {row.partition: row.last for row in rows}


def reached_of(connection: Connection, consumer: str, caseid: str) -> int:
    """Return the last edition that takes cases along, as of the clock where a case lies; 0: none."""
    found: int | None = connection.scalar(
        text("""
            SELECT s.last FROM journey_case c JOIN route_sequence s USING (partition)
            WHERE c.caseid = :caseid AND s.consumer = :consumer
                AND s.route = :registry AND s.origin_topic = :registry"""),
        {"caseid": caseid, "consumer": consumer, "registry": REGISTRY},
    )
    return found or 0


def reach(connection: Connection, consumer: str, partition: int, edition: int) -> None:
    """Keep the edition that the clock of a partition has reached."""
    sequences.keep(connection, consumer, {Lane(partition, REGISTRY, REGISTRY, 0): edition}, ())


def open_cases(
    connection: Connection, partition: int, journey: str, versions: Collection[int]
) -> Iterator[list[str]]:
    """Give the ids of a partition's open cases of some versions of a journey, up to a thousand at a time.

    Between two of them cases may move to other versions.
    """
    after = ""
    while True:
        rows = connection.execute(
            text("""
                SELECT caseid FROM journey_case
                WHERE partition = :partition AND journey = :journey AND state = 'open'
                    AND journey_version = ANY(:versions) AND caseid > :after
                ORDER BY caseid LIMIT :most"""),
            {
                "partition": partition,
                "journey": journey,
                "versions": list(versions),
                "after": after,
                "most": _AT_ONCE,
            },
        )
        found = [row.caseid for row in rows]
        if not found:
            return
        yield found
        after = found[-1]
