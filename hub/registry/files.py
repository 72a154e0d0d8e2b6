"""The agency registry's files: `agencies/*.yaml` and `agreements/*.yaml`, read into a `Registry`.

Everything that is wrong is found in one pass and reported together, each with file, line and field. The
format is described in docs/reference/agency-registry.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hub.contracts.schemas import Contracts
from hub.errors import ConfigError
from hub.registry.agencies import Agencies
from hub.registry.agreements import Agreements
from hub.registry.forms import AgencyForm, AgreementForm, FormName, read_form
from hub.registry.model import Registry
from hub.registry.yamldocs import Document, Fault, did_you_mean, read_documents

FOLDERS: tuple[FormName, ...] = ("agencies", "agreements")
_OTHER = frozenset({"README.md"})


def load(folder: Path, contracts: Contracts) -> Registry:
    """Return the registry that a folder's files describe, with version 0 everywhere.

    Raises one ConfigError whose text names every fault as `file:line: field: what is wrong`.
    """
    if not any((folder / kind).is_dir() for kind in FOLDERS):
        raise ConfigError(
            "this is no folder of the agency registry.",
            where=str(folder),
            do="Name the folder that holds agencies/ and agreements/.",
        )
    faults = _strangers(folder)
    agencies, agreements = Agencies(contracts), Agreements(contracts)
    for form, document in _forms(folder, "agencies", faults):
        if isinstance(form, AgencyForm):
            agencies.add(form, document)
    registered = agencies.finish()
    for form, document in _forms(folder, "agreements", faults):
        if isinstance(form, AgreementForm):
            agreements.add(form, document, registered, agencies.mentioned)
    faults += [*agencies.faults, *agreements.faults]
    if faults:
        lines = "\n  ".join(str(fault) for fault in sorted(set(faults)))
        count = "1 fault" if len(set(faults)) == 1 else f"{len(set(faults))} faults"
        raise ConfigError(f"the agency registry has {count}:\n  {lines}", where=str(folder))
    return Registry(0, registered, agreements.finish())


def _forms(
    folder: Path, kind: FormName, faults: list[Fault]
) -> Iterator[tuple[AgencyForm | AgreementForm, Document]]:
    for path in sorted((folder / kind).glob("*.yaml")):
        documents, wrong = read_documents(path, str(path.relative_to(folder)))
        faults += wrong
        for document in documents:
            form, wrong = read_form(kind, document)
            faults += wrong
            if form is not None:
                yield form, document


def _strangers(folder: Path) -> list[Fault]:
    """Return a fault for whatever would be silently left out: other folders, other endings."""
    faults = []
    for path in sorted(folder.iterdir()):
        if path.name in FOLDERS and path.is_dir():
            faults += [
                Fault(str(each.relative_to(folder)), 1, "", "is no *.yaml file; it would be left out.")
                for each in sorted(path.iterdir())
                if not (each.is_file() and each.suffix == ".yaml") and not each.name.startswith(".")
            ]
        elif path.name not in _OTHER and not path.name.startswith("."):
            advice = did_you_mean(path.name, FOLDERS) or " Here belong agencies/ and agreements/."
            faults.append(Fault(path.name, 1, "", f"is no part of the agency registry.{advice}"))
    return faults
