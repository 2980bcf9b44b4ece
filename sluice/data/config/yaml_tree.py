"""YAML as a `dataset.yaml` may hold it: a tree of plain values, small whatever it repeats."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

# YAML 1.1, which PyYAML follows, reads 5e-5 as text; people mean the number.
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+")
_DEEPEST = 32
_MOST_VALUES = 20_000
_MOST_BITS = 64


class _Loader(yaml.SafeLoader):
    """Safe YAML where `5e-5` is a number and a repeated key is an error, within limits.

    Values are counted as often as aliases repeat them, so that none stands for more than it shows.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = self._values = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark
        alias, before = self.check_event(yaml.AliasEvent), self._values
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _problem(f"values lie more than {_DEEPEST} deep in each other", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if alias and id(node) not in self._sizes:
            raise _problem("an alias stands for a value that it is part of", mark)
        self._values += self._sizes[id(node)] if alias else 1
        if self._values > _MOST_VALUES:
            raise _problem(f"there are more than {_MOST_VALUES:,} values, which is the limit", mark)
        self._sizes[id(node)] = self._values - before
        if isinstance(node, yaml.ScalarNode) and not _is_text(node.value):
            raise _problem("a text holds NUL or half of a surrogate pair, which is no text", mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception as error:
            # PyYAML lets through whatever its parsers of values raise.
            what = str(node.value)[:40] if isinstance(node, yaml.ScalarNode) else "a value"
            kind = node.tag.rpartition(":")[2]
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise _problem(
                f"{what!r} cannot be read as {kind} ({said[:100]}); put it in quotes if it is text",
                node.start_mark,
            ) from None
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _problem(f"a number has more than {_MOST_BITS} bits", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _problem("a key is no text", key_node.start_mark)
            if key_node.value in seen:
                raise _problem(
                    f"the key {key_node.value[:80]!r} appears twice; remove one",
                    key_node.start_mark,
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


class Dumper(yaml.SafeDumper):
    """Quotes the texts that `load_yaml` would read as numbers."""


for _style in (_Loader, Dumper):
    _style.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))


def load_yaml(text: str) -> Any:
    """Read one YAML document.

    Cost: about 0.1 milliseconds a value, of which there may be 20,000.

    Raises
    ------
    YAMLError
        It is no YAML, holds several documents, or values that are none; or it nests more deeply,
        or comes to more values, than any configuration.
    """
    # The loader is a safe one.
    return yaml.load(text, Loader=_Loader)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _problem(problem: str, mark: yaml.Mark | None) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
