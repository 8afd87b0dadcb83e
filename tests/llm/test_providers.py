"""Both providers against the loopback service: what goes out, and what each answer becomes."""

import pytest

from a3.llm.endpoint import Endpoint
from a3.llm.line import Line
from a3.types.chat import Conversation, Message, ask, assistant, user
from a3.types.llm import CallFailed, ChatReply, ChatRequest, FailureKind, ReplyStop
from tests.llm.endpoints import CLIENTS, PROVIDERS, endpoint, request, said, spec
from tests.llm.server import Says, serving


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


def test_a_reply_with_its_usage_and_price(provider):
    with serving(lambda body, n: Says("Good day.", cached=40)) as service:
        model, heard, _ = endpoint(provider, service.url)
        (reply,) = said(model, request())
    assert reply.text == "Good day." and reply.stop is ReplyStop.END
    assert reply.usage.cache_read == 40 and reply.usage.input > 0 and reply.usage.output == 2
    ((name, usage, usd),) = heard.calls
    assert (name, usage) == ("claude-test", reply.usage)
    assert usd == pytest.approx((usage.input * 3 + 40 * 0.3 + 2 * 15) / 1e6)


def test_what_goes_out(provider):
    talk = Conversation(messages=(user("a"), assistant("b"), user("c")))
    schema = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
    asked = ChatRequest(
        system="Rules.", log=("H0.", "H1."), conversation=talk, json_schema=schema, max_tokens=50
    )
    with serving(lambda body, n: Says("{}")) as service:
        model, _, _ = endpoint(provider, service.url, settings={"output_config": {"effort": "low"}})
        said(model, asked)
    (body,) = service.asked
    assert body["model"] == "claude-test" and body["max_tokens"] == 50
    assert "temperature" not in body and "tool_choice" not in body
    assert [m["content"] for m in body["messages"]][-3:] == ["a", "b", "c"]
    if provider == "anthropic":
        assert [part["text"] for part in body["system"]] == ["Rules.", "H0.", "H1."]
        ends = ["cache_control" in part for part in body["system"]]
        assert ends == [True, False, True]
        assert body["system"][2]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
        wanted = {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
        assert body["output_config"] == wanted
    else:
        assert body["messages"][0] == {"role": "system", "content": "Rules.\n\nH0.\n\nH1."}
        assert body["response_format"]["json_schema"]["schema"] == schema
    (headers,) = service.headers
    assert headers.get("x-api-key") == "key" or headers["authorization"] == "Bearer key"


def test_reasoning_models_are_told_the_limit_under_their_own_name():
    with serving(lambda body, n: Says("ok")) as service:
        changes = {"max_tokens_field": "max_completion_tokens"}
        model, _, _ = endpoint("openai_compatible", service.url, **changes)
        (reply,) = said(model, request())
    (body,) = service.asked
    assert reply.text == "ok" and body["max_completion_tokens"] == 50 and "max_tokens" not in body


def test_system_turns_are_passed_on(provider):
    talk = Conversation(messages=(Message(role="system", content="Be brief."), user("c")))
    with serving(lambda body, n: Says()) as service:
        model, _, _ = endpoint(provider, service.url)
        said(model, ChatRequest(conversation=talk, max_tokens=50))
    (body,) = service.asked
    if provider == "anthropic":
        assert [part["text"] for part in body["system"]] == ["Be brief."]
        assert [m["role"] for m in body["messages"]] == ["user"]
    else:
        assert [m["role"] for m in body["messages"]] == ["system", "user"]


def test_no_more_marks_than_the_service_takes_however_alike_the_log_s_parts(provider):
    if provider != "anthropic":
        pytest.skip("marks are the Messages API's")
    asked = ChatRequest(system="S", log=("same",) * 6, conversation=ask("a"), max_tokens=5)
    with serving(lambda body, n: Says("{}")) as service:
        said(endpoint(provider, service.url)[0], asked)
    (body,) = service.asked
    assert sum("cache_control" in part for part in body["system"]) == 2


@pytest.mark.parametrize(
    ("stop", "found"),
    [("max_tokens", ReplyStop.LENGTH), ("refusal", ReplyStop.REFUSAL), ("end_turn", ReplyStop.END)],
)
def test_why_a_reply_ended(provider, stop, found):
    with serving(lambda body, n: Says("text", stop=stop)) as service:
        (reply,) = said(endpoint(provider, service.url)[0], request())
    assert isinstance(reply, ChatReply) and reply.stop is found


def test_a_key_that_is_sent_back_goes_no_further(provider):
    key = "sk-fake-4f1d7c0be2a98653"

    def script(body, n):
        return Says(status=401, text=f"no such key: {key}") if n == 0 else Says(f"It is {key}.")

    with serving(script) as service:
        made = spec(provider, service.url)
        model = Endpoint(made, CLIENTS[provider](made, key), Line())
        (failed,), (reply,) = said(model, request()), said(model, request())
        assert any(key in value for value in service.headers[0].values())
    assert "no such key: ***" in failed.reason and key not in failed.reason
    assert reply.text == "It is ***."


def test_no_connection_is_told_with_its_cause_and_tried_again(provider):
    model, _, slept = endpoint(provider, "http://127.0.0.1:9")
    (failed,) = said(model, request())
    assert "Connection error" in failed.reason and "(ConnectError: " in failed.reason
    assert len(slept) == 3


@pytest.mark.parametrize("url", ["htp://h", "127.0.0.1:8000", "http://h:port", "http://h\x00"])
def test_what_is_no_address_is_tried_once(provider, url):
    model, heard, slept = endpoint(provider, url)
    replies = said(model, request("a"), request("b"))
    assert [reply.kind for reply in replies] == [FailureKind.TRANSPORT] * 2
    assert all("UnsupportedProtocol" in r.reason or "InvalidURL" in r.reason for r in replies)
    assert slept == [] and not heard.spent.get("failed_calls")


@pytest.mark.parametrize("key", ["sk-fake\n4f1d7c0b", 'sk-fake-4f1d\\"\n0b'])
def test_what_is_no_key_is_tried_once_and_goes_no_further(provider, key):
    with serving(lambda body, n: Says("ok")) as service:
        said(endpoint(provider, service.url)[0], request())  # For a connection at all.
        model, heard, slept = endpoint(provider, service.url, key=key)
        (failed,) = said(model, request())
        assert len(service.asked) == 1
    assert "LocalProtocolError" in failed.reason and "***" in failed.reason
    assert "4f1d" not in failed.reason
    assert slept == [] and not heard.spent.get("failed_calls")


def test_text_that_cannot_be_sent_fails_and_takes_nothing_with_it(provider):
    with serving(lambda body, n: Says("ok")) as service:
        model, _, slept = endpoint(provider, service.url)
        failed, reply = said(model, request("\ud800"), request("a"))
    assert isinstance(failed, CallFailed) and reply.text == "ok" and slept == []
