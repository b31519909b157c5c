from __future__ import annotations

from sfdata.metadata import FieldDescribe, ObjectDescribe

TOLD = {
    "name": "Owner__c",
    "label": "Owner",
    "type": "reference",
    "length": 18,
    "precision": 9,
    "scale": 2,
    "nillable": False,
    "createable": True,
    "updateable": True,
    "filterable": False,
    "externalId": True,
    "unique": True,
    "custom": True,
    "referenceTo": ["User", "Group"],
    "relationshipName": "Owner__r",
    "picklistValues": [],
}


def test_a_field_is_what_its_describe_says():
    """Every attribute is read from the describe's own key."""
    field = FieldDescribe.from_json(TOLD)
    assert field == FieldDescribe(
        name="Owner__c",
        label="Owner",
        type="reference",
        length=18,
        precision=9,
        scale=2,
        nillable=False,
        createable=True,
        updateable=True,
        filterable=False,
        external_id=True,
        unique=True,
        custom=True,
        reference_to=("User", "Group"),
        relationship_name="Owner__r",
    )


def test_a_sparse_describe_promises_nothing():
    """What is left out or null may be missing, may be asked for, and may not be written; the label is the name."""
    for nothing in ({}, dict.fromkeys(key for key in TOLD if key not in ("name", "type"))):
        field = FieldDescribe.from_json({"name": "X", "type": "string", **nothing})
        assert (field.label, field.length, field.precision, field.scale) == ("X", 0, 0, 0)
        assert (field.nillable, field.filterable) == (True, True)
        assert not any((field.createable, field.updateable, field.external_id, field.unique, field.custom))
        assert (field.reference_to, field.relationship_name) == ((), None)


def test_an_object_is_its_answer_and_finds_names_in_any_case():
    """The describe is the mapping the org sent; fields, parents and children are found without regard to case."""
    answer = {
        "name": "Deal__c",
        "fields": [TOLD, {"name": "Name", "type": "string", "label": "Deal"}],
        "childRelationships": [
            {"relationshipName": "Lines__r", "childSObject": "Line__c", "field": "Deal__c"},
            {"relationshipName": None, "childSObject": "Hidden__c", "field": "Deal__c"},
        ],
    }
    deal = ObjectDescribe(answer)
    assert dict(deal) == answer
    assert len(deal) == 3
    assert deal.field("NAME").label == "Deal"
    assert deal.parent("owner__R").name == "Owner__c"
    assert (deal.child("lines__r").object, deal.child("lines__r").field) == ("Line__c", "Deal__c")
    assert (deal.field("Nmae"), deal.parent("Owner"), deal.child("Hidden__r")) == (None, None, None)
    assert repr(deal) == "ObjectDescribe(Deal__c: 2 fields)"
    assert deal.frame["reference_to"].tolist()[0] == "User, Group"
    assert "<td>Owner__c</td>" in deal._repr_html_()
