"""The registry of a country that the benchmarks are measured under."""

from __future__ import annotations

from hub.contracts.schemas import Contracts
from hub.contracts.topics import SYSTEM_AGENCIES
from hub.launch.bench import country, world
from hub.registry.files import load


def test_it_has_as_many_agencies_and_agreements_as_asked_and_the_sources_own(tmp_path):
    """The files are sound; the benchmarks' source has its two recipients of each event and no other."""
    country.write_registry(tmp_path, agencies=40, agreements=50)
    registry = load(tmp_path, Contracts.load())
    assert len(registry.agencies.keys() - set(SYSTEM_AGENCIES)) == 40
    assert len(registry.agreements) == 50
    for type_ in world.TYPES:
        recipients = [each.recipient for each in registry.agreements_for(world.SOURCE, type_)]
        assert sorted(recipients) == [world.RECIPIENT, world.MASKED_RECIPIENT]


def test_each_generated_agency_may_publish_every_type_and_every_second_agreement_masks(tmp_path):
    """Nineteen types can be granted; with the rejection, which needs no grant, an agency has twenty."""
    country.write_registry(tmp_path, agencies=20, agreements=22)
    registry = load(tmp_path, Contracts.load())
    generated = [each for each in registry.agencies.values() if each.code.startswith("agency-")]
    assert {frozenset(each.grants) for each in generated} == {frozenset(country.types())}
    assert len(country.types()) == 19
    masked = [each for each in registry.agreements.values() if any(each.types.values())]
    assert len(masked) == 10 + 1


def test_the_whole_country_has_186_agencies_and_1000_agreements():
    """The numbers are the brief's: there are enough pairs of agencies for them."""
    own = len((world.SOURCE, world.RECIPIENT, world.MASKED_RECIPIENT))
    assert (country.AGENCIES, country.AGREEMENTS) == (186, 1000)
    assert len(country._STEPS) * (country.AGENCIES - own) >= country.AGREEMENTS
