"""The local org's describes beside those that real orgs answered, key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfdata.localorg.describe import describe_object
from sfdata.localorg.objects import standard_schema

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data"
SCHEMA = standard_schema()

#: Keys of a field that the recordings and the local org give in the same words, but for the exceptions below.
FIELD_KEYS = (
    "type", "label", "length", "byteLength", "precision", "scale", "digits", "soapType", "nillable", "createable",
    "updateable", "defaultedOnCreate", "defaultValue", "filterable", "sortable", "groupable", "aggregatable",
    "referenceTo", "relationshipName", "polymorphicForeignKey", "namePointing", "compoundFieldName", "extraTypeInfo",
    "nameField", "idLookup", "autoNumber", "unique", "caseSensitive", "externalId", "custom", "calculated",
    "cascadeDelete", "restrictedDelete", "restrictedPicklist", "queryByDistance", "searchPrefilterable",
    "permissionable",
)  # fmt: skip
#: Left as they are: an internal field that Salesforce counts in bytes, unlike every other text.
EXCEPTIONS = {("Case", "Comments", "byteLength")}
#: What the older of the recordings does not know yet.
NEWER_SCOPES = {"scopingRule"}


@pytest.fixture(params=["Contact", "Case"])
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    path = RECORDINGS / f"describe-{request.param.lower()}.json"
    if not path.exists():
        pytest.skip(f"no recorded describe: {path.name} is kept outside the repository, in ../shared/data")
    answer: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return answer


@pytest.fixture
def ours(recorded: dict[str, Any]) -> dict[str, Any]:
    sobject = SCHEMA.object(recorded["name"])
    assert sobject is not None
    return describe_object(SCHEMA, sobject, "/services/data/v48.0")


def standard_fields(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in answer["fields"] if not field["custom"]}


def test_every_recorded_field_agrees(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
    """Every standard field of the recording is declared, with the same type, size, rights and relationship."""
    mine = standard_fields(ours)
    different = [
        (name, key, field[key], mine[name][key])
        for name, field in standard_fields(recorded).items()
        for key in FIELD_KEYS
        if field[key] != mine[name][key] and (recorded["name"], name, key) not in EXCEPTIONS
    ]
    assert different == []


def test_fields_stand_in_the_recorded_order(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
    """FIELDS(ALL) and a describe list fields in the order in which a real org does."""
    wanted = list(standard_fields(recorded))
    assert [name for name in standard_fields(ours) if name in wanted] == wanted


def test_picklists_agree(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
    """Standard picklists offer the recorded values under the recorded labels."""
    mine = standard_fields(ours)
    for name, field in standard_fields(recorded).items():
        assert mine[name]["picklistValues"] == field["picklistValues"], name


def test_the_object_itself_agrees(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
    """What may be done with the object, and how it is called, is as recorded."""
    apart = {"fields", "childRelationships", "supportedScopes", "recordTypeInfos", "urls"}
    assert {key: ours[key] for key in recorded.keys() - apart} == {
        key: value for key, value in recorded.items() if key not in apart
    }
    master = recorded["recordTypeInfos"][-1]
    assert {**ours["recordTypeInfos"][-1], "urls": None} == {**master, "urls": None}
    scopes = {scope["name"]: scope["label"] for scope in recorded["supportedScopes"]}
    mine = [scope for scope in ours["supportedScopes"] if scope["name"] not in NEWER_SCOPES]
    assert all(scopes[scope["name"]] == scope["label"] for scope in mine)


def test_keys_stand_in_the_recorded_order(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
    """Objects, fields and child relationships list their properties in the order in which a real org does."""
    assert [key for key in ours if key in recorded] == list(recorded)
    for part in ("fields", "childRelationships"):
        assert list(ours[part][0]) == list(recorded[part][0])


def test_child_relationships_agree(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
    """Children that this org has too are reached by the recorded names, and go or stay with the parent as recorded."""
    known = {sobject.name for sobject in SCHEMA}
    wanted = [child for child in recorded["childRelationships"] if child["childSObject"] in known]
    assert len(wanted) >= 8
    assert [child for child in wanted if child not in ours["childRelationships"]] == []
