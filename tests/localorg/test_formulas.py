"""The formula language: what parses, what is refused before anything is saved, and what is true of a record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rig.standard_records import SCHEMA, standard

from sfdata.localorg.formulas import FormulaFailed, InvalidFormula, Record, condition
from sfdata.localorg.store import Store

ANN = "005Lo0000000001IAA"
ACME = "001Lo0000000001IAA"
NOW = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
"""In Tokyo, where Ann is, it is the 22nd already."""

DEAL: dict[str, Any] = {
    "Name": "Acme – 100 wheels",
    "AccountId": ACME,
    "OwnerId": ANN,
    "StageName": "Prospecting",
    "Amount": 1000.5,
    "Probability": 25.0,
    "CloseDate": "2026-11-30",
    "IsWon": 0,
    "IsClosed": 0,
    "IsPrivate": 1,
    "NextStep": 'Say "hello"\nand \\ wait',
    "CreatedDate": "2026-11-20T18:00:00.000+0000",
}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store(SCHEMA)
    profile, role = "00eLo0000000001IAA", "00ELo0000000001IAA"
    store.insert(standard("Organization"), {"Id": "00DLo0000000001IAA", "Name": "Wheels Inc", "Country": "US"})
    store.insert(standard("Profile"), {"Id": profile, "Name": "System Administrator"})
    store.insert(standard("UserRole"), {"Id": role, "Name": "CEO"})
    user = {"Id": ANN, "Name": "Ann", "Username": "ann@x.example", "ProfileId": profile, "UserRoleId": role}
    store.insert(standard("User"), {**user, "TimeZoneSidKey": "Asia/Tokyo"})
    account = {"Id": ACME, "Name": "Acme", "Phone": "555-1234", "OwnerId": ANN, "Segments__c": "Red;Green"}
    store.insert(standard("Account"), {**account, "NumberOfEmployees": 7})
    yield store
    store.close()


def holds(
    store: Store, formula: str, row: dict[str, Any] | None = None, before: dict[str, Any] | None = None,
    of: str = "Opportunity",
) -> bool:  # fmt: skip
    """Whether a formula is true for the deal (or the row), which had the values of ``before``."""
    owner = standard(of)
    full = dict.fromkeys(field.name for field in owner.fields if field.stored)
    given = DEAL if of == "Opportunity" else {}
    whole: dict[str, Any] = {**full, **given, **(row or {})}
    was = None if before is None else {**whole, **before}
    return condition(formula, SCHEMA, owner).holds(Record(store, whole, was, ANN, NOW))


TRUE = """
    TRUE
    1 + 2 * 3 = 7
    2 * 3 ^ 2 = 36
    10 - 3 - 2 = 5
    -2 + 3 = 1
    1 < 2 && 2 < 3 || FALSE
    FALSE && FALSE || TRUE
    TRUE || FALSE && FALSE
    NOT FALSE
    !(1 = 2)
    1 <> 2
    1 != 2
    1 == 1.0
    /* what a comment says */ TRUE /* is left out */
    AND(TRUE, 1 = 1, "a" = 'a')
    OR(FALSE, 1 = 1)
    and(true, not(false))
    IF(1 > 2, "one", "two") = "two"
    CASE(3, 1, "one", 3, "three", "other") = "three"
    CASE("x", "y", 1, 2) = 2
    "a" <> "A"
    "it's" = 'it\\'s'
    "a" & "b" & null = "ab"
    "a" + "b" = "ab"
    Amount = 1000.5
    amount > 1000
    ISPICKVAL(StageName, "Prospecting")
    NOT(ISPICKVAL(StageName, "prospecting"))
    ISPICKVAL(LeadSource, "")
    TEXT(StageName) = "Prospecting"
    TEXT(LeadSource) = ""
    CASE(StageName, "Prospecting", 1, "Closed Won", 2, 0) = 1
    CASE(LeadSource, "Web", 1, 9) = 9
    ISBLANK(LeadSource)
    ISBLANK(Description)
    ISBLANK("")
    NOT(ISBLANK(Name))
    ISBLANK(TotalOpportunityQuantity)
    ISNULL(TotalOpportunityQuantity)
    NOT(ISNULL(Description))
    BLANKVALUE(Description, "none") = "none"
    NULLVALUE(Description, "none") = ""
    BLANKVALUE(TotalOpportunityQuantity, 3) = 3
    NULLVALUE(TotalOpportunityQuantity, 3) = 3
    BLANKVALUE(Amount, 3) = 1000.5
    IsPrivate
    IsPrivate = TRUE
    NOT(IsWon)
    Probability = 0.25
    Description = ""
    Description = null
    NextStep = "Say \\"hello\\"\\nand \\\\ wait"
    Account.Name = "Acme"
    ACCOUNT.OWNER.NAME = "Ann"
    Account.Owner.Profile.Name = "System Administrator"
    INCLUDES(Account.Segments__c, "Green")
    NOT(INCLUDES(Account.Segments__c, "Gre"))
    NOT(Account.Parent.IsDeleted)
    ISBLANK(Account.Parent.Phone)
    Account.NumberOfEmployees + 1 = 8
    $User.Id = OwnerId
    $User.Username = "ann@x.example"
    $Profile.Name = "System Administrator"
    $UserRole.Name = "CEO"
    $Organization.Country = "US"
    LEN(AccountId) = 15
    CASESAFEID(AccountId) = "001Lo0000000001IAA"
    BEGINS(Name, "Acme")
    CONTAINS(Name, "wheels")
    NOT(CONTAINS(Name, "Wheels"))
    CONTAINS(Description, "")
    CONTAINS("CA:NV:TX", "NV")
    FIND("e", "Acme") = 4
    FIND("m", "mum", 2) = 3
    FIND("z", "Acme") = 0
    LEFT("abc", 2) & RIGHT("abc", 2) = "abbc"
    RIGHT("abc", 0) = ""
    RIGHT("abc", 9) = "abc"
    LEFT("abc", -1) = ""
    MID("abcdef", 2, 3) = "bcd"
    MID("abc", 0, 1) = "a"
    LEN("abc") = 3
    LEN(Description) = 0
    UPPER("aß") & LOWER("AB") = "ASSab"
    TRIM("  a ") = "a"
    LPAD("7", 3, "0") = "007"
    RPAD("ab", 5, "xy") = "abxyx"
    LPAD("abc", 2) = "ab"
    SUBSTITUTE("a-b-c", "-", "") = "abc"
    BR() = "\\n"
    ISNUMBER("12.5")
    NOT(ISNUMBER("12,5"))
    NOT(ISNUMBER(Description))
    VALUE("12.50") = 12.5
    TEXT(12.50) = "12.5"
    TEXT(100000) = "100000"
    ABS(-3) = 3
    MOD(-7, 3) = -1
    MAX(1, 3, 2) = 3
    MIN(4, 3) = 3
    ROUND(2.5, 0) = 3
    ROUND(-2.5, 0) = -3
    ROUND(1250, -2) = 1300
    TRUNC(2.79, 1) = 2.7
    CEILING(-2.1) = -3
    FLOOR(-2.9) = -2
    MCEILING(-2.1) = -2
    MFLOOR(-2.1) = -3
    SQRT(16) = 4
    10 / 4 = 2.5
    0.1 + 0.2 = 0.3
    REGEX("12345-6789", "\\\\d{5}(-\\\\d{4})?")
    NOT(REGEX("٣", "\\\\d"))
    NOT(REGEX("12345x", "\\\\d{5}"))
    NOT(REGEX(Description, ".+"))
    REGEX("K1A 0B6", "((?i)[a-z]\\\\d[A-Z] ?\\\\d[a-z]\\\\d)?")
    NOT(REGEX("aB", "(?:(?i)A)b"))
    REGEX("xB", "x(?i)a|xb|b")
    TODAY() = DATE(2026, 11, 22)
    CloseDate = DATE(2026, 11, 30)
    CloseDate - TODAY() = 8
    CloseDate + 1 = DATE(2026, 12, 1)
    1 + CloseDate > CloseDate
    TODAY() - 1.9 = DATE(2026, 11, 21)
    YEAR(CloseDate) * 100 + MONTH(CloseDate) = 202611
    DAY(CloseDate) = 30
    WEEKDAY(DATE(2026, 11, 22)) = 1
    WEEKDAY(DATE(2026, 11, 21)) = 7
    ADDMONTHS(DATE(2026, 1, 31), 1) = DATE(2026, 2, 28)
    ADDMONTHS(CloseDate, 1) = DATE(2026, 12, 31)
    ADDMONTHS(DATE(2026, 3, 15), -14) = DATE(2025, 1, 15)
    DATEVALUE("2026-11-30") = CloseDate
    DATEVALUE(CreatedDate) = DATE(2026, 11, 21)
    TEXT(CloseDate) = "2026-11-30"
    TEXT(CreatedDate) = "2026-11-20 18:00:00Z"
    DATETIMEVALUE("2026-11-20 18:00:00") = CreatedDate
    DATETIMEVALUE(DATE(2026, 11, 20)) + 0.75 = CreatedDate
    NOW() - CreatedDate < 1.25
    NOW() - CreatedDate > 1.2
    HOUR(TIMEVALUE(CreatedDate)) = 18
    TEXT(TIMEVALUE("23:59:59.500") + 1000) = "00:00:00.500"
    TIMEVALUE("00:00:01.000") - TIMEVALUE("23:59:59.000") = 2000
"""

NOT_TRUE = """
    FALSE
    null
    TotalOpportunityQuantity = null
    TotalOpportunityQuantity <> 1
    NOT(TotalOpportunityQuantity = 1)
    TotalOpportunityQuantity < 1
    NOT(TotalOpportunityQuantity < 1)
    TotalOpportunityQuantity + 1 > 0
    MAX(1, TotalOpportunityQuantity) > 0
    IF(TotalOpportunityQuantity > 1, TRUE, FALSE)
    AND(TRUE, TotalOpportunityQuantity > 1)
    OR(FALSE, TotalOpportunityQuantity > 1)
    NOT(BEGINS(Description, "x"))
    NOT(CONTAINS(Description, "x"))
    Account.Parent.NumberOfEmployees > 0
    VALUE(Description) > 0
    DATEVALUE(Description) < TODAY()
    null + 1 = 1
"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("formula", lines(TRUE))
def test_true(store: Store, formula: str) -> None:
    """These are true of the deal, as Salesforce's engine and help pages have it."""
    assert holds(store, formula)


@pytest.mark.parametrize("formula", lines(NOT_TRUE))
def test_not_true(store: Store, formula: str) -> None:
    """What is false or null does not hold; nor does the negation of null."""
    assert not holds(store, formula)


@pytest.mark.parametrize(
    ("formula", "on_create", "unchanged", "changed"),
    [
        ("ISNEW()", True, False, False),
        ("ISCHANGED(Amount)", False, False, True),
        ("PRIORVALUE(Amount) = 1000", False, False, True),
        ("PRIORVALUE(Amount) = 1000.5", False, True, False),
        ("ISPICKVAL(PRIORVALUE(StageName), 'Closed Lost')", False, False, True),
        ('TEXT(PRIORVALUE(StageName)) = "Closed Lost"', False, False, True),
        ('ISPICKVAL(PRIORVALUE(StageName), "")', True, False, False),
        ("PRIORVALUE(IsWon)", False, False, True),
        ("ISCLONE()", False, False, False),
    ],
)
def test_what_it_was(store: Store, formula: str, on_create: bool, unchanged: bool, changed: bool) -> None:
    """A formula can ask what a save changes, and a new record changes nothing."""
    assert holds(store, formula) is on_create
    assert holds(store, formula, before={}) is unchanged
    assert holds(store, formula, before={"Amount": 1000.0, "StageName": "Closed Lost", "IsWon": 1}) is changed


def test_an_owner_is_a_user_or_a_queue(store: Store) -> None:
    """Where a parent may be of several objects, the path says which, and leads nowhere for another."""
    case = {"OwnerId": ANN}
    assert holds(store, 'Owner:User.Name = "Ann"', case, of="Case")
    assert holds(store, "ISBLANK(Owner:Queue.Name)", case, of="Case")


@pytest.mark.parametrize(
    ("formula", "complaint"),
    [
        ("", "The formula ends too early (at character 1)"),
        ("Amount >", "The formula ends too early (at character 9)"),
        ("(Amount > 1", "Missing ')' (at character 12)"),
        ("Amount > 1)", "Extra ')' (at character 11)"),
        ("Amount > 1 2", "Found '2'"),
        ("Amount # 1", "Found '#'"),
        ("AND(TRUE,)", "Found ')'"),
        ("/* TRUE", "A comment is never closed"),
        ('Name = "x', "never closed"),
        ('REGEX(Name, "\\d")', "has a backslash that is not doubled"),
        ("ISBLNK(Amount)", "Unknown function ISBLNK. Check spelling. Did you mean ISBLANK? (at character 1)"),
        ("Amont > 1", "Field Amont does not exist. Check spelling. Did you mean Amount?"),
        ("Account.Nam = 'x'", "Field Account.Nam does not exist. Check spelling. Did you mean Name?"),
        ("Acount.Name = 'x'", "Field Acount.Name does not exist"),
        ("Account. = 'x'", "Field Account. does not exist"),
        ("$Permission.Skip", "Global variable $Permission.Skip does not exist. There are fields of $User, $Profile"),
        ("ISBLANK($User)", "Global variable $User does not exist"),
        ("Name", "Formula result is data type (Text), incompatible with expected data type (Boolean)"),
        ("StageName = 'x'", "Field StageName is a picklist field. Picklist fields are only supported in certain"),
        ("Account.Segments__c = 'x'", "Field Account.Segments__c is a multi-select picklist field"),
        ("ISPICKVAL(Name, 'x')", "The first parameter of 'ISPICKVAL()' must be a picklist field"),
        ("ISPICKVAL(StageName, Name)", "Parameter 2 of 'ISPICKVAL()' must be a text literal"),
        ("CASE(StageName, Name, 1, 2) = 1", "Parameter 2 of 'CASE()' must be a text literal"),
        ("CASE(1, 2, 3) = 3", "number of parameters for function 'CASE()'. Expected 4, received 3"),
        ("CASE(1, 2, 3, 4, 5) = 3", "number of parameters for function 'CASE()'. Expected 4, received 5"),
        ("CASE(1, 2, TRUE, FALSE)", "type for function 'CASE()'"),
        ("CASE(1, 'a', 3, 4) = 3", "function 'CASE()'. Expected Number, received Text (at character 9)"),
        ("INCLUDES(StageName, 'x')", "must be a multi-select picklist field"),
        ("LEN(Amount) > 1", "Incorrect parameter type for function 'LEN()'. Expected Text, received Number"),
        ("LEN(Name, 1) > 1", "number of parameters for function 'LEN()'. Expected 1, received 2"),
        ("FIND('a') > 1", "number of parameters for function 'FIND()'. Expected 2, received 1"),
        ("MAX() > 1", "number of parameters for function 'MAX()'. Expected 1, received 0"),
        ("MAX(1, 2, 'x') > 1", "function 'MAX()'. Expected Number, received Text (at character 11)"),
        ("AND()", "number of parameters for function 'AND()'"),
        ("AND(TRUE, 1)", "function 'AND()'. Expected Boolean, received Number"),
        ("IF(1, TRUE, FALSE)", "function 'IF()'. Expected Boolean, received Number"),
        ("IF(TRUE, 1, 'a') = 1", "function 'IF()'. Expected Number, received Text"),
        ("Name > 'a'", "operator '>'. Expected Number, Date, DateTime, Time, received Text"),
        ("Amount > CloseDate", "operator '>'. Expected Number, received Date"),
        ("CreatedDate > TODAY()", "operator '>'. Expected DateTime, received Date"),
        ("Name = 1", "operator '='. Expected Text, received Number"),
        ("CloseDate + CloseDate = CloseDate", "operator '+'. Expected Number, received Date"),
        ("1 - CloseDate = 1", "operator '-'. Expected Number, received Date"),
        ("IsWon + 1 = 2", "operator '+'. Expected Number, Date, DateTime, received Boolean"),
        ("-Name = 1", "operator 'unary -'. Expected Number, received Text"),
        ("ISBLANK(IsWon)", "function 'ISBLANK()'. Expected Text, Number, Date, DateTime, Time, received Boolean"),
        ("ISCHANGED(Account.Name)", "'ISCHANGED()' must be given a field of the record itself"),
        ("PRIORVALUE(Amount + 1) = 1", "'PRIORVALUE()' must be given a field of the record itself"),
        ("REGEX(Name, '(')", "REGEX(): the pattern cannot be used"),
        ("REGEX(Name, '[a&&[b]]')", "REGEX(): the pattern cannot be used"),
        ("1 = 1 /*" + "x" * 4000 + "*/", "Formula is too long (4,010 characters). Maximum is 3,900."),
        ("(" * 1900 + "1" + ")" * 1900, "nested too deeply"),
        ("!" * 3000 + "TRUE", "nested too deeply"),
        ("1" + "+1" * 1900 + "=1", "nested too deeply"),
    ],
)
def test_refused_before_any_save(formula: str, complaint: str) -> None:
    """A formula that no org would take is refused when it is declared, with what is wrong and where."""
    with pytest.raises(InvalidFormula) as caught:
        condition(formula, SCHEMA, standard("Opportunity"))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "of", "complaint"),
    [
        ("ISBLANK(BillingAddress)", "Account", "Field BillingAddress may not be used in this type of formula"),
        ("Owner.Name = 'x'", "Case", "may be of several objects, or of another one: write Owner:Group or Owner:User"),
        ("Owner:Account.Name = 'x'", "Case", "write Owner:Group or Owner:User"),
    ],
)
def test_refused_of_other_objects(formula: str, of: str, complaint: str) -> None:
    """Compound fields have no value in a formula, and a path leads to one object."""
    with pytest.raises(InvalidFormula) as caught:
        condition(formula, SCHEMA, standard(of))
    assert complaint in str(caught.value)


def test_long_chains_are_no_depth(store: Store) -> None:
    """A rule may name as many conditions as its length allows."""
    assert not holds(store, " || ".join(["FALSE"] * 400))
    assert holds(store, " && ".join(["TRUE"] * 400))


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("1 / (Amount - Amount) = 1", "division by zero"),
        ("MOD(1, 0) = 1", "division by zero"),
        ("0 / 0 = 1", "division by zero"),
        ("10 ^ 999999 > 1", "a number is out of range"),
        ("SQRT(-1) > 1", "a number is out of range"),
        ("VALUE(Name) > 1", "the text is no number"),
        ("DATEVALUE(Name) = TODAY()", "the text is no date such as 2026-06-30"),
        ("DATETIMEVALUE(Name) = NOW()", "the text is no date and time"),
        ("TIMEVALUE(Name) = TIMENOW()", "the text is no time"),
        ("DATE(2026, 2, 30) = TODAY()", "day is out of range for month"),
        ("TODAY() + 9999999 = TODAY()", "date value out of range"),
        ("ADDMONTHS(TODAY(), 999999) = TODAY()", "the year is out of range"),
        ("REGEX(Name, '(' & '')", "the pattern cannot be used"),
    ],
)
def test_a_formula_without_a_value_says_so(store: Store, formula: str, problem: str) -> None:
    """What cannot be evaluated for a record is neither true nor false."""
    with pytest.raises(FormulaFailed) as caught:
        holds(store, formula)
    assert problem in str(caught.value)


def test_only_what_is_wanted_is_evaluated(store: Store) -> None:
    """IF, AND, OR and CASE look no further than they must, so they can guard a division."""
    assert holds(store, "IF(Amount = 0, 1 / 0, 2) = 2")
    assert holds(store, "OR(TRUE, 1 / 0 = 1)")
    assert not holds(store, "FALSE && 1 / 0 = 1")
    assert holds(store, "CASE(1, 1, 5, 2, 1 / 0, 1 / 0) = 5")
