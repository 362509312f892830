"""The tests of count.py."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(HERE))

from count import count


@pytest.mark.parametrize(("text", "expected"), [("", 0), ("a", 1), ("a A a", 3), ("b a", 1)])
def test_letter(text, expected):
    assert count(text)["a"] == expected


def test_fetched_words():
    words = count((HERE / "data" / "words.txt").read_text())
    assert words["the"] == 4
