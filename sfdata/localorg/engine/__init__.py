"""SOQL over the local org's rows. `QueryEngine` is all the rest of the org knows of it."""

from sfdata.localorg.engine.query import QueryEngine

__all__ = ["QueryEngine"]
