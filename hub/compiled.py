"""Hot modules run as machine code where they were compiled: the same source, by mypyc, and nothing else.

`hub.launch.compiling` puts the libraries beside the package. A module is taken from there only while its
source is the very one that was compiled; otherwise, and everywhere else, Python runs the source as it stands.
`PEYVAND_COMPILED=0` has it do so in any case (docs/decisions/0013-compiled-modules.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

MODULES = (
    "hub.audit.account",
    "hub.audit.books",
    "hub.audit.carry",
    "hub.audit.claims",
    "hub.audit.due",
    "hub.audit.expected",
    "hub.audit.explain",
    "hub.audit.faults",
    "hub.audit.ground",
    "hub.audit.intakes",
    "hub.audit.lanes",
    "hub.audit.months",
    "hub.audit.pending",
    "hub.audit.pseudonyms",
    "hub.audit.rules",
    "hub.audit.seen",
    "hub.audit.settling",
    "hub.audit.sheet",
    "hub.audit.shelf",
    "hub.broker.auditing.logs",
    "hub.broker.auditing.reader",
    "hub.broker.gating.loop",
    "hub.broker.gating.outboxes",
    "hub.broker.gating.transactional",
    "hub.broker.gating.writing",
    "hub.broker.records",
    "hub.contracts.codec",
    "hub.contracts.envelope",
    "hub.contracts.frame",
    "hub.contracts.reader",
    "hub.contracts.record",
    "hub.contracts.scanner",
    "hub.contracts.writer",
    "hub.gate.checks",
    "hub.gate.decide",
    "hub.gate.memory",
    "hub.gate.nationalnumber",
    "hub.gate.outputs",
    "hub.gate.partition",
    "hub.gate.rules",
    "hub.gate.verdict",
)
"""What every event passes; all in one library, within which calls and attributes cost next to nothing."""

GROUP = "peyvand"
PACKAGE = Path(__file__).parent
_FOLDER = PACKAGE / "_compiled"
_TOLD = _FOLDER / "source"
_SUFFIX = EXTENSION_SUFFIXES[0]


class _Finder(MetaPathFinder):
    """Finds compiled modules before Python looks for their source."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES and fullname != f"{GROUP}__mypyc":
            return None
        return spec_from_file_location(fullname, _FOLDER / f"{fullname}{_SUFFIX}")


def why_not() -> str | None:
    """Return why the modules run as Python source, or None where they run compiled."""
    if os.environ.get("PEYVAND_COMPILED") == "0":
        return "PEYVAND_COMPILED is 0"
    try:
        told = _TOLD.read_text(encoding="ascii")
    except OSError:
        return "they were not compiled here"
    return None if told == _digest() else "their source is not the one that was compiled"


def install() -> None:
    """Have the modules come compiled from now on, where they are."""
    if why_not() is None and not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def put(libraries: Path) -> None:
    """Take over freshly compiled libraries, which lie in folders like their sources."""
    fresh = _FOLDER.with_suffix(f".{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for library in libraries.rglob(f"*{_SUFFIX}"):
        shutil.copyfile(library, fresh / ".".join(library.relative_to(libraries).parts))
    (fresh / _TOLD.name).write_text(_digest(), encoding="ascii")
    # A process that starts meanwhile finds all of the old ones, all of the new ones, or none.
    gone = _FOLDER.with_suffix(f".{os.getpid()}.gone")
    if _FOLDER.exists():
        _FOLDER.rename(gone)
    fresh.rename(_FOLDER)
    shutil.rmtree(gone, ignore_errors=True)


def sources() -> list[Path]:
    """Return the modules' source files."""
    return [PACKAGE.parent / f"{name.replace('.', '/')}.py" for name in MODULES]


def _digest() -> str:
    """Return what changes with the modules' sources, their list and the Python that runs them."""
    found = hashlib.sha256(json.dumps([sys.version, _SUFFIX, MODULES]).encode())
    for source in sources():
        found.update(source.read_bytes())
    return found.hexdigest()
