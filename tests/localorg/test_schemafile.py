"""The file that declares an org's own objects and fields, and the mistakes it can hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sfdata.errors import ConfigurationError
from sfdata.localorg.describe import describe_object
from sfdata.localorg.objects import build_schema, standard_schema
from sfdata.localorg.schema import Field, Schema, SObject, ValidationRule

INVOICES = """
[Invoice__c]
label = "Invoice"
name_field = { label = "Invoice Number", auto_number = "INV-{0000}" }

[Invoice__c.fields]
Amount__c = { type = "currency", precision = 16, scale = 2, required = true }
Account__c = { type = "master-detail", to = "account", children = "Invoices" }
Status__c = { type = "picklist", values = ["Open", "Paid"], default = "Open", restricted = true }
Place__c = { type = "location", scale = 5 }

[Invoice_Line__c]
label = "Invoice Line"
[Invoice_Line__c.fields]
Invoice__c = { type = "master-detail", to = "Invoice__c" }
Product__c = { type = "lookup", to = "Product2", label = "What was sold" }

[Account.fields]
Region__c = { type = "text", length = 40, external_id = true, unique = true, case_sensitive = true }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "org.toml"


def build(file: Path, text: str) -> Schema:
    file.write_text(text, "utf-8")
    return build_schema(file)


def found(schema: Schema, name: str) -> SObject:
    sobject = schema.object(name)
    assert sobject is not None, name
    return sobject


def found_field(schema: Schema, path: str) -> Field:
    name, _, field_name = path.partition(".")
    field = found(schema, name).field(field_name)
    assert field is not None, path
    return field


def one_field(file: Path, declaration: str) -> Field:
    schema = build(file, f"[Account.fields]\nNew__c = {{ {declaration} }}\n")
    return found_field(schema, "Account.New__c")


def test_custom_object_has_what_every_object_has(file: Path) -> None:
    """A custom object gets an Id, a name, an owner and the system fields, before its own."""
    schema = build(file, '[Site__c]\n[Site__c.fields]\nOpen__c = { type = "checkbox", default = true }\n')
    site = found(schema, "Site__c")
    assert [field.name for field in site.fields] == [
        "Id", "OwnerId", "IsDeleted", "Name", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById",
        "SystemModstamp", "LastViewedDate", "LastReferencedDate", "Open__c",
    ]  # fmt: skip
    assert (site.label, site.label_plural, site.key_prefix, site.custom) == ("Site", "Sites", "a00", True)
    assert found_field(schema, "Site__c.Open__c").default_value is True
    name = found_field(schema, "Site__c.Name")
    assert (name.label, name.length, name.nillable, name.createable) == ("Site Name", 80, True, True)


def test_an_auto_number_names_rows(file: Path) -> None:
    """A name that the org counts keeps its display format and is written by nobody."""
    name = found_field(build(file, INVOICES), "Invoice__c.Name")
    assert (name.label, name.auto_number, name.name_field) == ("Invoice Number", "INV-{0000}", True)
    assert not name.createable
    assert not name.updateable


def test_master_detail_owns_its_rows(file: Path) -> None:
    """A master is required, takes its rows along, owns them, and knows them under the name declared."""
    schema = build(file, INVOICES)
    master = found_field(schema, "Invoice__c.Account__c")
    assert (master.reference_to, master.relationship_name) == (("Account",), "Account__r")
    assert (master.nillable, master.updateable, master.cascade_delete) == (False, False, True)
    assert master.relationship_order == 0
    assert found(schema, "Invoice__c").field("OwnerId") is None
    child = schema.child("Account", "Invoices__r")
    assert child is not None
    assert (child.object, child.field, child.cascade_delete) == ("Invoice__c", "Account__c", True)


def test_a_second_master_is_second(file: Path) -> None:
    """A junction object has two masters, in the order declared."""
    fields = "\n".join(f'{name}__c = {{ type = "master-detail", to = "{name}" }}' for name in ("Lead", "Campaign"))
    schema = build(file, f"[Touch__c.fields]\n{fields}\n")
    orders = [found_field(schema, f"Touch__c.{name}__c").relationship_order for name in ("Lead", "Campaign")]
    assert orders == [0, 1]


def test_children_are_called_like_the_plural(file: Path) -> None:
    """Where the file names no child relationship, it is the plural of the child, as Salesforce proposes."""
    schema = build(file, INVOICES)
    lines, sold = schema.child("Invoice__c", "Invoice_Lines__r"), schema.child("Product2", "Invoice_Lines__r")
    assert lines is not None
    assert sold is not None
    assert (lines.field, sold.field) == ("Invoice__c", "Product__c")
    assert found_field(schema, "Invoice_Line__c.Product__c").label == "What was sold"


def test_a_location_has_its_parts(file: Path) -> None:
    """A location brings latitude and longitude as fields that can be written."""
    schema = build(file, INVOICES)
    latitude = found_field(schema, "Invoice__c.Place__Latitude__s")
    assert (latitude.type, latitude.precision, latitude.scale) == ("double", 8, 5)
    assert (latitude.compound, latitude.createable) == ("Place__c", True)
    assert not found_field(schema, "Invoice__c.Place__c").createable


def test_standard_objects_stay_as_they_are(file: Path) -> None:
    """A file adds to a schema of its own; the standard one is not changed."""
    schema = build(file, INVOICES)
    region = found_field(schema, "Account.Region__c")
    assert (region.length, region.unique, region.external_id, region.case_sensitive) == (40, True, True, True)
    assert region.id_lookup
    assert found(standard_schema(), "Account").field("Region__c") is None
    assert standard_schema().object("Invoice__c") is None
    assert found(schema, "Contact") is found(standard_schema(), "Contact")


def test_key_prefixes_are_counted(file: Path) -> None:
    """Custom objects get a00, a01 and so on, in base 62, however standard objects stand between them."""
    names = [f"O{number:02}__c" for number in range(63)]
    text = "\n".join(f"[{name}]" for name in names)
    schema = build(file, text.replace("[O01__c]", "[Account.fields]\n[O01__c]"))
    assert [found(schema, names[n]).key_prefix for n in (0, 1, 10, 61, 62)] == ["a00", "a01", "a0A", "a0z", "a10"]
    assert schema.by_prefix("a0A000000000000AAA") is found(schema, "O10__c")


def test_custom_objects_describe(file: Path) -> None:
    """What the file declares shows in the describe answers of both ends of a relationship."""
    schema = build(file, INVOICES)
    invoice = describe_object(schema, found(schema, "Invoice__c"), "/services/data/v66.0")
    assert (invoice["custom"], invoice["keyPrefix"], invoice["labelPlural"]) == (True, "a00", "Invoices")
    account = describe_object(schema, found(schema, "Account"), "/services/data/v66.0")
    assert "Invoices__r" in [child["relationshipName"] for child in account["childRelationships"]]


@pytest.mark.parametrize(
    ("declaration", "type_", "length", "precision", "scale"),
    [
        ('type = "text"', "string", 255, 0, 0),
        ('type = "textarea"', "textarea", 255, 0, 0),
        ('type = "longtext", length = 5000', "textarea", 5000, 0, 0),
        ('type = "checkbox"', "boolean", 0, 0, 0),
        ('type = "number", precision = 8, scale = 3', "double", 0, 8, 3),
        ('type = "number"', "double", 0, 18, 0),
        ('type = "currency"', "currency", 0, 18, 2),
        ('type = "percent", precision = 5', "percent", 0, 5, 2),
        ('type = "date"', "date", 0, 0, 0),
        ('type = "datetime"', "datetime", 0, 0, 0),
        ('type = "time"', "time", 0, 0, 0),
        ('type = "email"', "email", 80, 0, 0),
        ('type = "phone"', "phone", 40, 0, 0),
        ('type = "url"', "url", 255, 0, 0),
        ('type = "picklist", values = ["a"]', "picklist", 255, 0, 0),
        ('type = "multipicklist", values = ["a", "b"]', "multipicklist", 4099, 0, 0),
        ('type = "lookup", to = "User"', "reference", 18, 0, 0),
        ('type = "autonumber", format = "A-{00}"', "string", 30, 0, 0),
    ],
)
def test_types(file: Path, declaration: str, type_: str, length: int, precision: int, scale: int) -> None:
    """Each type of the file becomes the type that a describe answers, with the size Salesforce gives it."""
    field = one_field(file, declaration)
    assert (field.type, field.length, field.precision, field.scale) == (type_, length, precision, scale)
    assert field.custom


def test_picklist_values_may_have_labels(file: Path) -> None:
    """A table of values gives each its label, and a default is marked."""
    field = one_field(file, 'type = "picklist", values = { o = "Open", p = "Paid" }, default = "p"')
    assert [(value.value, value.label, value.default) for value in field.picklist] == [
        ("o", "Open", False),
        ("p", "Paid", True),
    ]
    assert not field.restricted_picklist


def test_required(file: Path) -> None:
    """A required field must be given, unless the org has a default for it."""
    assert one_field(file, 'type = "date", required = true').required
    assert not one_field(file, 'type = "text", required = true, default = "x"').required
    assert not one_field(file, 'type = "date"').required


@pytest.mark.parametrize(
    ("declaration", "complaint"),
    [
        ("type = 'txt'", "unknown type 'txt'; did you mean 'text'?"),
        ("label = 'x'", "type must be a text and not empty"),
        ("type = 'text', lenght = 3", "unknown key 'lenght'; did you mean 'length'?"),
        ("type = 'date', length = 3", "unknown key 'length'"),
        ("type = 'text', length = 256", "length must be a whole number from 1 to 255"),
        ("type = 'text', length = true", "length must be a whole number"),
        ("type = 'number', precision = 4, scale = 5", "scale must be a whole number from 0 to 4"),
        ("type = 'text', required = 'yes'", "required must be true or false"),
        ("type = 'text', case_sensitive = true", "needs unique = true"),
        ("type = 'picklist'", "values must be a list of texts"),
        ("type = 'picklist', values = ['a', 1]", "values must be a list of texts"),
        ("type = 'picklist', values = ['a', 'A']", "values must differ"),
        ("type = 'multipicklist', values = ['a;b']", "no semicolon"),
        ("type = 'picklist', values = ['a'], default = 'b'", "default must be one of the values"),
        ("type = 'number', default = '1'", "default must be a number"),
        ("type = 'checkbox', default = 1", "default must be true or false"),
        ("type = 'text', length = 2, default = 'abc'", "default must be a text up to 2 characters"),
        ("type = 'lookup'", "to must be a text"),
        ("type = 'lookup', to = 'Acount'", "to names no object of this org: 'Acount'; did you mean 'Account'?"),
        ("type = 'lookup', to = 'Name'", "to names no object of this org"),
        ("type = 'lookup', to = 'User', children = 'a b'", "children is no name of a relationship"),
        ("type = 'autonumber', format = 'A'", "format must hold one place for the number"),
    ],
)
def test_a_wrong_field_is_named(file: Path, declaration: str, complaint: str) -> None:
    """A mistake in a field says file, object, field and what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        one_field(file, declaration)
    assert caught.value.message.startswith("org.toml: Account.fields.New__c: ")
    assert complaint in caught.value.message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[Invoice]", "org.toml: Invoice: no standard object of this org"),
        ("[In__voice__c]", "org.toml: In__voice__c: no standard object"),
        ("[A__c]\n[a__c]", "org.toml: a__c: the file declares this object twice"),
        ("A__c = 1", "org.toml: A__c must be a table"),
        ("[A__c]\nlable = 'x'", "org.toml: A__c: unknown key 'lable'; did you mean 'label'?"),
        ("[Account]\nlabel = 'x'", "org.toml: Account: unknown key 'label'"),
        ("[A__c]\nfields = 3", "org.toml: A__c: fields must be a table"),
        ("[A__c.fields]\nx__c = 3", "org.toml: A__c.fields: x__c must be a table"),
        ("[A__c.fields]\nx = {type = 'date'}", "org.toml: A__c.fields.x: a custom field is named"),
        ("[A__c.name_field]\nauto_number = '{0'", "org.toml: A__c.name_field: auto_number must hold one place"),
        (
            "[A__c.name_field]\nauto_number = '{0}'\nlength = 3",
            "org.toml: A__c.name_field: an auto number has no length",
        ),
        ("[Account.fields]\nACTIVE__c = {type = 'date'}", "Account.fields.ACTIVE__c: Account has a field of that name"),
        ("[A__c", "org.toml: not valid TOML: "),
    ],
)
def test_a_wrong_object_is_named(file: Path, text: str, complaint: str) -> None:
    """A mistake around an object says file, object and what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        build(file, text)
    assert complaint in caught.value.message


def test_two_relationships_need_two_names(file: Path) -> None:
    """Two lookups to one parent cannot be children under one name."""
    text = "[Trip__c.fields]\nFrom__c = {type = 'lookup', to = 'Account'}\nTo__c = {type = 'lookup', to = 'Account'}\n"
    with pytest.raises(
        ConfigurationError, match=r"Trip__c\.To__c: Account knows the rows of Trip__c\.From__c as Trips__r"
    ):
        build(file, text)
    schema = build(file, text.replace("to = 'Account'}\nTo", "to = 'Account', children = 'Departures'}\nTo"))
    assert schema.child("Account", "Departures__r") is not None


def test_three_masters_are_too_many(file: Path) -> None:
    """An object belongs to two masters at most."""
    names = ("Lead", "Campaign", "Case")
    fields = "\n".join(f"{name}__c = {{ type = 'master-detail', to = '{name}' }}" for name in names)
    with pytest.raises(ConfigurationError, match="2 masters at most, not 3"):
        build(file, f"[Touch__c.fields]\n{fields}\n")


def test_an_unreadable_file_is_named(file: Path) -> None:
    """A file that is not there, or is no text, is a setting to correct and no crash."""
    with pytest.raises(ConfigurationError, match=r"org\.toml: the schema file cannot be read"):
        build_schema(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"org\.toml: the schema file is not UTF-8"):
        build_schema(file)


RULE = """
[Invoice__c.fields]
Total__c = { type = "currency" }
Account__c = { type = "lookup", to = "Account" }

[Invoice__c.validation_rules.%s]
error_condition_formula = %s
error_message = "No."
%s

[Account.fields]
Credit__c = { type = "currency" }
"""


def rule(file: Path, name: str = "Within_Credit", formula: str = "TRUE", more: str = "") -> ValidationRule:
    schema = build(file, RULE % (name, repr(formula), more))
    (declared,) = found(schema, "Invoice__c").validation_rules
    return declared


def test_a_validation_rule(file: Path) -> None:
    """A rule keeps what is declared, names its field as the object does, and may use fields declared further down."""
    formula = "Total__c > Account__r.Credit__c"
    assert rule(file, formula=formula, more='error_display_field = "total__C"') == ValidationRule(
        "Within_Credit", formula, "No.", "Total__c", active=True, description=None
    )
    off = rule(file, more='active = false\ndescription = "Later."')
    assert (off.active, off.description, off.error_display_field) == (False, "Later.", None)


def test_standard_objects_have_no_rules(file: Path) -> None:
    """Only the file has rules, and only for the objects it names."""
    rules = '[Lead.validation_rules.Never]\nerror_condition_formula = "FALSE"\nerror_message = "x"\n'
    schema = build(file, rules)
    assert [sobject.name for sobject in schema if sobject.validation_rules] == ["Lead"]
    assert not any(sobject.validation_rules for sobject in standard_schema())


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"name": "Two__Underscores"}, "a rule is named in up to 40 letters"),
        ({"name": "Ends_"}, "a rule is named in up to 40 letters"),
        ({"name": "R" * 41}, "a rule is named in up to 40 letters"),
        ({"more": "formula = 'TRUE'"}, "unknown key 'formula'"),
        (
            {"more": "error_display_field = 'Totl__c'"},
            "names no field of Invoice__c: 'Totl__c'; did you mean 'Total__c'?",
        ),
        ({"more": "active = 1"}, "active must be true or false"),
        ({"more": "description = ''"}, "description must be a text and not empty"),
        ({"formula": " "}, "error_condition_formula must be a text and not empty"),
        (
            {"formula": "Totl__c > 1"},
            "error_condition_formula: Field Totl__c does not exist. Check spelling. Did you mean",
        ),
        ({"formula": "Total__c"}, "error_condition_formula: Formula result is data type (Number)"),
        ({"formula": "1 = 'a'", "more": "active = false"}, "error_condition_formula: Incorrect parameter type"),
    ],
)
def test_a_wrong_rule_is_named(file: Path, declared: dict[str, str], complaint: str) -> None:
    """A mistake in a rule, switched off or not, says file, object, rule and what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        rule(file, **declared)
    assert caught.value.message.startswith("org.toml: Invoice__c.validation_rules.")
    assert complaint in caught.value.message


def test_rules_have_messages_and_names_of_their_own(file: Path) -> None:
    """A message must be there and short enough for Salesforce, and no two rules of an object share a name."""
    with pytest.raises(ConfigurationError, match="error_message must be a text"):
        build(file, "[Lead.validation_rules.A]\nerror_condition_formula = 'TRUE'\n")
    with pytest.raises(ConfigurationError, match="error_message must have 255 characters at most, not 256"):
        build(file, f"[Lead.validation_rules.A]\nerror_condition_formula = 'TRUE'\nerror_message = '{'x' * 256}'\n")
    one = "[Lead.validation_rules.{}]\nerror_condition_formula = 'TRUE'\nerror_message = 'x'\n"
    with pytest.raises(ConfigurationError, match="two rules are called the same but for case"):
        build(file, one.format("A") + one.format("a"))


def test_the_example_of_the_readme_is_in_order(file: Path) -> None:
    """What the README shows as a schema file is one."""
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(\[Invoice__c\].*?)```", readme, re.DOTALL)
    schema = build(file, example)
    assert found(schema, "Invoice__c").field("Amount__c") is not None
    assert [declared.name for declared in found(schema, "Opportunity").validation_rules] == ["Won_Has_Amount"]
