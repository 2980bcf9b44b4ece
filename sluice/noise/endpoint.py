"""A client for services that speak OpenAI's chat completions, such as vLLM, Ollama or llama.cpp."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from sluice.core.errors import ConfigError, DataError
from sluice.noise.unanswered import Unanswered

MOST_BYTES = 1 << 22
"""Longest answer that is read, so that no service can fill the memory."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
# Refusals of this one text: too long, not allowed, not understood.
_OF_THE_TEXT = frozenset({400, 413, 422})
_SHOWN = 200
Answer = TypeVar("Answer")


class _Busy(Exception):
    """The service may answer later; `wait` is how many seconds it asks for."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class _Away(ConfigError):
    """The service did not answer in all attempts."""


class _TextRefused(ConfigError):
    """The service answers, but not this text."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: the key would follow them to whatever host they name."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any
    ) -> None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """A `Writer` that asks a service.

    Attributes
    ----------
    base_url : str
        Up to and without ``/chat/completions``, for example ``http://localhost:8000/v1``. Texts
        and key go there; with ``http`` anyone on the way can read them.
    model : str
        Its name at the service.
    key_variable : str, optional
        Name of the environment variable that holds the key. The key itself is read when it is
        needed, kept nowhere and shown nowhere.
    max_tokens : int
        Longest answer; a longer one is cut by the service.
    temperature : float
        0 asks for the likeliest answer; few services promise the same one twice.
    timeout : float
        Seconds without a sign of the service.
    attempts : int
        Most tries of one conversation, the first included.
    first_wait, longest_wait : float
        Seconds between two tries: random, up to twice as long each time. A service that names a
        wait is given it, up to the longest.
    workers : int
        Conversations that are under way at once.

    Raises
    ------
    ConfigError
        The address is none, or a number is out of range.
    """

    base_url: str
    model: str
    key_variable: str | None = None
    max_tokens: int = 512
    temperature: float = 0.0
    timeout: float = 60.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 30.0
    workers: int = 4

    def __post_init__(self) -> None:
        """Refuse what could not be asked."""
        try:
            parts = urllib.parse.urlsplit(self.base_url)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            raise ConfigError("base_url is no address; give http://host:port/v1.") from None
        if parts.username is not None or parts.password is not None:
            raise ConfigError("base_url holds a password; give it by `key_variable` instead.")
        if not fits or parts.query or parts.fragment:
            raise ConfigError(
                f"base_url is {self.base_url!r}; give an address such as http://localhost:8000/v1."
            )
        numbers = (self.max_tokens, self.attempts, self.workers, self.timeout)
        if min(numbers) <= 0 or min(self.first_wait, self.longest_wait, self.temperature) < 0:
            raise ConfigError(
                "max_tokens, attempts, workers and timeout must be above 0, waits and temperature "
                "0 or more."
            )

    def write(self, conversations: Sequence[list[dict[str, str]]]) -> list[str]:
        """Ask for one answer to each conversation.

        Returns
        -------
        list of str
            In the order given.

        Raises
        ------
        ConfigError
            The key is missing, the service refuses, or it does not answer after all attempts.
        DataError
            An answer is not what the protocol says.

        Notes
        -----
        One conversation that fails ends all: what is not yet under way is not asked.
        """
        return self._asked(conversations, self._answer)

    def attempt(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Unanswered]:
        """Ask for an answer to each conversation, and say of each that has none why.

        Returns
        -------
        list of str or Unanswered
            In the order given. Passing are those that the service did not answer in all attempts;
            the others it refused, or answered with what is no answer.

        Raises
        ------
        ConfigError
            The key is missing, or the service refuses with a status that is not about the text,
            such as 401 or 404: then it would refuse every other one, too.
        """

        def ask(one: list[dict[str, str]], headers: dict[str, str], key: str) -> str | Unanswered:
            try:
                return self._answer(one, headers, key)
            except (_Away, _TextRefused, DataError) as error:
                return Unanswered(str(error), passing=isinstance(error, _Away))

        return self._asked(conversations, ask)

    def _asked(
        self,
        conversations: Sequence[list[dict[str, str]]],
        ask: Callable[[list[dict[str, str]], dict[str, str], str], Answer],
    ) -> list[Answer]:
        """Ask several at once; the first error ends what is not yet under way."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = self._key()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        with ThreadPoolExecutor(self.workers) as pool:
            asked = [pool.submit(ask, one, headers, key) for one in conversations]
            try:
                return [each.result() for each in asked]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _key(self) -> str:
        if self.key_variable is None:
            return ""
        key = os.environ.get(self.key_variable, "")
        # a line break would be refused further down by a message that shows the key
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                f"The environment variable {self.key_variable!r} holds no usable key; set it to "
                "the key, without spaces or line breaks."
            )
        return key

    def _answer(self, messages: list[dict[str, str]], headers: dict[str, str], key: str) -> str:
        retrying = Retrying(
            retry=retry_if_exception_type(_Busy),
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            reraise=True,
        )
        try:
            return _content(retrying(self._ask, messages, headers, key))
        except _Busy as busy:
            raise _Away(
                f"{self.base_url} did not answer in {self.attempts} attempts; the last time: "
                f"{busy}. See that the service runs, or allow more attempts."
            ) from None

    def _wait(self, state: RetryCallState) -> float:
        drawn = wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait)(state)
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.wait if isinstance(error, _Busy) else 0.0
        return min(max(drawn, asked), self.longest_wait)

    def _ask(self, messages: list[dict[str, str]], headers: dict[str, str], key: str) -> bytes:
        body = {
            "model": self.model,
            "messages": messages,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        url = f"{self.base_url.rstrip('/')}/chat/completions"
        asked = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(asked, timeout=self.timeout) as found:
                answer = found.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise self._refusal(error, key) from None
        except (OSError, http.client.HTTPException) as error:
            raise _Busy(_shown(str(error) or type(error).__name__, key)) from None
        if len(answer) > MOST_BYTES:
            raise DataError(f"{self.base_url} sent an answer of more than {MOST_BYTES} bytes.")
        return answer

    def _refusal(self, error: urllib.error.HTTPError, key: str) -> Exception:
        """Make of an HTTP status what to do about it; the service's words may hold the key."""
        try:
            said = _shown(error.read(1 << 16).decode("utf-8", "replace"), key)
        except (OSError, http.client.HTTPException):
            said = ""
        finally:
            error.close()
        what = f"status {error.code}" + (f", {said!r}" if said else "")
        if error.code in _PASSING:
            return _Busy(what, _seconds(error.headers.get("Retry-After")))
        kind = _TextRefused if error.code in _OF_THE_TEXT else ConfigError
        return kind(
            f"{self.base_url} refused with {what}. Check the address, the model "
            f"{self.model!r} and the key."
        )


def _seconds(named: str | None) -> float:
    """Read Retry-After where it is a number; as a date it is not followed."""
    try:
        return max(0.0, float(named or 0.0))
    except ValueError:
        return 0.0


def _shown(text: str, key: str) -> str:
    """Shorten what a service said to one line, without the key."""
    hidden = text.replace(key, "[key]") if key else text
    line = " ".join(hidden.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _content(answer: bytes) -> str:
    try:
        text = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise DataError(
            "The service's answer has no choices[0].message.content; use one that speaks OpenAI's "
            "chat completions."
        )
    return text
