"""The SOQL language: text to tree, and values into text. Pure; shared by the client and the local org."""

from sfdata.soql.bind import bind, escape_like
from sfdata.soql.nodes import Query
from sfdata.soql.parser import parse

__all__ = ["Query", "bind", "escape_like", "parse"]
