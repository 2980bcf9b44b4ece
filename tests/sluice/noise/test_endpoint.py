import numpy as np
import pytest
from chat_server import answer

from sluice.core.errors import ConfigError, DataError
from sluice.noise.endpoint import MOST_BYTES, Endpoint
from sluice.noise.rewriting import Rewriting
from sluice.noise.unanswered import Unanswered

KEY = "sk-very-secret"


def client(url, **options):
    plain = {"model": "small", "first_wait": 0.01, "longest_wait": 0.05, "timeout": 5.0}
    return Endpoint(url, **{**plain, **options})


def ask(*texts):
    return [[{"role": "user", "content": text}] for text in texts]


def test_answers_come_in_the_order_asked(serve, monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    server = serve(lambda body, _: answer(body["messages"][0]["content"].upper()))
    asked = [f"text {i}" for i in range(20)]
    found = client(server.url + "/", key_variable="SOME_KEY").write(ask(*asked))
    assert found == [text.upper() for text in asked]
    path, headers, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "small"
    assert (body["temperature"], body["max_tokens"]) == (0.0, 512)
    assert client(server.url).write([]) == []


def test_without_a_key_none_is_sent(serve):
    server = serve(lambda *_: answer("yes"))
    assert client(server.url).write(ask("a")) == ["yes"]
    assert "Authorization" not in server.asked[0][1]


@pytest.mark.parametrize("failure", [(503, {}, b""), (429, {"Retry-After": "0.02"}, b""), None])
def test_a_service_that_is_busy_is_asked_again(serve, failure):
    server = serve(lambda _, number: failure if number < 3 else answer("at last"))
    assert client(server.url).write(ask("a")) == ["at last"]
    assert len(server.asked) == 3


def test_attempts_are_bounded_and_the_key_is_not_shown(serve, monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    server = serve(lambda *_: (500, {"Retry-After": "3600"}, f"bad key {KEY}".encode()))
    with pytest.raises(ConfigError, match=r"3 attempts; the last time: status 500") as caught:
        client(server.url, attempts=3, key_variable="SOME_KEY").write(ask("a"))
    assert len(server.asked) == 3
    assert KEY not in str(caught.value)
    assert "[key]" in str(caught.value)
    assert caught.value.__cause__ is None
    assert KEY not in repr(client(server.url, key_variable="SOME_KEY"))


def test_one_that_fails_does_not_end_the_others(serve, monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    busy, long = (503, {}, b"busy"), (400, {}, f"too long, {KEY}".encode())
    failures = {"away": busy, "long": long, "odd": (200, {}, b"no json")}

    def reply(body, _):
        text = body["messages"][0]["content"]
        return failures.get(text) or answer(text.upper())

    asked = client(serve(reply).url, attempts=2, key_variable="SOME_KEY")
    first, away, refused, odd, last = asked.attempt(ask("a", "away", "long", "odd", "b"))
    assert (first, last) == ("A", "B")
    assert isinstance(away, Unanswered)
    assert away.passing
    assert "did not answer in 2 attempts" in away.reason
    assert not refused.passing
    assert "status 400, 'too long, [key]'" in refused.reason
    assert not odd.passing
    assert "chat completions" in odd.reason


def test_a_wrong_key_ends_all(serve):
    asked = client(serve(lambda *_: (401, {}, b"who are you?")).url, workers=1)
    with pytest.raises(ConfigError, match="refused with status 401"):
        asked.attempt(ask("a", "b"))


def test_a_refusal_ends_it_at_once(serve, monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    server = serve(lambda *_: (401, {}, f"no such key: {KEY} ".encode() + b"x" * 999))
    with pytest.raises(ConfigError, match=r"refused with status 401") as caught:
        client(server.url, workers=1, key_variable="SOME_KEY").write(ask(*"abcdefgh"))
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert len(server.asked) < 8


def test_a_redirect_does_not_get_the_key(serve, monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    other = serve(lambda *_: answer("stolen"))
    server = serve(lambda *_: (302, {"Location": other.url}, b""))
    with pytest.raises(ConfigError, match="status 302"):
        client(server.url, key_variable="SOME_KEY").write(ask("a"))
    assert not other.asked


def test_nobody_there():
    with pytest.raises(ConfigError, match="did not answer in 2 attempts"):
        client("http://127.0.0.1:9/v1", attempts=2).write(ask("a"))


@pytest.mark.parametrize(
    "body", [b"no json", b"[]", b'{"choices": []}', b'{"choices": [{"message": {"content": 3}}]}']
)
def test_an_answer_of_another_shape(serve, body):
    server = serve(lambda *_: (200, {}, body))
    with pytest.raises(DataError, match="chat completions"):
        client(server.url).write(ask("a"))
    assert len(server.asked) == 1


def test_an_endless_answer_is_not_read(serve):
    server = serve(lambda *_: answer("x" * MOST_BYTES))
    with pytest.raises(DataError, match="more than"):
        client(server.url).write(ask("a"))


@pytest.mark.parametrize("value", [None, "", "two words", "line\nbreak", "k\u00e4y"])
def test_an_unusable_key_is_named_by_its_variable(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("SOME_KEY", raising=False)
    else:
        monkeypatch.setenv("SOME_KEY", value)
    with pytest.raises(ConfigError, match="'SOME_KEY' holds no usable key") as caught:
        client("http://127.0.0.1:9/v1", key_variable="SOME_KEY").write(ask("a"))
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["localhost:8000", "file:///etc/passwd", "http://", "http://[::1", "http://a/v1?b=c"]
)
def test_what_is_no_address(url):
    with pytest.raises(ConfigError, match="base_url"):
        client(url)


def test_bad_options():
    with pytest.raises(ConfigError, match="password") as caught:
        client("http://me:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)
    for option in ({"attempts": 0}, {"workers": 0}, {"timeout": 0}, {"first_wait": -1}):
        with pytest.raises(ConfigError, match="must be above 0"):
            client("http://host/v1", **option)


def test_it_rewrites_texts(serve):
    server = serve(lambda body, _: answer(body["messages"][1]["content"][-3:] + "!"))

    class Lengths:
        def encode(self, texts):
            return np.array([[len(t), 1.0] for t in texts], dtype=np.float32)

    mod = Rewriting(client(server.url), Lengths(), ["bad", "good"])
    ids, x = np.array(["a", "b"]), np.ones((2, 2), np.float32)
    found = mod.modify(x, np.array([0, 1]), ids=ids, content=["one", "two"])
    assert found.content == ["one!", "two!"]
