"""Fields that the org fills itself when a row is written: by rules that the schema names (``Field.derived``)."""

from __future__ import annotations

from sfdata.localorg.derivation.draft import Draft
from sfdata.localorg.derivation.rules import Derivation

__all__ = ["Derivation", "Draft"]
