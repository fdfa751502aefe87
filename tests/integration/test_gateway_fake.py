"""The fake model server, asked by a client that is not Aver's: the official one."""

import contextlib
import json
import subprocess
import sys

import openai
import pytest

from aver.testing.provider import FakeProvider, main
from aver.testing.replies import Reply

ASK = {"model": "fake", "messages": [{"role": "user", "content": "How many days?"}]}


@contextlib.contextmanager
def client(server, key="sk-x"):
    with openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0, timeout=5) as made:
        yield made


def test_the_official_client_reads_models_replies_and_streams():
    with FakeProvider([Reply("Twenty days. [1]")]) as server, client(server) as ask:
        assert [model.id for model in ask.models.list()] == ["fake"]
        whole = ask.chat.completions.create(**ASK)
        assert whole.choices[0].message.content == "Twenty days. [1]"
        assert whole.usage.completion_tokens == 3
        chunks = list(ask.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Twenty days. [1]"
        assert chunks[-1].usage.prompt_tokens == 3
        assert [received.path for received in server.requests] == ["/v1/models", *["/v1/chat/completions"] * 2]
        assert server.requests[1].prompt == "How many days?"


def test_replies_come_in_order_and_the_last_repeats():
    with FakeProvider([Reply("one"), Reply("two")]) as server, client(server) as ask:
        said = [ask.chat.completions.create(**ASK).choices[0].message.content for _ in range(3)]
    assert said == ["one", "two", "two"]


def test_it_refuses_as_told():
    with FakeProvider([Reply("slow down", status=429, retry_after=3)]) as server, client(server) as ask:
        with pytest.raises(openai.RateLimitError, match="slow down") as caught:
            ask.chat.completions.create(**ASK)
        assert caught.value.response.headers["Retry-After"] == "3"
    with (
        FakeProvider([Reply()], key="right") as server,
        client(server, "wrong") as ask,
        pytest.raises(openai.AuthenticationError),
    ):
        ask.chat.completions.create(**ASK)


@pytest.mark.parametrize("fault", ["reset", "silence"])
def test_it_breaks_as_told(fault):
    with (
        FakeProvider([Reply(fault=fault)]) as server,
        client(server) as ask,
        pytest.raises(openai.APIConnectionError),
    ):
        ask.with_options(timeout=0.5).chat.completions.create(**ASK)


def test_people_can_run_it_with_a_script(tmp_path):
    script = tmp_path / "replies.json"
    script.write_text(json.dumps([{"when": "days", "text": "Twenty."}, {"text": "What?"}]))
    command = [sys.executable, "-W", "error", "-m", "aver.testing.provider", "--port", "0", "--script", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            with openai.OpenAI(base_url=url, api_key="x", max_retries=0) as ask:
                assert ask.chat.completions.create(**ASK).choices[0].message.content == "Twenty."
        finally:
            process.terminate()


def test_a_bad_script_is_named(tmp_path, capsys):
    script = tmp_path / "replies.json"
    script.write_text('[{"texxt": "x"}]')
    assert main(["--script", str(script)]) == 2
    assert "entry 1: texxt" in capsys.readouterr().err
