"""What is cut out of texts of production, and what stays the same."""

import re

import pytest

from aver.core.errors import InvalidInput
from aver.evals.labelling.redaction import Redactor
from aver.guard import Finding

KEY = b"k" * 32


def test_equal_values_of_a_conversation_have_one_name():
    redactor = Redactor(KEY)
    question = "Does Priya Raman (priya@example.org) get leave? My IBAN is DE89 3702 0044 0532 0130 00."
    first, second = redactor.redact("c1", [question, "And when does Priya Raman come back? priya@example.org"])
    assert "Priya" not in first + second
    assert "@" not in first + second
    assert "DE89" not in first
    names = re.findall(r"\[PERSON_\w{4}\]", first + second)
    assert len(names) >= 2
    assert len(set(names)) == 1
    (other,) = redactor.redact("c2", ["When does Priya Raman come back?"])
    assert not set(names) & set(re.findall(r"\[PERSON_\w{4}\]", other))
    assert Redactor(KEY).redact("c1", [question])[0] == first
    assert Redactor(b"other" * 8).redact("c1", [question])[0] != first


def test_secrets_are_cut_out_and_what_questions_are_about_stays():
    (text,) = Redactor(KEY).redact("c", ["Is ghp_9fK2mQ7xT4vB8nL1cR6wZ3yH5jD0sA2eG4uP valid until 3 May 2026?"])
    assert "ghp_" not in text
    assert "3 May 2026" in text


def test_who_speaks_is_cut_out_wherever_they_are_named():
    texts = Redactor(KEY).redact("c", ["what may zed42 do", "ZED42 asks"], known=["zed42", "al"])
    assert not any("zed42" in text.lower() for text in texts)


def test_what_stands_beside_a_name_of_ours_is_cut_out_too():
    class Names:
        """Finds one name first, and only beside what was cut out the other, together with it."""

        name = "names"

        def find(self, text):
            found = re.search(r"Priya", text) or re.search(r"\[\w+\] Raman", text)
            return [Finding("PERSON", *found.span(), 1.0)] if found else []

    (text,) = Redactor(KEY, detectors=[Names()]).redact("c", ["May Priya Raman go?"])
    assert re.fullmatch(r"May \[PERSON_\w{4}\] \[PERSON_\w{4}\] go\?", text)


def test_a_text_that_cannot_be_cleaned_is_refused():
    class Always:
        name = "always"

        def find(self, text):
            at = re.search(r"[a-z]", text).start()
            return [Finding("ODD", at, at + 1, 1.0)]

    class Once:
        name = "once"

        def find(self, text):
            return [Finding("ODD", match.start(), match.end(), 1.0) for match in re.finditer("x+", text)]

    with pytest.raises(InvalidInput, match="however often"):
        Redactor(KEY, detectors=[Always()]).redact("c", ["abcdefgh"])
    (text,) = Redactor(KEY, detectors=[Once()]).redact("c", ["axxb"])
    assert re.fullmatch(r"a\[ODD_\w{4}\]b", text)
    assert Redactor(KEY, detectors=[Once()], kept=["ODD"]).redact("c", ["axxb"]) == ["axxb"]
