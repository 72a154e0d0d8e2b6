from __future__ import annotations

import typing
from pathlib import Path

from pydantic import BaseModel

from hub.registry.files import FORMS, load

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference"
PAGE, JOURNEYS = FOLDER / "agency-registry.md", FOLDER / "journeys.md"
PAGES = {"agencies": PAGE, "agreements": PAGE, "calendars": JOURNEYS, "journeys": JOURNEYS}


def _names(form):
    for name, info in form.model_fields.items():
        yield info.alias or name
        for inner in _forms_in(info.annotation):
            yield from _names(inner)


def _forms_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _forms_in(inner)


def test_every_field_of_the_files_is_described():
    """Each field that a file may hold stands on the page of its kind of file."""
    for kind, form in FORMS.items():
        text = PAGES[kind].read_text(encoding="utf-8")
        missing = [
            name
            for name in _names(form)
            if f"`{name}" not in text and f".{name}`" not in text and f"{{{name}:" not in text
        ]
        assert missing == []


def test_the_examples_of_the_page_are_sound_but_for_what_they_leave_out(tmp_path, contracts):
    """The two YAML blocks load as they stand once the agencies they mention exist."""
    blocks = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1:]
    agency, agreement = (block.split("```")[0] for block in blocks)
    types = "[service.request.submitted.v1, service.request.decided.v1, service.request.completed.v1]"
    others = [
        f"code: {code}\ntitle: {{fa: آ, en: A}}\npublishes: {types}\n"
        for code in ("municipality-1", "municipality-2", "fee-collector")
    ]
    for name, text in (
        ("agencies/all.yaml", "---\n".join([agency, *others])),
        ("agreements/a.yaml", agreement),
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    registry = load(tmp_path, contracts)
    assert registry.agencies["permit-office"].quota.request_percentage == 50
    assert registry.agreements.keys() == {"fee-collector-municipality-1", "fee-collector-municipality-2"}


def test_the_journey_and_the_calendar_of_the_page_are_sound(tmp_path, contracts):
    """The YAML blocks load as they stand, with the agencies, agreements and journey that they mention."""
    blocks = JOURNEYS.read_text(encoding="utf-8").split("```yaml\n")[1:]
    journey, calendar, migrates = (block.split("```")[0] for block in blocks)
    requests = ("submitted", "decided", "completed", "withdrawn")
    town = {*(f"service.request.{name}.v1" for name in requests), "service.step.completed.v1"}
    files = {
        "agencies/all.yaml": "---\n".join(
            f"code: {code}\ntitle: {{fa: آ, en: A}}\npublishes: [{', '.join(sorted(types))}]\n"
            for code, types in (("town", town), ("land-registry", {"service.step.completed.v1"}))
        ),
        "agreements/all.yaml": "---\n".join(
            f"id: {source}-supervision\nfrom: {source}\nto: supervision\nlegal_basis: a\nsubject: drop\n"
            f"case_id: pass\npurpose: {{code: a, fa: آ, en: A}}\nvalid: {{from: 2026-03-21T00:00:00Z}}\n"
            f"events: {{{', '.join(f'{type_}: all' for type_ in sorted(types))}}}\n"
            for source, types in (
                ("town", town),
                ("land-registry", {"service.step.completed.v1"}),
                ("hub", {"hub.step.escalated.v1", "hub.sub-case.ended.v1"}),
            )
        ),
        "journeys/a.yaml": journey + migrates,
        "journeys/site.yaml": "id: site\ntitle: {fa: محل, en: Site}\ncalendar: offices\nservices: site\n"
        "openers: town\nstarts: service.request.submitted.v1\nends: service.request.completed.v1\n",
        "calendars/a.yaml": calendar,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    registry = load(tmp_path, contracts)
    assert registry.journeys["permit"].calendar == "offices"
    assert registry.journeys["permit"].migration_from(2) is not None
    assert registry.calendars["offices"].last_year == 2030
