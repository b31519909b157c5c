"""The laws of a secret."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import pprint

import msgspec
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from sfdata.secret import MASK, Secret, StaysHere

CANARY = "canary-4711-value"


@pytest.mark.catalogue("S1")
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>40}".format, "%s".__mod__, pprint.pformat])
def test_no_way_of_printing_shows_it(show):
    """Every form of a secret as text is a mask."""
    shown = show(Secret(CANARY))
    assert CANARY not in shown
    assert MASK in shown


@pytest.mark.catalogue("S5")
@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, vars])
def test_no_way_of_storing_accepts_it(leak):
    """Pickling, copying, JSON and vars() refuse a secret."""
    with pytest.raises(TypeError) as refusal:
        leak(Secret(CANARY))
    assert CANARY not in str(refusal.value)


def test_secrets_compare_by_value_and_never_with_text():
    """Equal texts make equal secrets with equal hashes; a secret equals no string."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != "a"


def test_masked_in_hides_every_occurrence():
    """A text that repeats the secret loses it; an empty secret changes nothing."""
    assert Secret(CANARY).masked_in(f"x{CANARY}y{CANARY}") == f"x{MASK}y{MASK}"
    assert Secret("").masked_in("abc") == "abc"


def test_masked_in_knows_the_forms_of_the_wire():
    """A secret echoed as part of a form or URL is recognised there, too."""
    secret = Secret("a!b c/d")
    assert secret.masked_in("x=a%21b+c%2Fd&y=a%21b%20c%2Fd&z=a!b c/d") == f"x={MASK}&y={MASK}&z={MASK}"


def test_reveal_is_the_only_way_to_the_value():
    """`reveal` gives the text; wrapping twice changes nothing; an empty secret is false."""
    assert Secret(CANARY).reveal() == CANARY
    assert Secret.of(Secret(CANARY)).reveal() == CANARY
    assert not Secret("")
    assert Secret("x")


@pytest.mark.catalogue("S1")
def test_no_display_of_a_notebook_shows_it():
    """What a notebook would draw of a secret, alone or in a frame, is the mask."""
    formatter = DisplayFormatter(parent=None)
    for shown in (Secret(CANARY), [Secret(CANARY)], {"token": Secret(CANARY)}):
        drawn, _ = formatter.format(shown)
        assert drawn
        assert CANARY not in json.dumps(drawn)
    assert CANARY not in pd.DataFrame({"token": [Secret(CANARY)]}).to_html()


def test_its_bytes_are_wiped_when_nobody_holds_it():
    """A secret that is let go of is overwritten where it stood."""
    secret = Secret(CANARY)
    where = secret._Secret__bytes
    assert where == CANARY.encode()
    del secret
    gc.collect()
    assert where == bytes(len(CANARY))


class Anything(StaysHere):
    pass


@pytest.mark.catalogue("S5")
@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_stays_here_says_so(leave):
    """Whatever holds a secret refuses to leave the process, by its name."""
    with pytest.raises(TypeError, match="Anything cannot be pickled or copied"):
        leave(Anything())
