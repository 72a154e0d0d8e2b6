"""Migrations of journeys in files: what they come to, and each fault with file, line and field."""

from __future__ import annotations

import pytest

from hub.errors import ConfigError
from hub.registry.files import load
from hub.registry.journey_migrations import news, refusals
from hub.registry.journeys import Dropped, Migration
from hub.registry.plan import plan
from hub.registry.records import JOURNEY, RegistryReader
from tests.unit.registry.test_journey_files import JOURNEY as TEXT
from tests.unit.registry.test_journey_files import J, journeys

__all__ = ["journeys"]

MIGRATES = """\
migrates:
  from: 1
  steps: {advised: heard}
  dropped:
    checked: {fa: دیگر لازم نیست, en: Needed no more}
"""
# Where the block begins, in the file as `changed` writes it.
LINE = len(TEXT.splitlines()) + 1


@pytest.fixture
def changed(journeys, publish):
    """Return a function that applies the journey, changes its file and says what loading it gives.

    In the changed journey `advised` is called `heard`, and `checked` has become `examined`.
    """
    reader = RegistryReader()
    publish(reader, journeys.load())

    def run(migrates=MIGRATES, *, known=True):
        now = TEXT.replace("id: advised", "id: heard").replace("any: [checked, advised]", "any: [heard]")
        now = now.replace("id: checked", "id: examined").replace("after: [checked,", "after: [examined,")
        journeys.write(J, now + migrates)
        return load(journeys.path, journeys._contracts, reader.versions(JOURNEY) if known else None)

    run.reader = reader
    run.publish = publish
    return run


def faults(load_):
    with pytest.raises(ConfigError) as raised:
        load_()
    return [line.strip() for line in str(raised.value).splitlines()[1:]]


def test_a_migration_says_which_cases_come_along_and_what_becomes_of_their_steps(changed):
    """Written short or as a list; it comes back from the registry's topic as it was."""
    found = changed()
    migration = Migration(
        frozenset({1}), (("advised", "heard"),), (Dropped("checked", "دیگر لازم نیست", "Needed no more"),)
    )
    assert found.journeys["permit"].migrations == (migration,)
    numbered = changed.publish(changed.reader, found)
    assert numbered.journeys["permit"].version == 2
    assert changed.reader.current.journeys["permit"] == numbered.journeys["permit"]
    assert numbered.journeys["permit"].migration_from(1) == migration
    assert numbered.journeys["permit"].migration_from(2) is None


def test_a_plan_shows_a_migration_and_files_that_were_applied_change_nothing(changed):
    """Left in the file it is no further version, and is not checked against what came after it."""
    found = changed()
    told = plan(changed.reader.current, found).text()
    assert "+ migrates: {from: [1], steps: {advised: heard}, dropped: {checked:" in told
    changed.publish(changed.reader, found)
    assert not plan(changed.reader.current, changed()).changes


def test_what_an_apply_would_move_is_known_beforehand(changed):
    """By journey, the versions whose open cases come along; nothing of what was applied already."""
    found = changed()
    assert news(changed.reader.current, found) == {"permit": frozenset({1})}
    numbered = changed.publish(changed.reader, found)
    assert news(numbered, found) == news(None, found) == {}


def test_steps_of_the_same_id_need_no_word(journeys, publish):
    """A journey that changed in a deadline only says from which version."""
    reader = RegistryReader()
    publish(reader, journeys.load())
    journeys.write(J, TEXT.replace("5 working days", "4 working days") + "migrates: {from: [1]}\n")
    found = load(journeys.path, journeys._contracts, reader.versions(JOURNEY))
    ids = found.journeys["permit"].migration_from(1).ids(["checked", "gone"], ["checked"])
    assert ids == {"checked": "checked"}


@pytest.mark.parametrize(
    ("old", "new", "line", "place", "text"),
    [
        ("from: 1", "from: 2", 1, "from", "permit has no earlier version 2; there are 1."),
        ("from: 1", "from: []", 1, "from", "must not be empty."),
        ("from: 1", "from: 0", 1, "from", "greater than or equal to 1"),
        ("from: 1", "form: 1", 1, "form", "unknown field. Did you mean 'from'?"),
        ("heard}", "hered}", 2, "steps.advised", "no step has the id 'hered'. Did you mean 'heard'?"),
        ("advised:", "adviced:", 2, "steps.adviced", "has the id 'adviced'. Did you mean 'advised'?"),
        ("{advised: heard}", "{}", 2, "steps", "step 'advised' of version 1 has no place"),
        ("checked:", "cheked:", 4, "dropped.cheked", "has the id 'cheked'. Did you mean 'checked'?"),
        ("checked:", "advised:", 4, "dropped.advised", "is dropped and goes on as another step"),
        (
            "{advised: heard}",
            "{advised: heard, checked: heard}",
            2,
            "steps.checked",
            "two steps would become",
        ),
        ("{advised: heard}", "{advised: decided}", 2, "steps.decided", "two steps would become 'decided'"),
        ("{fa: دیگر لازم نیست, en: Needed no more}", "{en: Why}", 4, "dropped.checked.fa", "is missing."),
    ],
)
def test_what_cannot_be_is_named_with_file_line_and_field(changed, old, new, line, place, text):
    """A step without a place or two in one, an unknown step or version, a reason that is missing."""
    assert old in MIGRATES
    found = faults(lambda: changed(MIGRATES.replace(old, new, 1)))
    wanted = [each for each in found if each.startswith(f"{J}:{LINE + line}: migrates.")]
    assert any(text in each and place in each for each in wanted), found


def test_entries_of_a_list_are_told_by_their_number(changed):
    """One version in two entries would send its cases two ways."""
    twice = "migrates:\n  - {from: 1, steps: {advised: heard}, dropped: {checked: {fa: آ, en: A}}}\n" * 1
    twice += "  - {from: [1], steps: {advised: heard}, dropped: {checked: {fa: آ, en: A}}}\n"
    found = faults(lambda: changed(twice))
    assert found == [
        f"{J}:{LINE + 1}: migrates.0.from: version 1 stands twice: its cases would go two ways.",
        f"{J}:{LINE + 2}: migrates.1.from: version 1 stands twice: its cases would go two ways.",
    ]


def test_without_the_registry_only_what_the_file_says_itself_is_checked(changed):
    """A file can be read anywhere; an apply refuses what is wrong, naming journey and field."""
    wrong = MIGRATES.replace("from: 1", "from: 7")
    desired = changed(wrong, known=False)
    told = refusals(desired.journeys.values(), changed.reader.versions(JOURNEY))
    assert told == ["journey permit: migrates.0.from: permit has no earlier version 7; there are 1."]
    assert refusals(desired.journeys.values(), {}) == []
