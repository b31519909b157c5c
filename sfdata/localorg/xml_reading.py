"""XML that a client sends, read into a tree: no document type, so no entities of its own, and no great depth."""

from __future__ import annotations

from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MOST_LEVELS = 100
NAMESPACE_ENDS = "}"


class XmlRefused(Exception):
    """A body that is no XML, or XML that is not taken."""


def read_xml(body: bytes) -> Element:
    """The root of a document; names are ``{namespace}local`` where there is a namespace.

    Raises:
        XmlRefused: with what is wrong.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=NAMESPACE_ENDS)
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.builder.data
    try:
        parser.Parse(body, True)
        return reader.builder.close()
    except (expat.ExpatError, ValueError, LookupError) as problem:
        raise XmlRefused(str(problem)) from None


def local_name(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition(NAMESPACE_ENDS)[2]


class _Reader:
    """Hears what the parser finds."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._levels = 0

    def doctype(self, *declared: Any) -> NoReturn:
        raise XmlRefused("a document type is not allowed")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._levels += 1
        if self._levels > MOST_LEVELS:
            raise XmlRefused(f"more than {MOST_LEVELS} levels of elements")
        self.builder.start(_named(name), {_named(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._levels -= 1
        self.builder.end(_named(name))


def _named(name: str) -> str:
    return f"{{{name}" if NAMESPACE_ENDS in name else name
