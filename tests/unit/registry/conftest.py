"""What the registry's tests share: the real contracts, and a small folder of files to break."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.contracts.schemas import Contracts
from hub.registry.files import load
from hub.registry.records import encode_edition, number

AGENCIES = """\
code: source
title: {fa: فرستنده, en: Source}
publishes:
  - service.request.submitted.v1
  - service.step.completed.v1
---
code: other-source
title: {fa: فرستندهٔ دیگر, en: Other source}
publishes: [service.request.submitted.v1]
---
code: recipient
title: {fa: گیرنده, en: Recipient}
"""
AGREEMENT = """\
id: fees
from: source
to: recipient
purpose: {code: fee-collection, fa: وصول عوارض, en: Collecting fees}
legal_basis: "Fees Act, article 1"
events:
  service.request.submitted.v1: {only: [service_id, fee_amount]}
  service.step.completed.v1: {withhold: [handled_by]}
subject: drop
case_id: pass
valid: {from: 2026-03-21T00:00:00+03:30}
"""


@pytest.fixture(scope="session")
def contracts():
    return Contracts.load()


class Folder:
    """A registry folder of a sound agency file and a sound agreement; `replace` breaks one place of it."""

    def __init__(self, path: Path, contracts: Contracts) -> None:
        self.path = path
        self._contracts = contracts
        self.write("agencies/all.yaml", AGENCIES)
        self.write("agreements/fees.yaml", AGREEMENT)

    def write(self, name: str, text: str) -> None:
        """Write one file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace one place, which must be there."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def load(self):
        """Return the registry of the files."""
        return load(self.path, self._contracts)


@pytest.fixture
def folder(tmp_path, contracts):
    return Folder(tmp_path / "registry", contracts)


@pytest.fixture
def publish():
    """Return a function that does as an apply does: number the registry, put its records on the topic."""

    def run(reader, desired):
        numbered = number(desired, reader)
        if numbered is not reader.current:
            for key, value in encode_edition(numbered, reader.keys):
                reader.feed(key, value)
        return numbered

    return run
