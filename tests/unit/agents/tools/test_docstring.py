"""Docstrings in the conventions that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.tools.docstring import read_docstring

GOOGLE = """Sends a letter.

    It goes by post.

    Args:
        to (str): Who gets it,
            with the street.
        *pages: What is in it: text.

    Returns:
        to: not a parameter.
    """
SPHINX = """Sends a letter.

    It goes by post.

    :param str to: Who gets it,
        with the street.
    :param pages: What is in it: text.
    :returns: nothing
    """
NUMPY = """Sends a letter.

    It goes by post.

    Parameters
    ----------
    to : str
        Who gets it,
        with the street.
    pages
        What is in it: text.

    Returns
    -------
    to
        not a parameter.
    """


@pytest.mark.parametrize("text", [GOOGLE, SPHINX, NUMPY], ids=["google", "sphinx", "numpy"])
def test_each_convention_says_the_same(text):
    said = read_docstring(text)
    assert said.about == "Sends a letter.\n\nIt goes by post."
    assert said.parameters == {"to": "Who gets it, with the street.", "pages": "What is in it: text."}


def test_a_text_with_a_colon_is_no_section():
    assert read_docstring("Note well:\n\nall is text.").about == "Note well:\n\nall is text."
    assert read_docstring(None).about == ""


@given(st.text(alphabet=st.sampled_from("Args:\n -abc*()paramReturns"), max_size=200))
def test_any_text_is_read(text):
    said = read_docstring(text)
    assert all(isinstance(words, str) for words in said.parameters.values())
