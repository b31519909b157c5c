"""What an org's describe says of its objects and fields: plain definitions, no I/O.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sfdata.plain_text import plain

if TYPE_CHECKING:
    import pandas as pd


_KEYS = {
    "case_sensitive": "caseSensitive",
    "defaulted_on_create": "defaultedOnCreate",
    "external_id": "externalId",
    "id_lookup": "idLookup",
    "reference_to": "referenceTo",
    "relationship_name": "relationshipName",
    "restricted": "restrictedPicklist",
}
"""The describe's own word where it is not ours."""


@dataclass(frozen=True, slots=True)
class FieldDescribe:
    """One field, as far as reading and writing need to know it. ``type`` is Salesforce's word (``currency``, …).

    ``choices`` are the active values of a picklist; ``restricted`` says that it takes no others.
    """

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    defaulted_on_create: bool = False
    createable: bool = False
    updateable: bool = False
    filterable: bool = True
    external_id: bool = False
    id_lookup: bool = False
    unique: bool = False
    case_sensitive: bool = False
    custom: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    restricted: bool = False
    choices: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether a new record must be given a value: it cannot be empty, and the org puts none there."""
        return self.createable and not self.nillable and not self.defaulted_on_create and self.type != "boolean"

    @classmethod
    def from_json(cls, field: Mapping[str, Any]) -> FieldDescribe:
        """The field as an entry of ``fields`` describes it; what an org leaves out or has no value for is as above."""
        told = {name: field.get(_KEYS.get(name, name)) for name in cls.__dataclass_fields__}
        given = {name: value for name, value in told.items() if value is not None}
        given["reference_to"] = tuple(given.get("reference_to", ()))
        given["choices"] = tuple(one["value"] for one in field.get("picklistValues") or () if one.get("active", True))
        return cls(**{"label": field["name"], **given})


@dataclass(frozen=True, slots=True)
class ChildDescribe:
    """A child relationship: rows of ``object`` point here through their ``field``."""

    relationship: str
    object: str
    field: str


class ObjectDescribe(Mapping[str, Any]):
    """An object's describe.

    It is the answer as Salesforce sends it (a read-only mapping: ``describe["fields"]``), with typed views on it.
    Names are looked up without regard to case, as Salesforce does.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = answer

    @property
    def name(self) -> str:
        """The object's API name."""
        return str(self._answer["name"])

    @cached_property
    def fields(self) -> tuple[FieldDescribe, ...]:
        """The fields in the org's own order."""
        return tuple(FieldDescribe.from_json(field) for field in self._answer["fields"])

    def field(self, name: str) -> FieldDescribe | None:
        """The field of that name, or None."""
        return self._by_name.get(name.casefold())

    def parent(self, relationship: str) -> FieldDescribe | None:
        """The reference field behind a parent relationship (``Owner`` → ``OwnerId``), or None."""
        return self._by_relationship.get(relationship.casefold())

    def child(self, relationship: str) -> ChildDescribe | None:
        """The child relationship of that name (``Contacts``), or None."""
        return self._children.get(relationship.casefold())

    @property
    def frame(self) -> pd.DataFrame:
        """One row per field: name, label, type, length, and what may be done with it."""
        import pandas as pd

        columns = {
            "name": "str",
            "label": "str",
            "type": "str",
            "length": "Int64",
            "nillable": "boolean",
            "createable": "boolean",
            "updateable": "boolean",
            "external_id": "boolean",
            "unique": "boolean",
            "reference_to": "str",
            "relationship_name": "str",
        }
        rows = [
            [", ".join(f.reference_to) or None if c == "reference_to" else getattr(f, c) for c in columns]
            for f in self.fields
        ]
        return pd.DataFrame(rows, columns=list(columns)).astype(columns)

    @cached_property
    def _by_name(self) -> dict[str, FieldDescribe]:
        return {field.name.casefold(): field for field in self.fields}

    @cached_property
    def _by_relationship(self) -> dict[str, FieldDescribe]:
        return {f.relationship_name.casefold(): f for f in self.fields if f.relationship_name}

    @cached_property
    def _children(self) -> dict[str, ChildDescribe]:
        return {
            child["relationshipName"].casefold(): ChildDescribe(
                child["relationshipName"], child["childSObject"], child["field"]
            )
            for child in self._answer.get("childRelationships") or ()
            if child.get("relationshipName")
        }

    def __getitem__(self, key: str) -> Any:
        return self._answer[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._answer)

    def __len__(self) -> int:
        return len(self._answer)

    def __repr__(self) -> str:
        return f"ObjectDescribe({plain(self.name)}: {len(self.fields)} fields)"

    def _repr_html_(self) -> str:
        html: str = self.frame.to_html()
        return html
