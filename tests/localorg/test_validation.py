"""What a field accepts and in which form it is kept."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.records.validation import RecordRefused, Unreadable, stored_form
from sfdata.localorg.schema import Field, PicklistValue

COLOURS = tuple(PicklistValue(value, value) for value in ("Red", "Green", "Blue"))
RETIRED = (*COLOURS, PicklistValue("Beige", "Beige", active=False))

TEXT = Field("Label__c", "string", "Label", length=15)
LONG_TEXT = Field("Notes__c", "textarea", "Notes", length=32000)
EMAIL = Field("Email", "email", "Email", length=80)
PHONE = Field("Phone", "phone", "Phone", length=40)
URL = Field("Website", "url", "Website", length=255)
OPEN_PICKLIST = Field("Colour__c", "picklist", "Colour", length=255, picklist=COLOURS)
PICKLIST = Field("Colour__c", "picklist", "Colour", length=255, picklist=RETIRED, restricted_picklist=True)
OPEN_SEVERAL = Field("Colours__c", "multipicklist", "Colours", length=4099, picklist=COLOURS)
SEVERAL = Field("Colours__c", "multipicklist", "Colours", length=4099, picklist=COLOURS, restricted_picklist=True)
MONEY = Field("Amount__c", "currency", "Amount", precision=18, scale=2)
SHARE = Field("Share__c", "percent", "Share", precision=3, scale=0)
DEGREES = Field("Place__Latitude__s", "double", "Place", precision=18, scale=15)
COUNT = Field("NumberOfEmployees", "int", "Employees", digits=8)
LONG = Field("Size__c", "long", "Size")
CHECK = Field("Active__c", "boolean", "Active", nillable=False)
DAY = Field("Birthdate", "date", "Birthdate")
MOMENT = Field("Start__c", "datetime", "Start")
HOUR = Field("Opening__c", "time", "Opening")
ACCOUNT = Field("AccountId", "reference", "Account ID", length=18, reference_to=("Account",))
BODY = Field("Body", "base64", "Body")

ACCEPTED = [
    (TEXT, "  Acme\t\r\n", "Acme"),
    (TEXT, " \x1f ", None),
    (TEXT, "", None),
    (TEXT, "\u00a0Acme\u00a0", "\u00a0Acme\u00a0"),
    (TEXT, "fifteen letters", "fifteen letters"),
    (TEXT, None, None),
    (LONG_TEXT, 'a\r\nb, "c" 😀', 'a\r\nb, "c" 😀'),
    (EMAIL, "o'neil+x@müller.example", "o'neil+x@müller.example"),
    (EMAIL, "a.b@c.co.example ", "a.b@c.co.example"),
    (PHONE, "ask for Ann", "ask for Ann"),
    (URL, "example.com/a b", "example.com/a b"),
    (OPEN_PICKLIST, "Mauve", "Mauve"),
    (OPEN_PICKLIST, "red", "red"),
    (PICKLIST, "Red", "Red"),
    (PICKLIST, "gReEn", "Green"),
    (PICKLIST, "", None),
    (OPEN_SEVERAL, "Blue; red;;Blue;Mauve;Ash", "Red;Blue;Mauve;Ash"),
    (SEVERAL, "Blue;Red", "Red;Blue"),
    (SEVERAL, ";", None),
    (MONEY, 23, 23.0),
    (MONEY, "23.456", 23.45),
    (MONEY, -23.999, -23.99),
    (MONEY, 0.29, 0.29),
    (MONEY, "1e3", 1000.0),
    (MONEY, "1e-999", 0.0),
    (MONEY, -0.001, 0.0),
    (MONEY, 9_999_999_999_999_999, 9_999_999_999_999_999.0),
    (SHARE, 100.9, 100.0),
    (SHARE, "-999", -999.0),
    (DEGREES, 51.0504, 51.0504),
    (COUNT, 99_999_999, 99_999_999),
    (COUNT, "-250", -250),
    (LONG, 2**40, 2**40),
    (CHECK, True, 1),
    (CHECK, False, 0),
    (CHECK, "true", 1),
    (CHECK, "false", 0),
    (DAY, "2024-02-29", "2024-02-29"),
    (DAY, "2024-02-29Z", "2024-02-29"),
    (DAY, "2024-02-29+05:00", "2024-02-29"),
    (DAY, "2024-02-29T23:30:00.000-07:00", "2024-03-01"),
    (DAY, "2024-02-29T00:00:00Z", "2024-02-29"),
    (DAY, "1700-01-01", "1700-01-01"),
    (DAY, "4000-12-31", "4000-12-31"),
    (MOMENT, "2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00.000+0000"),
    (MOMENT, "2024-01-01T00:30:00.987+0100", "2023-12-31T23:30:00.000+0000"),
    (MOMENT, "2024-01-01T00:30:00Z", "2024-01-01T00:30:00.000+0000"),
    (MOMENT, "2024-01-01T00:30:00.123456789Z", "2024-01-01T00:30:00.000+0000"),
    (MOMENT, "2024-01-01T00:30Z", "2024-01-01T00:30:00.000+0000"),
    (MOMENT, "2024-01-01T00:30:00", "2024-01-01T00:30:00.000+0000"),
    (HOUR, "09:30:00.000Z", "09:30:00.000Z"),
    (HOUR, "09:30:05.5", "09:30:05.500Z"),
    (HOUR, "23:59:59Z", "23:59:59.000Z"),
    (HOUR, "23:59:00.000000Z", "23:59:00.000Z"),
    (ACCOUNT, "001D000000IqhSL", "001D000000IqhSLIAZ"),
    (ACCOUNT, "001D000000IqhSLIAZ", "001D000000IqhSLIAZ"),
    (ACCOUNT, "", None),
    (BODY, "aGVs\nbG8=", b"hello"),
    (BODY, "", b""),
]


@pytest.mark.parametrize(("field", "given_value", "kept"), ACCEPTED)
def test_accepted(field: Field, given_value: object, kept: object) -> None:
    """A value in any of the accepted forms is kept in the one form of its type."""
    stored = stored_form(field, given_value)
    assert stored == kept
    assert type(stored) is type(kept)


READ_FROM = [
    (TEXT, 5, "string from VALUE_NUMBER_INT value 5"),
    (TEXT, 5.5, "string from VALUE_NUMBER_FLOAT value 5.5"),
    (TEXT, True, "string from VALUE_TRUE value true"),
    (TEXT, {"a": 1}, "string from START_OBJECT value {"),
    (SEVERAL, ["Red"], "multipicklist from START_ARRAY value ["),
    (TEXT, "a\0b", "string from VALUE_STRING value a\0b"),
    (TEXT, "a\ud800b", "string from VALUE_STRING value a?b"),
    (ACCOUNT, 1, "reference from VALUE_NUMBER_INT value 1"),
    (MONEY, "$100", "currency from VALUE_STRING value $100"),
    (MONEY, "1,000", "currency from VALUE_STRING value 1,000"),
    (MONEY, "", "currency from VALUE_STRING value "),
    (MONEY, "NaN", "currency from VALUE_STRING value NaN"),
    (MONEY, "1_0", "currency from VALUE_STRING value 1_0"),
    (MONEY, "٣", "currency from VALUE_STRING value ٣"),
    (MONEY, math.nan, "currency from VALUE_NUMBER_FLOAT value nan"),
    (MONEY, math.inf, "currency from VALUE_NUMBER_FLOAT value inf"),
    (MONEY, False, "currency from VALUE_FALSE value false"),
    (COUNT, 250.0, "int from VALUE_NUMBER_FLOAT value 250.0"),
    (COUNT, "250.0", "int from VALUE_STRING value 250.0"),
    (CHECK, "FALSE", "boolean from VALUE_STRING value FALSE"),
    (CHECK, 1, "boolean from VALUE_NUMBER_INT value 1"),
    (CHECK, "", "boolean from VALUE_STRING value "),
    (DAY, "2023-02-29", "date from VALUE_STRING value 2023-02-29"),
    (DAY, "29/02/2024", "date from VALUE_STRING value 29/02/2024"),
    (DAY, "2017-05-30T-06:00:00X", "date from VALUE_STRING value 2017-05-30T-06:00:00X"),
    (DAY, "2015-08-25T11:49:53.0113029-07:00", "date from VALUE_STRING value 2015-08-25T11:49:53.0113029-07:00"),
    (DAY, "", "date from VALUE_STRING value "),
    (MOMENT, "2017-10-17 00:00:00", "datetime from VALUE_STRING value 2017-10-17 00:00:00"),
    (MOMENT, "2024-07-30 20:54:16 UTC", "datetime from VALUE_STRING value 2024-07-30 20:54:16 UTC"),
    (MOMENT, "2024-07-30", "datetime from VALUE_STRING value 2024-07-30"),
    (MOMENT, "2024-07-30T25:00:00Z", "datetime from VALUE_STRING value 2024-07-30T25:00:00Z"),
    (MOMENT, 1_700_000_000_000, "datetime from VALUE_NUMBER_INT value 1700000000000"),
    (HOUR, "9:30", "time from VALUE_STRING value 9:30"),
    (HOUR, "24:00:00Z", "time from VALUE_STRING value 24:00:00Z"),
    (BODY, "not base64!", "base64 from VALUE_STRING value not base64!"),
]


@pytest.mark.parametrize(("field", "given_value", "told"), READ_FROM)
def test_unreadable(field: Field, given_value: object, told: str) -> None:
    """JSON that a type cannot be read from is refused in the words of Salesforce's parser."""
    with pytest.raises(Unreadable) as refused:
        stored_form(field, given_value)
    message = f"Cannot deserialize instance of {told} or request may be missing a required field"
    assert refused.value.body() == [{"message": message, "errorCode": "JSON_PARSER_ERROR"}]
    assert refused.value.field_name == field.name


NOT_IN_PICKLIST = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
OUT_OF_RANGE = "NUMBER_OUTSIDE_VALID_RANGE"
BAD_EMAIL = "INVALID_EMAIL_ADDRESS"

REFUSED = [
    (TEXT, "sixteen letters!", "STRING_TOO_LONG", "data value too large: sixteen letters! (max length=15)"),
    (EMAIL, "abc", BAD_EMAIL, "invalid email address: abc"),
    (EMAIL, "a@b", BAD_EMAIL, "invalid email address: a@b"),
    (EMAIL, "a b@c.example", BAD_EMAIL, "invalid email address: a b@c.example"),
    (EMAIL, "a@c.example;b@c.example", BAD_EMAIL, "invalid email address: a@c.example;b@c.example"),
    (PICKLIST, "Mauve", NOT_IN_PICKLIST, "bad value for restricted picklist field: Mauve"),
    (PICKLIST, "Beige", NOT_IN_PICKLIST, "bad value for restricted picklist field: Beige"),
    (SEVERAL, "Red;Mauve", NOT_IN_PICKLIST, "bad value for restricted picklist field: Mauve"),
    (MONEY, 10**16, OUT_OF_RANGE, "value outside of valid range on numeric field: 10000000000000000"),
    (MONEY, "1e400", OUT_OF_RANGE, "value outside of valid range on numeric field: 1e400"),
    (SHARE, 1000, OUT_OF_RANGE, "value outside of valid range on numeric field: 1000"),
    (COUNT, 1431655766, OUT_OF_RANGE, "value outside of valid range on numeric field: 1431655766"),
    (LONG, 2**63, OUT_OF_RANGE, "value outside of valid range on numeric field: 9223372036854775808"),
    (CHECK, None, "INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type: "),
    (DAY, "5000-01-01", OUT_OF_RANGE, "invalid date: Wed Jan 01 00:00:00 GMT 5000"),
    (MOMENT, "1699-12-31T23:59:59Z", OUT_OF_RANGE, "invalid date: Thu Dec 31 23:59:59 GMT 1699"),
    (ACCOUNT, "abc", "MALFORMED_ID", "id value of incorrect type: abc"),
    (ACCOUNT, "001D000000IqhSLIBZ", "MALFORMED_ID", "id value of incorrect type: 001D000000IqhSLIBZ"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "given_value", "code", "problem"), REFUSED)
def test_refused(field: Field, given_value: object, code: str, problem: str) -> None:
    """A readable value that the field does not allow is an error of the record that names the field."""
    with pytest.raises(RecordRefused) as refused:
        stored_form(field, given_value)
    message = f"{field.label}: {problem}"
    assert refused.value.body() == [{"message": message, "errorCode": code, "fields": [field.name]}]
    assert refused.value.status == 400


@given(st.text(max_size=40))
def test_text_keeps_what_is_not_around_it(text: str) -> None:
    """Text without NUL comes back unchanged but for the control characters and spaces around it; none is null."""
    plain = text.replace("\0", "")
    around = [n for n, c in enumerate(plain) if ord(c) > 0x20]
    inner = plain[around[0] : around[-1] + 1] if around else None
    assert stored_form(LONG_TEXT, plain) == inner


@given(st.floats(min_value=-1e15, max_value=1e15, allow_nan=False))
def test_numbers_are_cut_towards_zero(number: float) -> None:
    """A number loses at most what lies beyond its scale, never gains, and is then stable."""
    kept = stored_form(MONEY, number)
    given_exactly, kept_exactly = Decimal(str(number)), Decimal(str(kept))
    assert abs(kept_exactly) <= abs(given_exactly)
    assert abs(given_exactly - kept_exactly) < Decimal("0.01")
    assert stored_form(MONEY, kept) == kept


@given(
    st.datetimes(min_value=datetime(1701, 1, 1), max_value=datetime(3999, 12, 30)),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_datetimes_keep_their_instant(naive: datetime, minutes: int) -> None:
    """A datetime in any zone is kept as the same instant in UTC, without its fraction of a second."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    kept = stored_form(MOMENT, moment.isoformat())
    assert kept.endswith(".000+0000")
    assert datetime.strptime(kept, "%Y-%m-%dT%H:%M:%S.000%z") == moment.astimezone(UTC).replace(microsecond=0)


@given(st.dates(min_value=date(1700, 1, 1), max_value=date(4000, 12, 31)), st.times())
def test_dates_and_times_come_back(day: date, hour: time) -> None:
    """A date is kept as it is; a time to the millisecond."""
    assert stored_form(DAY, day.isoformat()) == day.isoformat()
    milliseconds = f"{hour:%H:%M:%S}.{hour.microsecond // 1000:03d}Z"
    assert stored_form(HOUR, milliseconds) == milliseconds
