"""YAML documents with the line of every field, so that a fault can say where it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Path_ = tuple[str | int, ...]
"""Where a value stands in a document: field names and list indices from the top."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a file: the line counts from 1, `place` is the field's dotted path."""

    file: str
    line: int
    place: str
    text: str

    def __str__(self) -> str:
        place = f" {self.place}:" if self.place else ""
        return f"{self.file}:{self.line}:{place} {self.text}"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain data, and the line of each path in it."""

    file: str
    data: Any
    lines: dict[Path_, int] = field(default_factory=dict)

    def fault(self, path: Path_, text: str) -> Fault:
        """Return a fault at a path, or at the nearest one above it that exists.

        A list may be written as its one item: then there is no index in the file.
        """
        known = self._as_written(path)
        while known and known not in self.lines:
            known = known[:-1]
        return Fault(self.file, self.lines.get(known, 1), ".".join(str(part) for part in path), text)

    def _as_written(self, path: Path_) -> Path_:
        here, found = self.data, list[str | int]()
        for part in path:
            if isinstance(part, int) and part == 0 and isinstance(here, dict | str):
                continue
            found.append(part)
            try:
                here = here[part]
            except (LookupError, TypeError):
                here = None
        return tuple(found)


def read_documents(path: Path, shown_as: str) -> tuple[list[Document], list[Fault]]:
    """Return the documents of a YAML file and what is wrong with it as YAML; never raises for its content."""
    try:
        text = path.read_text(encoding="utf-8")
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except UnicodeDecodeError:
        return [], [Fault(shown_as, 1, "", "is not UTF-8 text.")]
    except OSError as error:
        return [], [Fault(shown_as, 1, "", f"cannot be read: {error.strerror}.")]
    except yaml.YAMLError as error:
        return [], [_yaml_fault(error, shown_as)]
    found, faults = [], []
    for node in nodes:
        document = Document(shown_as, {})
        reader = _Reader(document)
        data = reader.value(node, ())
        if data is not None:
            found.append(Document(shown_as, data, document.lines))
        faults += reader.faults
    if not found and not faults:
        faults.append(Fault(shown_as, 1, "", "holds nothing; delete the file, or write an object in it."))
    return found, faults


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean …?` for the nearest known word, or nothing."""
    nearest = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: list[yaml.Node] = []
        self.faults: list[Fault] = []

    def value(self, node: yaml.Node | None, path: Path_) -> Any:
        if node is None:
            return None
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if any(node is outer for outer in self._open):
            self.faults.append(self._document.fault(path, "an alias may not stand inside what it names."))
            return None
        self._open.append(node)
        try:
            return self._content(node, path)
        finally:
            self._open.pop()

    def _content(self, node: yaml.Node, path: Path_) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            # The key as it is written: `on` and `2026` are names here, no boolean and no number.
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            inner = (*path, name)
            if name in found:
                first = self._document.lines[inner]
                self.faults.append(
                    Fault(
                        self._document.file,
                        key.start_mark.line + 1,
                        ".".join(str(part) for part in inner),
                        f"stands twice (first on line {first}).",
                    )
                )
                continue
            self._document.lines[inner] = key.start_mark.line + 1
            found[name] = self.value(value, inner)
        return found

    def _scalar(self, node: yaml.Node, path: Path_) -> Any:
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            reason = getattr(error, "problem", None) or str(error)
            self.faults.append(self._document.fault(path, f"is no value that YAML knows: {reason}."))
            return None
        finally:
            loader.dispose()


def _yaml_fault(error: yaml.YAMLError, shown_as: str) -> Fault:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return Fault(shown_as, error.problem_mark.line + 1, "", f"is no YAML: {error.problem}.")
    return Fault(shown_as, 1, "", "is no YAML.")
