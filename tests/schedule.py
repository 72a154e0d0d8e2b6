"""How a run in two processes is dealt out: the longest parts first, what shares a broker in one process."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# Measured; what stands nowhere here follows, in the order of the folders.
LONGEST_FIRST = (
    "tests/e2e/test_demo.py",
    "tests/integration/cases/test_crash.py",
    "tests/integration/audit/",
    "tests/integration/faults/",
    "tests/integration/gate/",
    "tests/integration/window/",
    "tests/integration/cases/",
    "tests/integration/parked/",
    "tests/e2e/",
    "tests/integration/indicators/",
    "tests/ops/",
    "tests/integration/",
    "tests/fuzz/",
)
# A folder whose tests share a broker of their own: dealt out by file, each process would start one.
TOGETHER = tuple(f"tests/integration/{each}/" for each in ("audit", "gate", "parked", "window"))


def rank(nodeid: str) -> int:
    """Return the place of a test's part in the order of a run."""
    found = (place for place, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start))
    return next(found, len(LONGEST_FIRST))


def scope(nodeid: str) -> str:
    """Return what a test stays together with: its folder, if that shares a broker, else its file."""
    return next((each for each in TOGETHER if nodeid.startswith(each)), nodeid.split("::", 1)[0])


class BrokerScheduling(LoadScopeScheduling):
    """Deals out scopes, one after the other, to whichever process has the least left."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest parts first."""
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> BrokerScheduling:
    """Give the scheduler of a run in several processes."""
    return BrokerScheduling(config, log)
