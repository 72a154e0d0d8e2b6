"""Figures as an RDF Data Cube: a data set, its structure, one observation per figure that has a value.

An observation must have its measure, so suppressed figures and those with nothing to be counted are left out;
the rows of hub.indicators.exports have them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from rdflib import DCTERMS, QB, RDF, RDFS, SDO, SKOS, XSD, BNode, Graph, Literal, Namespace, URIRef

from hub.indicators.definitions import ALL_DEFINITIONS
from hub.indicators.model import Edition

SDMX_MEASURE = Namespace("http://purl.org/linked-data/sdmx/2009/measure#")
SDMX_ATTRIBUTE = Namespace("http://purl.org/linked-data/sdmx/2009/attribute#")
SDMX_DIMENSION = Namespace("http://purl.org/linked-data/sdmx/2009/dimension#")

_DIMENSIONS = (
    ("indicator", SKOS.Concept, "شاخص", "Indicator"),
    ("period", XSD.string, "دوره", "Period"),
    ("breakdown", XSD.string, "تفکیک", "Breakdown"),
    ("edition", XSD.integer, "ویرایش", "Edition"),
)
_ATTRIBUTES = (
    ("unit", XSD.string, "واحد", "Unit"),
    ("basis", XSD.string, "پایه", "Basis: declared or measured"),
    ("low", XSD.double, "کران پایین", "Lower bound of the 95 % interval"),
    ("high", XSD.double, "کران بالا", "Upper bound of the 95 % interval"),
    ("cases", XSD.integer, "شمار", "Cases or other things that the figure is about"),
)


def graph(editions: Iterable[Edition], base: str) -> Graph:
    """Return the cube; `base` is the address under which the export stands, and names everything in it."""
    names = Namespace(f"{base}#")
    found = Graph()
    for prefix, namespace in (("qb", QB), ("skos", SKOS), ("dcterms", DCTERMS), ("fig", names)):
        found.bind(prefix, namespace)
    _structure(found, names)
    _concepts(found, names)
    for edition in editions:
        if edition.value.value is not None:
            _observation(found, names, edition)
    return found


def as_turtle(editions: Iterable[Edition], base: str) -> str:
    """Return the cube as Turtle."""
    return graph(editions, base).serialize(format="turtle")


def _labels(found: Graph, node: URIRef, fa: str, en: str) -> None:
    found.add((node, RDFS.label, Literal(fa, lang="fa")))
    found.add((node, RDFS.label, Literal(en, lang="en")))


def _structure(found: Graph, names: Namespace) -> None:
    data_set, structure = names["figures"], names["structure"]
    found.add((data_set, RDF.type, QB.DataSet))
    found.add((data_set, QB.structure, structure))
    _labels(found, data_set, "شاخص‌های منتشرشده", "Published figures")
    found.add((structure, RDF.type, QB.DataStructureDefinition))
    for order, (name, range_, fa, en) in enumerate(_DIMENSIONS, start=1):
        component = _component(found, structure, QB.dimension, names[name])
        found.add((component, QB.order, Literal(order)))
        _property(found, names[name], QB.DimensionProperty, range_)
        _labels(found, names[name], fa, en)
    found.add((names["indicator"], RDF.type, QB.CodedProperty))
    found.add((names["indicator"], QB.codeList, names["indicators"]))
    found.add((names["period"], RDFS.subPropertyOf, SDMX_DIMENSION.refPeriod))
    _component(found, structure, QB.measure, SDMX_MEASURE.obsValue)
    _property(found, SDMX_MEASURE.obsValue, QB.MeasureProperty, XSD.double)
    for name, range_, fa, en in _ATTRIBUTES:
        component = _component(found, structure, QB.attribute, names[name])
        found.add((component, QB.componentRequired, Literal(name in {"unit", "basis"})))
        _property(found, names[name], QB.AttributeProperty, range_)
        _labels(found, names[name], fa, en)
    found.add((names["unit"], RDFS.subPropertyOf, SDMX_ATTRIBUTE.unitMeasure))


def _component(found: Graph, structure: URIRef, kind: URIRef, property_: URIRef) -> BNode:
    component = BNode(f"component-{property_.rpartition('#')[2]}")
    found.add((structure, QB.component, component))
    found.add((component, RDF.type, QB.ComponentSpecification))
    found.add((component, kind, property_))
    return component


def _property(found: Graph, property_: URIRef, kind: URIRef, range_: URIRef) -> None:
    found.add((property_, RDF.type, RDF.Property))
    found.add((property_, RDF.type, kind))
    found.add((property_, RDFS.range, range_))


def _concepts(found: Graph, names: Namespace) -> None:
    scheme = names["indicators"]
    found.add((scheme, RDF.type, SKOS.ConceptScheme))
    for each in ALL_DEFINITIONS:
        concept = names[each.id]
        found.add((concept, RDF.type, SKOS.Concept))
        found.add((concept, SKOS.inScheme, scheme))
        found.add((concept, SKOS.topConceptOf, scheme))
        found.add((scheme, SKOS.hasTopConcept, concept))
        found.add((concept, SKOS.notation, Literal(each.id)))
        found.add((concept, SDO.version, Literal(each.version)))
        for language, title, meaning in (
            ("fa", each.title_fa, each.meaning_fa),
            ("en", each.title_en, each.meaning_en),
        ):
            found.add((concept, SKOS.prefLabel, Literal(title, lang=language)))
            found.add((concept, SKOS.definition, Literal(meaning, lang=language)))


def _observation(found: Graph, names: Namespace, edition: Edition) -> None:
    value = edition.value
    node = names[quote(edition.key, safe="")]
    found.add((node, RDF.type, QB.Observation))
    found.add((node, QB.dataSet, names["figures"]))
    found.add((node, names["indicator"], names[value.place.indicator]))
    found.add((node, names["period"], Literal(value.place.period, datatype=XSD.string)))
    found.add((node, names["breakdown"], Literal(str(value.place.breakdown), datatype=XSD.string)))
    found.add((node, names["edition"], Literal(edition.number)))
    found.add((node, SDMX_MEASURE.obsValue, Literal(value.value, datatype=XSD.double)))
    found.add((node, names["unit"], Literal(value.unit, datatype=XSD.string)))
    found.add((node, names["basis"], Literal(value.basis, datatype=XSD.string)))
    found.add((node, DCTERMS.issued, Literal(edition.published_at)))
    for name, number, datatype in (
        ("low", value.low, XSD.double),
        ("high", value.high, XSD.double),
        ("cases", value.cases, XSD.integer),
    ):
        if number is not None:
            found.add((node, names[name], Literal(number, datatype=datatype)))
