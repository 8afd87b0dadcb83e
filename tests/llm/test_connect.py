"""From a configured endpoint to one that answers: addresses and keys."""

import pytest

from a3.errors import ConfigError
from a3.llm.connect import connect
from a3.llm.line import Line
from tests.conftest import compose
from tests.llm.endpoints import PROVIDERS, request, said, spec
from tests.llm.server import Says, serving


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


def test_a_server_that_asks_for_no_key_gets_none(provider):
    with serving(lambda body, n: Says("ok")) as service:
        (reply,) = said(connect(spec(provider, service.url), Line()), request())
    assert reply.text == "ok"


def test_what_is_no_address_or_no_key_is_told_before_anything_is_spent(provider, monkeypatch):
    with pytest.raises(ConfigError, match="no address like https://"):
        connect(spec(provider, "127.0.0.1:8000"), Line())
    monkeypatch.setenv("FAKE_KEY", "sk-fake\n4f1d7c0b")
    with pytest.raises(ConfigError, match="FAKE_KEY holds a character") as error:
        connect(spec(provider, "http://127.0.0.1:9", key_variable="FAKE_KEY"), Line())
    assert "4f1d" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hunter22@127.0.0.1/v1",
        "https://hunter22@host/v1",
        "hunter22@host/v1",
        "https://host/v1?api_key=hunter22",
        "https://host/v1#hunter22",
        "http://hunter22@[::1/v1",
        "https://hunter22\uff20host/v1?",
    ],
)
def test_a_secret_in_the_address_is_refused_and_not_shown(url):
    address = f"judge.endpoint.base_url='{url}'"
    with pytest.raises(ConfigError) as error:
        compose("model=tiny", "judge=endpoint", "judge.endpoint.model=m", address)
    assert "key_variable" in str(error.value) and "hunter22" not in str(error.value)


def test_a_path_may_hold_an_at():
    assert spec("anthropic", "https://host/@team/v1").base_url == "https://host/@team/v1"


def test_a_key_is_read_without_the_line_break_behind_it(provider, monkeypatch):
    monkeypatch.setenv("FAKE_KEY", " sk-fake-91b7\n")
    with serving(lambda body, n: Says("You sent sk-fake-91b7.")) as service:
        model = connect(spec(provider, service.url, key_variable="FAKE_KEY"), Line())
        (reply,) = said(model, request())
    (headers,) = service.headers
    assert any(value.endswith("sk-fake-91b7") for value in headers.values())
    assert reply.text == "You sent ***."


def test_a_blank_key_is_none(provider, monkeypatch):
    monkeypatch.setenv("FAKE_KEY", " \n")
    with pytest.raises(ConfigError, match="FAKE_KEY is not set"):
        connect(spec(provider, "http://127.0.0.1:9", key_variable="FAKE_KEY"), Line())
