import json

import pytest

from aver.core.errors import InvalidInput
from aver.testing.replies import Received, Reply, load_script


def asked(text):
    return Received(
        "/v1/chat/completions", {}, {"messages": [{"role": "system", "content": "Be brief."}, {"content": text}]}
    )


def test_the_first_entry_that_matches_replies(tmp_path):
    script = tmp_path / "s.json"
    script.write_text(
        json.dumps([{"when": "leave", "text": "Twenty."}, {"when": "stall", "fault": "stall", "after": 3}])
    )
    rule = load_script(script)
    assert rule(asked("How much leave?")) == Reply("Twenty.")
    assert rule(asked("Please stall")) == Reply(fault="stall", after=3)
    assert rule(asked("else")).status == 404


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not a readable script"),
        ("{}", "holds no list"),
        ("[3]", "entry 1: not an object"),
        ('[{"text": "a"}, {"fault": "fire"}]', "entry 2: no fault 'fire'"),
        ('[{"when": "("}]', "no regular expression"),
        ('[{"wen": "x"}]', "entry 1: wen"),
    ],
)
def test_a_wrong_script_names_its_entry(tmp_path, content, says):
    script = tmp_path / "s.json"
    script.write_text(content)
    with pytest.raises(InvalidInput, match=says.replace("(", r"\(")):
        load_script(script)


def test_a_missing_script(tmp_path):
    with pytest.raises(InvalidInput, match="not a readable script"):
        load_script(tmp_path / "none.json")
