"""The fake model server, asked by a client that is not Aver's: the official one."""

import contextlib
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from email.utils import formatdate

import openai
import pytest
from openai import OpenAIError
from pydantic import BaseModel

from aver.gateway.types import ToolCall
from aver.testing.provider import FakeProvider, main
from aver.testing.replies import Reply, Tokens

ASK = {"model": "fake", "messages": [{"role": "user", "content": "How many days?"}]}
QUESTION = {"model": "fake", "input": "How many days?"}
CALL = ToolCall("call_1", "look", '{"place": "Zürich"}')
TEXT = "You get 20 days of leave, Überraschung, 日本語 🙂. [1]"


class Days(BaseModel):
    days: int


@contextlib.contextmanager
def client(server, key="sk-x"):
    with openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0, timeout=60) as made:
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


@contextlib.contextmanager
def azure(server, key="sk-x"):
    with openai.AzureOpenAI(
        azure_endpoint=server.root_url, api_key=key, api_version="2024-10-21", max_retries=0, timeout=60
    ) as made:
        yield made


def chunks_of(ask, **more):
    return list(ask.chat.completions.create(**ASK, stream=True, **more))


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_tools_are_called_whole_and_in_pieces():
    with FakeProvider([Reply(tools=(CALL, ToolCall("call_2", "stop", "{}")))]) as server, client(server) as ask:
        choice = ask.chat.completions.create(**ASK).choices[0]
        assert choice.finish_reason == "tool_calls"
        assert [call.id for call in choice.message.tool_calls] == ["call_1", "call_2"]
        with ask.chat.completions.stream(**ASK) as stream:
            message = stream.get_final_completion().choices[0].message
        assert [call.function.arguments for call in message.tool_calls] == [CALL.arguments, "{}"]


def test_structured_answers_and_pictures():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "How many?"}, picture]}]
    with FakeProvider([Reply('{"days": 20}')]) as server, client(server) as ask:
        told = ask.chat.completions.parse(model="fake", messages=asked, response_format=Days)
        assert told.choices[0].message.parsed == Days(days=20)
        assert ask.responses.parse(**QUESTION, text_format=Days).output_parsed == Days(days=20)
        assert server.requests[0].prompt == "How many?"
        assert server.requests[0].body["messages"][0]["content"][1] == picture
        assert [received.family for received in server.requests] == ["openai", "responses"]


def test_thoughts_and_a_usage_that_is_told():
    reply = Reply("Twenty.", reasoning="Let me see.", tokens=Tokens(90, 30, cached=40, reasoning=7))
    with FakeProvider([reply]) as server, client(server) as ask:
        told = ask.chat.completions.create(**ASK)
        assert told.choices[0].message.reasoning_content == "Let me see."
        assert told.usage.prompt_tokens_details.cached_tokens == 40
        assert told.usage.completion_tokens_details.reasoning_tokens == 7
        assert ask.responses.create(**QUESTION).usage.input_tokens_details.cached_tokens == 40


def test_a_refusal_is_told_apart():
    with FakeProvider([Reply(refusal="I will not.")]) as server, client(server) as ask:
        assert ask.chat.completions.create(**ASK).choices[0].message.refusal == "I will not."
        assert ask.responses.create(**QUESTION).output[0].content[0].refusal == "I will not."


def test_embeddings_in_both_encodings():
    with FakeProvider([Reply(), Reply(embeddings=((0.5, -0.25),))]) as server, client(server) as ask:
        near = ask.embeddings.create(model="fake", input=["paid leave", "paid"], dimensions=16)
        assert [len(row.embedding) for row in near.data] == [16, 16]
        assert near.usage.prompt_tokens == 3
        assert server.requests[0].body["encoding_format"] == "base64"
        told = ask.embeddings.create(model="fake", input="x", encoding_format="float")
        assert told.data[0].embedding == [0.5, -0.25]


def test_responses_whole_and_in_pieces():
    reply = Reply(TEXT, reasoning="Let me see.", signature="sealed", tools=(CALL,))
    with FakeProvider([reply]) as server, client(server) as ask:
        told = ask.responses.create(**QUESTION)
        assert told.output_text == TEXT
        assert [item.type for item in told.output] == ["reasoning", "message", "function_call"]
        with ask.responses.stream(**QUESTION) as stream:
            events = list(stream)
            final = stream.get_final_response()
        assert [event.type for event in events][:2] == ["response.created", "response.in_progress"]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert final.output_text == TEXT
        assert final.output[0].encrypted_content == "sealed"
        assert final.output[2].arguments == CALL.arguments
        assert server.requests[1].prompt == "How many days?"


def test_an_incomplete_response_says_why():
    with FakeProvider([Reply("Half a", finish="length")]) as server, client(server) as ask:
        told = ask.responses.create(**QUESTION)
        assert (told.status, told.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_azures_addresses_and_key():
    with FakeProvider([Reply(TEXT)], key="sk-x") as server:
        with azure(server) as ask:
            assert ask.chat.completions.create(**ASK).choices[0].message.content == TEXT
            chunks = chunks_of(ask)
            assert text_of(chunks) == TEXT
            assert chunks[0].choices == []
            assert ask.embeddings.create(model="fake", input="x").data
        with azure(server, "wrong") as ask, pytest.raises(openai.AuthenticationError):
            ask.chat.completions.create(**ASK)
        assert server.requests[0].path == "/openai/deployments/fake/chat/completions"
        assert server.requests[0].model == "fake"
        with openai.OpenAI(base_url=f"{server.root_url}/openai/v1", api_key="sk-x", max_retries=0) as ask:
            assert ask.responses.create(**QUESTION).output_text == TEXT


def test_azures_filter_says_what_it_found():
    with FakeProvider([Reply(error="content_filter")]) as server, azure(server) as ask:
        with pytest.raises(openai.BadRequestError) as caught:
            ask.chat.completions.create(**ASK)
        assert caught.value.code == "content_filter"
        assert caught.value.body["innererror"]["code"] == "ResponsibleAIPolicyViolation"


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("auth", openai.AuthenticationError, "invalid_api_key"),
        ("forbidden", openai.PermissionDeniedError, None),
        ("rate_limit", openai.RateLimitError, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, "insufficient_quota"),
        ("context_overflow", openai.BadRequestError, "context_length_exceeded"),
        ("content_filter", openai.BadRequestError, "content_policy_violation"),
        ("invalid_request", openai.BadRequestError, None),
        ("not_found", openai.NotFoundError, "model_not_found"),
        ("overloaded", openai.InternalServerError, None),
        ("server", openai.InternalServerError, None),
    ],
)
def test_errors_have_the_providers_form(kind, error, code):
    with FakeProvider([Reply(error=kind)]) as server, client(server) as ask:
        for call in (ask.chat.completions.create, ask.responses.create):
            with pytest.raises(error) as caught:
                call(**(ASK if call == ask.chat.completions.create else QUESTION))
            assert caught.value.code == code


def test_a_wait_can_be_a_date():
    date = formatdate(2_000_000_000, usegmt=True)
    with FakeProvider([Reply(status=503, retry_after=date)]) as server, client(server) as ask:
        with pytest.raises(openai.InternalServerError) as caught:
            ask.chat.completions.create(**ASK)
        assert caught.value.response.headers["Retry-After"] == date


def test_a_stream_can_report_an_error():
    with FakeProvider([Reply(TEXT, fault="error-event", after=10, error="server")]) as server, client(server) as ask:
        for stream in (ask.chat.completions.create(**ASK, stream=True), ask.responses.create(**QUESTION, stream=True)):
            with stream, contextlib.suppress(openai.APIError):
                assert [event for event in stream if getattr(event, "type", "") == "error"]
        with pytest.raises(openai.APIError, match="had an error"):
            chunks_of(ask)


def raw(server, body):
    """The bytes of an answer as they come, and whether the connection was reset."""
    with socket.create_connection(
        (server.root_url.rpartition(":")[0].removeprefix("http://"), port_of(server))
    ) as plug:
        data = json.dumps(ASK | body).encode()
        plug.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
        )
        plug.settimeout(2)
        got, end = [], "open"
        with contextlib.suppress(TimeoutError):
            try:
                while chunk := plug.recv(65536):
                    got.append(chunk)
                    if chunk.endswith(b"\r\n0\r\n\r\n") or chunk == b"0\r\n\r\n":
                        end = "ended"
                        break
                else:
                    end = "closed"
            except ConnectionResetError:
                end = "reset"
        return got, end


def port_of(server):
    return int(server.root_url.rpartition(":")[2])


def test_a_cut_comes_in_the_middle_of_an_event():
    with FakeProvider([Reply(TEXT, fault="cut", after=21, pause=0.01)]) as server:
        got, end = raw(server, {"stream": True})
    data = b"".join(got)
    assert end == "reset"
    assert b"[DONE]" not in data
    assert not data.rstrip(b"\r\n0").endswith(b"}")


def test_a_stall_leaves_the_connection_open_and_an_unfinished_stream_ends_it():
    with FakeProvider([Reply(TEXT, fault="stall", after=21)]) as server:
        got, end = raw(server, {"stream": True})
        assert end == "open"
        assert b"s of le" in b"".join(got)
    with FakeProvider([Reply(TEXT, fault="unfinished", after=21)]) as server:
        got, end = raw(server, {"stream": True})
        assert end == "ended"
        assert b'finish_reason":"' not in b"".join(got)


def test_a_slow_drip_is_whole_in_the_end():
    with FakeProvider([Reply(TEXT, fault="slow-drip", piece=5)]) as server, client(server) as ask:
        assert text_of(chunks_of(ask)) == TEXT
        assert ask.chat.completions.create(**ASK).choices[0].message.content == TEXT
        got, _ = raw(server, {"stream": True})
    data = b"".join(got)
    assert data.count(b"\r\n5\r\n") > 500  # a frame of five bytes, as HTTP's chunked coding shows it


@pytest.mark.parametrize("fault", ["cut", "unfinished", "malformed", "not-json", "empty-choices"])
def test_a_whole_reply_breaks_too(fault):
    with (
        FakeProvider([Reply(TEXT, fault=fault)]) as server,
        client(server) as ask,
        pytest.raises((OpenAIError, AttributeError, IndexError, TypeError, ValueError)),
    ):
        assert ask.chat.completions.create(**ASK).choices[0].message.content


def test_a_conversation_that_ends_with_the_assistant():
    begun = {**ASK, "messages": [*ASK["messages"], {"role": "assistant", "content": "You get"}]}
    replies = [Reply(TEXT), Reply(TEXT, prefill="continue"), Reply(TEXT, prefill="reject")]
    with FakeProvider(replies) as server, client(server) as ask:
        assert ask.chat.completions.create(**begun).choices[0].message.content == TEXT
        assert ask.chat.completions.create(**begun).choices[0].message.content == TEXT.removeprefix("You get")
        with pytest.raises(openai.BadRequestError, match="prefill"):
            ask.chat.completions.create(**begun)
        assert ask.chat.completions.create(**ASK).choices[0].message.content == TEXT


def test_the_first_word_can_be_late():
    with FakeProvider([Reply("x", first_pause=60)]) as server, client(server) as ask:
        stream = ask.with_options(timeout=0.3).chat.completions.create(**ASK, stream=True)
        with stream, pytest.raises(openai.APITimeoutError):
            next(iter(stream))


def test_a_rule_can_look_at_the_model():
    with FakeProvider(lambda received: Reply(f"I am {received.model}.")) as server, client(server) as ask:
        assert ask.responses.create(model="big", input="x").output_text == "I am big."
        told = ask.chat.completions.create(model="small", messages=ASK["messages"])
        assert told.choices[0].message.content == "I am small."


def test_what_cannot_be_read_is_refused():
    with FakeProvider([Reply("x")]) as server:
        for path, body in (("/v1/chat/completions", b"{"), ("/v1/embeddings", b"{}"), ("/v1/chat/completions", b"[]")):
            request = urllib.request.Request(server.root_url + path, body, {"Content-Type": "application/json"})
            with pytest.raises(urllib.error.HTTPError, match="400") as caught:
                urllib.request.urlopen(request)
            assert json.load(caught.value)["error"]["type"] == "invalid_request_error"
            caught.value.close()


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
