"""Constructors for fields: a declaration says what is particular, the rules of its type are added here.

What a type allows in SOQL (filter, sort, group, aggregate) and the lengths Salesforce gives it follow from the type:
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sfdata.localorg.schema import Field, PicklistValue, SObject

#: Attributes of `Field` that several declarations share.
Attributes = dict[str, Any]
#: Values, or values with their labels.
Picklist = Iterable[str] | Mapping[str, str]

#: Types that SOQL cannot group by; everything else it can.
UNGROUPABLE = frozenset(
    {"double", "currency", "percent", "datetime", "multipicklist", "combobox", "base64", "address", "location"}
)
UNSORTABLE = frozenset({"multipicklist", "base64", "address", "location"})
UNAGGREGATABLE = frozenset({"boolean", "base64", "address", "location"})

#: What the org itself gives every row.
ALWAYS: Attributes = {"nillable": False, "defaulted_on_create": True}

GEOCODE_ACCURACY = (
    "Address", "NearAddress", "Block", "Street", "ExtendedZip", "Zip", "Neighborhood", "City", "County", "State",
    "Unknown",
)  # fmt: skip
SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")


def field(name: str, type_: str, label: str, **attributes: Any) -> Field:
    """A field of any type, with the type's rules for SOQL; ``attributes`` are those of `Field` and win over them."""
    rules: Attributes = {
        "filterable": type_ != "base64",
        "sortable": type_ not in UNSORTABLE,
        "groupable": type_ not in UNGROUPABLE,
        "aggregatable": type_ not in UNAGGREGATABLE,
        "custom": name.endswith(("__c", "__s")),
    }
    return Field(name, type_, label, **rules | attributes)


def read_only(made: Field, **attributes: Any) -> Field:
    """The same field, written by the org alone."""
    return replace(made, createable=False, updateable=False, **attributes)


def text(name: str, label: str, length: int = 255, *, type_: str = "string", **attributes: Any) -> Field:
    return field(name, type_, label, length=length, **attributes)


def name_text(label: str, length: int = 255, **attributes: Any) -> Field:
    """The Name of an object that is named by hand."""
    return text("Name", label, length, nillable=False, name_field=True, **attributes)


def phone(name: str, label: str, length: int = 40, **attributes: Any) -> Field:
    return text(name, label, length, type_="phone", **attributes)


def email(name: str, label: str, length: int = 80, **attributes: Any) -> Field:
    return text(name, label, length, type_="email", **attributes)


def url(name: str, label: str, length: int = 255, **attributes: Any) -> Field:
    return text(name, label, length, type_="url", **attributes)


def textarea(name: str, label: str, length: int = 255, **attributes: Any) -> Field:
    """Text of several lines, short enough to be filtered."""
    return text(name, label, length, type_="textarea", extra_type_info="plaintextarea", **attributes)


def long_text(name: str, label: str, length: int = 32_000, **attributes: Any) -> Field:
    """Text of several lines that SOQL returns but does not filter, sort or group."""
    closed = {"filterable": False, "sortable": False, "groupable": False, "aggregatable": False}
    return textarea(name, label, length, **closed | attributes)


def checkbox(name: str, label: str, default: bool = False, **attributes: Any) -> Field:
    return field(name, "boolean", label, nillable=False, defaulted_on_create=True, default_value=default, **attributes)


def integer(name: str, label: str, digits: int = 8, **attributes: Any) -> Field:
    return field(name, "int", label, digits=digits, **attributes)


def number(
    name: str, label: str, precision: int = 18, scale: int = 0, *, type_: str = "double", **attributes: Any
) -> Field:
    """A number of ``precision`` digits in all, ``scale`` of them decimals."""
    return field(name, type_, label, precision=precision, scale=scale, **attributes)


def currency(name: str, label: str, precision: int = 18, scale: int = 2, **attributes: Any) -> Field:
    return number(name, label, precision, scale, type_="currency", **attributes)


def percent(name: str, label: str, precision: int = 3, scale: int = 0, **attributes: Any) -> Field:
    return number(name, label, precision, scale, type_="percent", **attributes)


def date(name: str, label: str, **attributes: Any) -> Field:
    return field(name, "date", label, **attributes)


def datetime(name: str, label: str, **attributes: Any) -> Field:
    return field(name, "datetime", label, **attributes)


def time(name: str, label: str, **attributes: Any) -> Field:
    return field(name, "time", label, **attributes)


def blob(name: str, label: str, **attributes: Any) -> Field:
    """Bytes, given as base64 and read through the row's blob resource."""
    return field(name, "base64", label, **attributes)


def picklist(
    name: str, label: str, values: Picklist, *, default: str | None = None, restricted: bool = False,
    length: int = 255, type_: str = "picklist", **attributes: Any,
) -> Field:  # fmt: skip
    """One of ``values``; a value outside them is refused only where ``restricted``.

    A mapping gives each stored value the label that people see instead.
    """
    if default is not None:
        attributes = {"default_value": default, "defaulted_on_create": True} | attributes
    choices = _values(values, default)
    return field(name, type_, label, length=length, picklist=choices, restricted_picklist=restricted, **attributes)


def multipicklist(name: str, label: str, values: Picklist, *, restricted: bool = False, **attributes: Any) -> Field:
    """Any of ``values``, stored in their order and joined by semicolons."""
    return picklist(name, label, values, restricted=restricted, length=4099, type_="multipicklist", **attributes)


def reference(name: str, label: str, *to: str, children: str | None = None, **attributes: Any) -> Field:
    """A lookup to one object, or to one of several.

    The relationship is called like the field without its ``Id`` (``AccountId`` → ``Account``, ``Site__c`` →
    ``Site__r``); ``children`` is the name under which the parent knows these rows.
    """
    rules: Attributes = {
        "relationship_name": f"{name[:-1]}r" if name.endswith("__c") else name.removesuffix("Id"),
        "name_pointing": len(to) > 1,
    }
    return field(
        name, "reference", label, length=18, reference_to=to, child_relationship=children, **rules | attributes
    )


def owner(*to: str) -> Field:
    """OwnerId: a user, or a queue too where ``to`` says so."""
    return reference("OwnerId", "Owner ID", *(to or ("User",)), nillable=False, defaulted_on_create=True)


def record_id(label: str) -> Field:
    return field(
        "Id", "id", label, length=18, nillable=False, createable=False, updateable=False, defaulted_on_create=True,
        id_lookup=True,
    )  # fmt: skip


def is_deleted() -> Field:
    return read_only(checkbox("IsDeleted", "Deleted"))


def record_type() -> Field:
    return reference("RecordTypeId", "Record Type ID", "RecordType")


def created() -> tuple[Field, ...]:
    """When a row was made and by whom."""
    return (
        read_only(datetime("CreatedDate", "Created Date", **ALWAYS)),
        read_only(reference("CreatedById", "Created By ID", "User", **ALWAYS)),
    )


def last_modified() -> tuple[Field, ...]:
    """When a row was changed last, by whom, and when the org itself touched it last."""
    return (
        read_only(datetime("LastModifiedDate", "Last Modified Date", **ALWAYS)),
        read_only(reference("LastModifiedById", "Last Modified By ID", "User", **ALWAYS)),
        system_modstamp(),
    )


def system_modstamp() -> Field:
    return read_only(datetime("SystemModstamp", "System Modstamp", **ALWAYS))


def system_fields() -> tuple[Field, ...]:
    """The fields every ordinary row carries about itself."""
    return (*created(), *last_modified())


def last_activity() -> Field:
    return read_only(date("LastActivityDate", "Last Activity"))


def last_viewed() -> tuple[Field, ...]:
    """When the user who asks has seen the row last; null where the user never did."""
    return (
        read_only(datetime("LastViewedDate", "Last Viewed Date")),
        read_only(datetime("LastReferencedDate", "Last Referenced Date")),
    )


def auto_number(name: str, label: str, pattern: str, **attributes: Any) -> Field:
    """A number the org gives, shown as ``pattern`` says: ``INV-{0000}`` counts INV-0001, INV-0002, …"""
    return read_only(
        text(name, label, 30, nillable=False, defaulted_on_create=True, groupable=False, id_lookup=True,
             auto_number=pattern, **attributes)
    )  # fmt: skip


def person_name(label: str = "Full Name", *, salutation: bool = True) -> tuple[Field, ...]:
    """The parts of a person's name and the whole, which the org keeps."""
    part: Attributes = {"compound": "Name", "extra_type_info": "personname"}
    parts = [text("LastName", "Last Name", 80, nillable=False, **part), text("FirstName", "First Name", 40, **part)]
    if salutation:
        parts.append(picklist("Salutation", "Salutation", SALUTATIONS, length=40, **part))
    whole = name_text(label, 121, extra_type_info="personname", derived="person_name")
    return (*parts, read_only(whole))


def address(prefix: str = "") -> tuple[Field, ...]:
    """The parts of an address and the compound field that answers them together (``Billing`` → BillingAddress)."""
    compound = f"{prefix}Address"
    part: Attributes = {"compound": compound}
    lead = f"{prefix} " if prefix else ""
    degrees: Attributes = {"precision": 18, "scale": 15} | part
    return (
        textarea(f"{prefix}Street", f"{lead}Street", **part),
        text(f"{prefix}City", f"{lead}City", 40, **part),
        text(f"{prefix}State", f"{lead}State/Province", 80, **part),
        text(f"{prefix}PostalCode", f"{lead}Zip/Postal Code", 20, **part),
        text(f"{prefix}Country", f"{lead}Country", 80, **part),
        number(f"{prefix}Latitude", f"{lead}Latitude", **degrees),
        number(f"{prefix}Longitude", f"{lead}Longitude", **degrees),
        picklist(
            f"{prefix}GeocodeAccuracy", f"{lead}Geocode Accuracy", GEOCODE_ACCURACY, restricted=True, length=40, **part
        ),
        read_only(field(compound, "address", f"{lead}Address")),
    )


def location(name: str, label: str, scale: int = 6) -> tuple[Field, ...]:
    """A custom place on earth (``Site__c``): latitude and longitude are columns, the field itself answers both."""
    stem = name.removesuffix("__c")
    part: Attributes = {"precision": 3 + scale, "scale": scale, "compound": name}
    return (
        number(f"{stem}__Latitude__s", f"{label} (Latitude)", **part),
        number(f"{stem}__Longitude__s", f"{label} (Longitude)", **part),
        read_only(field(name, "location", label)),
    )


def external_key() -> Field:
    """``Ext__c``: the key another system knows a row by."""
    return text("Ext__c", "External Key", 80, external_id=True, unique=True, id_lookup=True)


def sobject(
    name: str, label: str, label_plural: str, key_prefix: str | None, *fields: Field | Iterable[Field],
    **attributes: Any,
) -> SObject:  # fmt: skip
    """An object from its fields in describe order, groups of fields spread out."""
    spread = [f for entry in fields for f in ((entry,) if isinstance(entry, Field) else entry)]
    return SObject(name, label, label_plural, key_prefix, tuple(spread), **attributes)


def _values(values: Picklist, default: str | None) -> tuple[PicklistValue, ...]:
    labels = values if isinstance(values, Mapping) else {value: value for value in values}
    return tuple(PicklistValue(value, label, default=value == default) for value, label in labels.items())
