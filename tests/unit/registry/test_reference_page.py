from __future__ import annotations

import typing
from pathlib import Path

from pydantic import BaseModel

from hub.registry.files import FORMS, load

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "agency-registry.md"


def _names(form):
    for name, info in form.model_fields.items():
        yield info.alias or name
        for inner in [info.annotation, *typing.get_args(info.annotation)]:
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _names(inner)


def test_every_field_of_the_files_is_described():
    """docs/reference/agency-registry.md names each field that a file may hold."""
    text = PAGE.read_text(encoding="utf-8")
    for form in FORMS.values():
        missing = [name for name in _names(form) if f"`{name}" not in text and f".{name}`" not in text]
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
