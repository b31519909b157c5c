"""From the names of a frame's columns and describe to the columns of an upload: which field each writes, its header.

| a frame's column   | header               | what it writes                                              |
|--------------------|----------------------|-------------------------------------------------------------|
| amount             | Amount               | the field, in the spelling of describe                      |
| Account.Ext__c     | Account.Ext__c       | AccountId, as the account with this key                     |
| User:Owner.Email   | User:Owner.Email     | OwnerId, where the owner may be of several objects          |

Headers stand in describe's own spelling, since results repeat other spellings without their values.

Headers: https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_csv_valid_record_rows.htm
Relationships: https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_csv_rel_field_header_row.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal, get_args

from sfdata.errors import ConfigurationError, Problem, PushRefused
from sfdata.frames.columns import Describe
from sfdata.frames.dtypes import COMPOUNDS
from sfdata.metadata import FieldDescribe, ObjectDescribe

Operation = Literal["insert", "update", "upsert", "delete", "hardDelete"]
Nulls = Literal["leave", "clear"]
NullPolicy = Nulls | Mapping[str, Nulls]

MOST_FIELDS = 5_000
MOST_HEADER_CHARACTERS = 32_000

NEEDS_ID = frozenset({"update", "delete", "hardDelete"})
ONLY_ID = frozenset({"delete", "hardDelete"})


@dataclass(frozen=True, slots=True)
class WriteColumn:
    """One column of the upload.

    Attributes:
        position, name: the column in the frame.
        header: its name on the wire.
        field: the field it writes.
        key: the parent's field whose values stand here, where the column names a parent by a key.
        missing: what a cell without a value is: left empty, which keeps the field as it is, or cleared (``#N/A``); a
            key must not be missing (``refuse``).
    """

    position: int
    name: str
    header: str
    field: FieldDescribe
    key: FieldDescribe | None = None
    missing: Literal["leave", "clear", "refuse"] = "leave"

    @property
    def type(self) -> str:
        """Salesforce's type of the values."""
        return (self.key or self.field).type


def write_columns(
    names: Sequence[str],
    object_name: str,
    describe: Describe,
    operation: Operation,
    key: str | None = None,
    nulls: NullPolicy = "leave",
) -> tuple[WriteColumn, ...]:
    """The columns of an upload, in the frame's order.

    A delete takes its ``Id`` alone and passes over other columns. Nothing is cleared by an insert: a new record has
    nothing yet.

    Args:
        names: the frame's columns.
        describe: of the object, and of the parents that columns name by a key.
        key: the field that an upsert goes by.
        nulls: what missing values mean, for all columns or by the frame's name of a column.

    Raises:
        PushRefused: names that are no fields, or not those the operation needs.
        ConfigurationError: no such operation; a key without an upsert, or the other way round; no such policy.
    """
    columns, problems = found_columns(names, object_name, describe, operation, key, nulls)
    if problems:
        raise PushRefused(problems)
    return columns


def found_columns(
    names: Sequence[str],
    object_name: str,
    describe: Describe,
    operation: Operation,
    key: str | None = None,
    nulls: NullPolicy = "leave",
) -> tuple[tuple[WriteColumn, ...], list[Problem]]:
    """The columns that are in order, as `write_columns` gives them, and what is wrong with the names."""
    _check_call(names, operation, key, nulls)
    base = describe(object_name)
    columns: list[WriteColumn] = []
    problems: list[Problem] = []
    for position, name in enumerate(names):
        if operation in ONLY_ID and name.casefold() != "id":
            continue
        try:
            columns.append(_column(position, name, base, describe))
        except LookupError as unknown:
            problems.append(Problem(str(unknown.args[0]), name))
    problems += [*_repeated(columns), *_key_problems(columns, base, operation, key), *_size_problems(columns)]
    found = tuple(replace(column, missing=_missing(column, base, operation, key, nulls)) for column in columns)
    return found, problems


def _check_call(names: Sequence[str], operation: str, key: str | None, nulls: NullPolicy) -> None:
    if operation not in get_args(Operation):
        raise ConfigurationError(f"operation {operation!r} is none of {', '.join(get_args(Operation))}")
    if (key is None) == (operation == "upsert"):
        raise ConfigurationError("an upsert goes by a key" if key is None else f"{_a(operation)} goes by no key")
    policies = nulls.values() if isinstance(nulls, Mapping) else [nulls]
    for policy in policies:
        if policy not in get_args(Nulls):
            raise ConfigurationError(f"nulls is 'leave' or 'clear', or one of these by column, not {policy!r}")
    for name in nulls if isinstance(nulls, Mapping) else ():
        if name not in names:
            raise ConfigurationError(f"nulls names no column of the frame: {name!r}{_nearest(str(name), names)}")


# --- one name --------------------------------------------------------------------------------------------------------


def _column(position: int, name: str, base: ObjectDescribe, describe: Describe) -> WriteColumn:
    """The column of that name; LookupError, in words, where there is none."""
    field = base.field(name)
    if field is None and "." in name:
        return _by_key(position, name, base, describe)
    if field is None:
        raise LookupError(f"{base.name} has no field of this name{_meant(name, base)}")
    if field.type in COMPOUNDS:
        raise LookupError(f"{field.name} is several fields in one; write each of its parts")
    return WriteColumn(position, name, field.name, field)


def _by_key(position: int, name: str, base: ObjectDescribe, describe: Describe) -> WriteColumn:
    """``Owner.Username`` or ``User:Owner.Username``: the reference, with the parent's field that stands for it."""
    path, _, key_name = name.rpartition(".")
    typed, _, relationship = path.rpartition(":")
    reference = base.parent(relationship)
    whole = base.field(path)
    if whole and whole.type in COMPOUNDS:
        raise LookupError(f"{name} is read in one field with others{_own_field(whole, key_name, base)}")
    if reference is None:
        known = [f.relationship_name for f in base.fields if f.relationship_name]
        raise LookupError(f"{base.name} has no parent {relationship}{_nearest(relationship, known)}")
    parent_name = _parent_name(typed, reference)
    parent = describe(parent_name)
    key = parent.field(key_name)
    keys = [f.name for f in parent.fields if _stands_for_record(f)]
    if key is None or not _stands_for_record(key):
        what = f"{key.name} is no key of {parent.name}" if key else f"{parent.name} has no field {key_name}"
        raise LookupError(f"{what}, which is found by {', '.join(keys)}")
    prefix = f"{parent.name}:" if typed else ""
    return WriteColumn(position, name, f"{prefix}{reference.relationship_name}.{key.name}", reference, key)


def _own_field(whole: FieldDescribe, part: str, base: ObjectDescribe) -> str:
    """The field by which a part of an address or a place is written."""
    own = f"{part[:1].upper()}{part[1:]}"
    names = (f"{whole.name.removesuffix('Address')}{own}", f"{whole.name.removesuffix('__c')}__{own}__s")
    found = next((field.name for field in map(base.field, names) if field), None)
    return f"; it is written as {found}" if found else ""


def _parent_name(typed: str, reference: FieldDescribe) -> str:
    """The object that is meant; its name must stand in the header where there are several."""
    parents = reference.reference_to
    if not typed and len(parents) > 1:
        choices = " or ".join(f"{parent}:{reference.relationship_name}" for parent in parents)
        raise LookupError(f"{reference.relationship_name} may be of several objects; write {choices}")
    for parent in parents:
        if typed.casefold() in ("", parent.casefold()):
            return parent
    raise LookupError(f"{reference.relationship_name} is no {typed}, but {' or '.join(parents)}")


def _stands_for_record(field: FieldDescribe) -> bool:
    return field.type == "id" or field.external_id or field.id_lookup


def _meant(name: str, base: ObjectDescribe) -> str:
    """The field that goes by this label, as in a report, else the one of the nearest name."""
    fields = [field for field in base.fields if field.type not in COMPOUNDS]
    labelled = [field.name for field in fields if field.label.casefold() == name.strip().casefold()]
    if len(labelled) == 1:
        return f"; it is the label of {labelled[0]}"
    return _nearest(name, [field.name for field in fields])


def _nearest(name: str, known: Iterable[str]) -> str:
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), folded, 1)
    return f"; did you mean {folded[near[0]]}?" if near else ""


# --- all names together ----------------------------------------------------------------------------------------------


def _repeated(columns: Iterable[WriteColumn]) -> Iterator[Problem]:
    """A field can be written once; a reference either by Id or by a key of the parent."""
    first: dict[str, WriteColumn] = {}
    for column in columns:
        other = first.setdefault(column.field.name, column)
        if other is not column:
            yield Problem(f"writes {column.field.name}, which {other.name} writes already", column.name)


def _key_problems(
    columns: Sequence[WriteColumn], base: ObjectDescribe, operation: Operation, key: str | None
) -> Iterator[Problem]:
    """What is wrong with the columns that say which record is meant."""
    field = base.field(key) if key else None
    if key and field is None:
        keys = [f.name for f in base.fields if _stands_for_record(f)]
        yield Problem(f"{base.name} has no field {key}{_nearest(key, keys)}")
    elif key and field and not _stands_for_record(field):
        keys = [f.name for f in base.fields if _stands_for_record(f)]
        yield Problem(f"{field.name} cannot be the key: records of {base.name} are found by {', '.join(keys)}")
    elif field and not any(column.field is field for column in columns):
        yield Problem(f"the key column {field.name} is missing")
    own_id = next((column for column in columns if column.field.type == "id"), None)
    if own_id is None and operation in NEEDS_ID:
        yield Problem(f"the key column Id is missing: {_a(operation)} says by it which records are meant")
    if own_id and (operation == "insert" or (field and field.type != "id")):
        yield Problem(f"{_a(operation)} takes no Ids of records; leave the column out, or update by it", own_id.name)


def _a(operation: str) -> str:
    return f"{'an' if operation[0] in 'iu' else 'a'} {operation}"


def _size_problems(columns: Sequence[WriteColumn]) -> Iterator[Problem]:
    if len(columns) > MOST_FIELDS:
        yield Problem(f"{len(columns)} columns, where an upload may have {MOST_FIELDS}")
    characters = sum(len(column.header) + 1 for column in columns)
    if characters > MOST_HEADER_CHARACTERS:
        yield Problem(f"a header of {characters} characters, where {MOST_HEADER_CHARACTERS} are allowed")


def _missing(
    column: WriteColumn, base: ObjectDescribe, operation: Operation, key: str | None, nulls: NullPolicy
) -> Literal["leave", "clear", "refuse"]:
    is_id = column.field.type == "id"
    if (is_id and operation in NEEDS_ID) or (key and not is_id and column.field is base.field(key)):
        return "refuse"
    if is_id or operation == "insert":
        return "leave"
    return nulls.get(column.name, "leave") if isinstance(nulls, Mapping) else nulls
