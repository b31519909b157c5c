"""What stands between the braces of FIND: words, phrases, wildcards, operators and their order."""

from __future__ import annotations

import pytest

from sfdata.localorg.answers import ApiError
from sfdata.localorg.sosl.matching import full_text_query
from sfdata.localorg.sosl.records import shared_out
from sfdata.localorg.sosl.terms import And, AndNot, Or, Phrase, Term, folded, parse_terms


def p(*words: str) -> Phrase:
    return Phrase(words)


def both(*items: Term) -> And:
    return And(items)


def either(*items: Term) -> Or:
    return Or(items)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("acme", p("acme")),
        ("  Acme\n", p("acme")),
        ("Joe Smith", both(p("joe"), p("smith"))),
        ('"Joe Smith"', p("joe", "smith")),
        ('say "Joe  Smith" now', both(p("say"), p("joe", "smith"), p("now"))),
        ("joe AND smith", both(p("joe"), p("smith"))),
        ("joe or smith", either(p("joe"), p("smith"))),
        ("joe AND NOT smith", AndNot(p("joe"), p("smith"))),
        ("joe and not smith", AndNot(p("joe"), p("smith"))),
        # OR binds last, AND and AND NOT from right to left
        ("aa OR bb AND cc", either(p("aa"), both(p("bb"), p("cc")))),
        ("aa bb OR cc", either(both(p("aa"), p("bb")), p("cc"))),
        ("aa AND NOT bb AND cc", AndNot(p("aa"), both(p("bb"), p("cc")))),
        ("aa AND bb AND NOT cc", both(p("aa"), AndNot(p("bb"), p("cc")))),
        ("aa AND NOT bb AND NOT cc", AndNot(p("aa"), AndNot(p("bb"), p("cc")))),
        ("(aa AND NOT bb) AND cc", both(AndNot(p("aa"), p("bb")), p("cc"))),
        ("(aa OR bb) AND (cc OR dd)", both(either(p("aa"), p("bb")), either(p("cc"), p("dd")))),
        ("(aa OR bb) cc", both(either(p("aa"), p("bb")), p("cc"))),
        ("((aa))", p("aa")),
        # quoted operators, and those with nothing to connect, are words
        ('"and" or "or"', either(p("and"), p("or"))),
        ("aa AND", both(p("aa"), p("and"))),
        ("OR aa", both(p("or"), p("aa"))),
        ("NOT aa", both(p("not"), p("aa"))),
        ("(aa OR) bb", both(p("aa"), p("or"), p("bb"))),
        # wildcards, but not at the beginning
        ("john*", p("john*")),
        ("jo?n m*t", both(p("jo?n"), p("m*t"))),
        ("*john ?an", both(p("john"), p("an"))),
        ('"my wo?d"', p("my", "wo?d")),
        ("aa *", p("aa")),
        # escapes and punctuation divide words, which must then follow each other
        (r"Marie\-Pier", p("marie", "pier")),
        (r"O\'Brien", p("o", "brien")),
        (r"what\?", p("what")),
        (r"\*\*star", p("star")),
        ("jane_gray@uoa.edu", p("jane", "gray", "uoa", "edu")),
        ("AT&T".replace("&", r"\&"), p("at", "t")),
        (r'"a \"quoted\" text"', p("a", "quoted", "text")),
        (r"aa \} bb", both(p("aa"), p("bb"))),
        # letters of any script, without case and accents
        ("MÜLLER Ñandú", both(p("muller"), p("nandu"))),
        ("u\u0308ber", p("uber")),
        ("Москва", p("москва")),
        ("한국", p("한국")),
    ],
)
def test_terms_have_one_reading(text: str, term: Term) -> None:
    """The tree of a search term."""
    assert parse_terms(text) == term


@pytest.mark.parametrize(
    ("text", "column", "found"),
    [
        ("FIND {Marie-Pier Martin}", 11, "-"),
        ("FIND {John|jane_gray@uoa.edu} RETURNING Contact", 10, "|"),
        ("FIND {aa [bb}", 9, "["),
        ("FIND {aa)}", 8, ")"),
        ("FIND {(aa ()}", 11, ")"),
        ("FIND {(aa}", 9, "}"),
        ('FIND {"aa}', 9, "}"),
    ],
)
def test_what_must_be_escaped_is_refused_with_its_place(text: str, column: int, found: str) -> None:
    """As recorded of real orgs: the line, a caret before the place, and the column counted from 0."""
    with pytest.raises(ApiError) as refused:
        parse_terms(text, text.index("{") + 1, text.index("}"))
    place = f"{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}"
    expected = f"\n{text}\n{place}\nline 1:{column} mismatched character '{found}' expecting '}}'"
    assert (refused.value.error_code, refused.value.message) == ("MALFORMED_SEARCH", expected)


def test_parameters_need_no_escapes() -> None:
    """Where there are no braces, reserved characters only divide words."""
    assert parse_terms("Marie-Pier | x1", lenient=True) == both(p("marie"), p("pier"), p("x1"))


@pytest.mark.parametrize("text", ["", " ", "a", "a*", "?*", "**", "\\*\\*", "()", '""', "-".replace("-", r"\-")])
def test_one_character_is_too_few(text: str) -> None:
    """Wildcards and punctuation do not count."""
    with pytest.raises(ApiError) as refused:
        parse_terms(text)
    assert refused.value.error_code == "INVALID_SEARCH"
    assert refused.value.message == f"search term must be longer than one character: {text.strip()}"


def test_long_terms_lose_their_operators() -> None:
    """Over 4,000 characters any of the words will do; over 10,000 nothing is found."""
    assert parse_terms("aa AND bb" + " " * 4000) == either(p("aa"), p("bb"))
    assert parse_terms("aa " * 3334) is None
    assert isinstance(parse_terms("aa bb " + "cc " * 1000), And)


@pytest.mark.parametrize("text", ["(" * 300 + "aa" + ")" * 300, "aa AND NOT " * 300 + "aa"])
def test_depth_is_bounded(text: str) -> None:
    """A term nested more deeply than the index could follow is refused, not a crash."""
    with pytest.raises(ApiError) as refused:
        parse_terms(text)
    assert refused.value.error_code == "MALFORMED_SEARCH"


def test_folding_forgets_case_and_accents_only() -> None:
    """Letters stay the letters they are."""
    assert [folded(text) for text in ("Ärger", "ÉCOLE", "İzmir", "Straße", "й")] == [
        "arger",
        "ecole",
        "izmir",
        "straße",
        "и",
    ]


def test_wildcards_inside_words_are_spelled_out() -> None:
    """By the words the index has; none of them, and nothing can be found."""
    known = {"jo?n": ["joan", "john"], "wo?d": ["wood", "word"], "x?x": []}
    ask = known.__getitem__
    assert full_text_query(p("jo?n"), ask) == '("joan") OR ("john")'
    assert full_text_query(p("my", "wo?d"), ask) == '("my wood") OR ("my word")'
    assert full_text_query(p("my", "wor*"), ask) == '"my wor" *'
    assert full_text_query(both(p("x?x"), p("aa")), ask) is None
    assert full_text_query(either(p("x?x"), p("aa")), ask) == '"aa"'
    assert full_text_query(AndNot(p("aa"), p("x?x")), ask) == '"aa"'


@pytest.mark.parametrize(
    ("counts", "limit", "shares"),
    [
        ([19, 35], 20, [10, 10]),
        ([20, 100], 100, [20, 80]),
        ([7, 100], 100, [7, 93]),
        ([5, 5, 5], 2, [1, 1, 0]),
        ([0, 3], 10, [0, 3]),
        ([], 10, []),
        ([4, 4], 0, [0, 0]),
        ([1, 9, 9], 9, [1, 4, 4]),
    ],
)
def test_limit_is_shared_evenly(counts: list[int], limit: int, shares: list[int]) -> None:
    """What one object does not need goes to the others; the documentation's examples among them."""
    assert shared_out(counts, limit) == shares
