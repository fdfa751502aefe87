"""The estimate of a request's tokens, beside what published tokenizers make of the same texts."""

import base64
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from aver.core.errors import InvalidInput, ProviderError
from aver.gateway.wire.anthropic import AnthropicChat, AnthropicDoor
from aver.gateway.wire.anthropic_count import tokens_of

ROOT = Path(__file__).parents[4]
PROSE = {
    "german": "Die Mitarbeiterinnen melden ihren Urlaub frühzeitig an, spätestens jedoch zwei Wochen vorher.",
    "french": "Les élèves étaient déjà rentrés chez eux avant que la tempête ne traverse la forêt.",
    "polish": "Wniosek o urlop należy złożyć przełożonemu najpóźniej dwa tygodnie wcześniej, inaczej będzie odrzucony.",
    "russian": "Заявление на отпуск подаётся руководителю не позднее чем за две недели до его начала.",
    "greek": "Η αίτηση για την άδεια υποβάλλεται στον προϊστάμενο δύο εβδομάδες πριν.",
    "chinese": "员工应至少提前两周向主管提出休假申请,逾期不予受理。",
    "japanese": "休暇を希望する社員は、二週間前までに上司へ申し出てください。",
    "korean": "휴가를 원하는 직원은 이 주 전까지 관리자에게 신청해야 합니다.",
    "arabic": "يجب تقديم طلب الإجازة إلى المدير قبل أسبوعين على الأقل.",
    "hindi": "छुट्टी का आवेदन कम से कम दो सप्ताह पहले प्रबंधक को देना होगा।",
    "pictures": "Done 👍🏽 and shipped 🚀🎉",
}


@pytest.fixture(scope="module")
def tokenizer():
    folder = Path(find_spec("litellm").origin).parent / "litellm_core_utils" / "tokenizers"
    return Tokenizer.from_file(str(folder / "anthropic_tokenizer.json"))


@pytest.mark.parametrize("language", PROSE)
def test_prose_is_counted_above_the_published_tokenizer_and_not_far(tokenizer, language):
    true = len(tokenizer.encode(PROSE[language], add_special_tokens=False).ids)
    assert true <= tokens_of(PROSE[language]) <= 2 * true


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "README.md", "src/aver/gateway/types.py", "pyproject.toml"])
def test_files_are_counted_above_the_published_tokenizer_and_not_far(tokenizer, name):
    text = (ROOT / name).read_text(encoding="utf-8")
    true = len(tokenizer.encode(text, add_special_tokens=False).ids)
    assert true <= tokens_of(text) <= 1.4 * true


def count(**body):
    return AnthropicDoor().count({"messages": [{"role": "user", "content": "Hello"}], **body})


def test_everything_of_a_request_counts():
    least = count()
    assert count(system="Be brief and kind") > least
    assert count(tools=[{"name": "f", "input_schema": {"type": "object"}}]) > least + 300
    assert count(tools=[{"type": "web_search_20250305", "name": "web_search"}]) > least + 300
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"}}
    assert count(messages=[{"role": "user", "content": [image]}]) >= 1600
    pages = base64.b64encode(b"/Type /Pages /Type /Page /Type/Page").decode()
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pages}}
    assert 6000 <= count(messages=[{"role": "user", "content": [pdf]}]) < 7000
    called = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"a": "b" * 99}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "word " * 99}]},
    ]
    assert count(messages=called) > 120
    schema = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
    assert count(output_config={"format": schema}) > least


def test_what_is_no_request_is_not_counted():
    with pytest.raises(InvalidInput):
        AnthropicDoor().count({"messages": []})


def test_an_answer_that_is_no_count_is_refused():
    for wrong in (b"<", b"[]", json.dumps({"input_tokens": "many"}).encode()):
        with pytest.raises(ProviderError):
            AnthropicChat().counted(wrong)
