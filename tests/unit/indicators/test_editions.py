"""Values and editions as documents, restatements, exports as rows and as a Data Cube, and the page."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.indicators import cube, exports, figures, handbook
from hub.indicators.breakdown import ALL, breakdown
from hub.indicators.inputs import Frame, Inputs, RatingCount
from hub.indicators.model import AsOf, Versions, edition_of, next_edition
from tests.unit.indicators.makers import group

ROOT = Path(__file__).resolve().parents[3]
AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
AS_OF = AsOf({0: 12, 1: 40}, AT, {"agency.tax.outbox/0": 77})
INPUTS = Inputs(
    Frame(AT, frozenset("abc")),
    cases=(
        group("a", "IR-01", "2026-01", completed=2),
        group("b", "IR-01", "2026-01", completed=20, open_=7, late=1),
        group("c", "IR-02", "2026-02", completed=30),
    ),
    ratings=(RatingCount("s/1", "a", "", "2026-01", 4, 5, 12),),
)


def versions(value):
    return Versions(f"{value.place.indicator}@1", 3, ("birth@2",), ("iran@1",))


@pytest.fixture(scope="module")
def editions():
    values = figures.published(INPUTS)
    return [next_edition(None, value, AS_OF, versions(value), AT) for value in values]


def test_an_edition_reads_back_from_its_document(editions):
    """JSON and back gives the same edition, for every figure."""
    for edition in editions:
        assert edition_of(json.loads(json.dumps(edition.document()))) == edition


def test_keys_name_figure_and_edition_once(editions):
    """`<id>/<period>/<breakdown>/<edition>`, different for all."""
    keys = [edition.key for edition in editions]
    assert len(set(keys)) == len(keys)
    assert "completion.started/all/journey=birth;agency=b/1" in keys
    assert "participation.satisfaction/2026/service=s%2F1/1" in keys


def test_a_restatement_is_a_new_edition_beside_the_old(editions):
    """Another value or definition makes one, that more was read does not."""
    first = next(each for each in editions if each.value.place.breakdown == ALL)
    later = AsOf({0: 99}, AT)
    assert next_edition(first, first.value, later, first.versions, AT) is None
    changed = replace(first.value, value=1.0)
    second = next_edition(first, changed, later, first.versions, AT)
    assert (second.number, second.restates, second.value) == (2, 1, changed)
    redefined = replace(first.versions, definition="x@2")
    assert next_edition(first, first.value, later, redefined, AT).number == 2


def test_a_figure_that_is_gone_says_so(editions):
    """A count becomes 0, a ratio has no value any more; neither is suppressed."""
    of = {each.value.place.indicator: each.value for each in editions}
    gone = figures.gone(of["completion.started"])
    assert (gone.value, gone.suppressed) == (0, False)
    gone = figures.gone(of["completion.in-time"])
    assert (gone.value, gone.numerator, gone.suppressed) == (None, None, False)


def test_rows_have_the_layout_of_the_eus_indicators(editions):
    """The first seven columns in their order; a suppressed figure is empty and flagged."""
    rows = list(csv.DictReader(io.StringIO(exports.as_csv(editions))))
    assert list(rows[0])[:7] == ["period", "country", "indicator", "breakdown", "unit", "value", "flags"]
    by = {(row["indicator"], row["period"], row["breakdown"]): row for row in rows}
    small = by["completion.started", "all", "agency=a"]
    assert (small["value"], small["flags"], small["cases"], small["country"]) == ("", "c", "", "IR")
    assert by["completion.started", "all", "all"]["value"] == "59.0"
    document = json.loads(exports.as_json(editions))
    assert document["columns"] == list(exports.COLUMNS)
    assert len(document["rows"]) == len(rows) == len(editions)


# Integrity constraints of the RDF Data Cube recommendation, as what breaks them.
IC_1 = "SELECT ?o { ?o a qb:Observation FILTER NOT EXISTS { ?o qb:dataSet ?d . ?d a qb:DataSet } }"
IC_1_TWO = "SELECT ?o { ?o qb:dataSet ?a, ?b FILTER (?a != ?b) }"
IC_2 = """SELECT ?d { ?d a qb:DataSet
    FILTER NOT EXISTS { ?d qb:structure ?s . ?s a qb:DataStructureDefinition } }"""
IC_3 = """SELECT ?s { ?s a qb:DataStructureDefinition
    FILTER NOT EXISTS { ?s qb:component/qb:measure ?m . ?m a qb:MeasureProperty } }"""
IC_4 = "SELECT ?p { ?p a qb:DimensionProperty FILTER NOT EXISTS { ?p rdfs:range ?r } }"
IC_5 = """SELECT ?p { ?p a qb:DimensionProperty ; rdfs:range skos:Concept
    FILTER NOT EXISTS { ?p qb:codeList ?l } }"""
IC_11 = """SELECT ?o ?p { ?o qb:dataSet/qb:structure/qb:component/qb:dimension ?p
    FILTER NOT EXISTS { ?o ?p ?v } }"""
IC_12 = """SELECT ?i ?p ?b ?e (COUNT(?o) AS ?n) {
    ?o fig:indicator ?i ; fig:period ?p ; fig:breakdown ?b ; fig:edition ?e }
    GROUP BY ?i ?p ?b ?e HAVING (COUNT(?o) > 1)"""
IC_13 = """SELECT ?o ?a { ?o qb:dataSet/qb:structure/qb:component ?c . ?c qb:componentRequired true ;
    qb:attribute ?a FILTER NOT EXISTS { ?o ?a ?v } }"""
IC_14 = """SELECT ?o ?m { ?o qb:dataSet/qb:structure/qb:component/qb:measure ?m
    FILTER NOT EXISTS { ?o ?m ?v } }"""
IC_19 = """SELECT ?o ?v { ?p qb:codeList ?l . ?o a qb:Observation ; ?p ?v
    FILTER NOT EXISTS { ?v a skos:Concept ; skos:inScheme ?l } }"""
CONSTRAINTS = (IC_1, IC_1_TWO, IC_2, IC_3, IC_4, IC_5, IC_11, IC_12, IC_13, IC_14, IC_19)
BASE = "https://hub.example/exports/indicators"


def broken(graph):
    graph.bind("fig", f"{BASE}#")
    return [query for query in CONSTRAINTS if list(graph.query(query))]


def test_the_data_cube_is_well_formed(editions):
    """The recommendation's constraints hold, and every figure with a value, no other, is an observation."""
    from rdflib import QB, RDF, Graph

    found = Graph().parse(data=cube.as_turtle(editions, BASE), format="turtle")
    assert broken(found) == []
    told = [each for each in editions if each.value.value is not None]
    assert len(list(found.subjects(RDF.type, QB.Observation))) == len(told) < len(editions)


def test_the_constraints_find_what_is_broken(editions):
    """An observation without a period, one said twice, one without its measure: each is found."""
    from rdflib import QB, RDF, Literal, URIRef

    chosen = [each for each in editions if each.value.value is not None][:3]
    names = URIRef(f"{BASE}#period"), cube.SDMX_MEASURE.obsValue
    for name, constraint in zip(names, (IC_11, IC_14), strict=True):
        graph = cube.graph(chosen, BASE)
        graph.remove((next(graph.subjects(RDF.type, QB.Observation)), name, None))
        assert broken(graph) == [constraint]
    graph = cube.graph(chosen, BASE)
    first, second = sorted(graph.subjects(RDF.type, QB.Observation))[:2]
    for name in ("indicator", "period", "breakdown", "edition"):
        dimension = URIRef(f"{BASE}#{name}")
        graph.set((second, dimension, graph.value(first, dimension, default=Literal(""))))
    assert broken(graph) == [IC_12]


def test_the_page_of_indicators_is_current():
    """Run the command that the page names when this fails."""
    page = (ROOT / "docs/reference/indicators.md").read_text(encoding="utf-8")
    assert page == handbook.page(), f"run: {handbook.COMMAND}"


def test_a_service_with_a_slash_keeps_its_breakdown():
    """Values are percent-encoded in keys, so that a key has exactly four parts."""
    assert str(breakdown(service="s/1;x=2")) == "service=s%2F1%3Bx%3D2"
