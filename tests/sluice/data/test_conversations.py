from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.core import registry
from sluice.data.config import TASKS
from sluice.data.payloads.conversations import (
    UNREADABLE,
    Conversation,
    Message,
    conversation_text,
    embedded_text,
    message_fault,
    messages_text,
    quality_fault,
    read_conversation,
    read_quality,
    shown_conversation,
)
from sluice.tasks.instructions.conversation_rows import read_messages, read_tags

PAIR = (Message("user", "Name a prime."), Message("assistant", "7"))
SPOKEN = (Message("system", "Be brief."), *PAIR, Message("user", "Another?"), PAIR[1])

contents = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
messages = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), contents))
conversations = st.builds(
    Conversation,
    messages.map(tuple),
    st.none() | st.lists(contents, max_size=3).map(tuple),
    st.none() | st.floats(0, 1e9) | contents,
)


def test_the_text_is_one_json_in_one_way():
    row = Conversation(PAIR, ("math", "näh"), 1.5)
    assert conversation_text(row) == (
        '{"messages":[{"role":"user","content":"Name a prime."},'
        '{"role":"assistant","content":"7"}],"tags":["math","näh"],"quality":1.5}'
    )
    assert "tags" not in conversation_text(Conversation(PAIR))


@given(conversations)
def test_what_is_written_is_read(row):
    text = conversation_text(row)
    assert read_conversation(text) == row
    assert conversation_text(read_conversation(text)) == text


@given(conversations)
def test_tags_and_quality_are_no_part_of_what_a_model_reads(row):
    bare = conversation_text(Conversation(row.messages))
    assert messages_text(conversation_text(row)) == messages_text(bare)
    assert json.loads(messages_text(bare)) == json.loads(bare)["messages"]


def test_prompt_and_response():
    row = Conversation(SPOKEN)
    assert row.prompt == "Be brief.\n\nName a prime.\n\n7\n\nAnother?"
    assert row.response == "7"
    assert embedded_text(conversation_text(Conversation(PAIR))) == "Name a prime.\n7"
    assert (Conversation(()).prompt, Conversation(()).response) == ("", "")


def test_shown_on_one_line_and_cut():
    text = conversation_text(Conversation(PAIR))
    assert shown_conversation(text) == "Name a prime. → 7"
    long = Conversation((Message("user", "a b\n" * 99), Message("assistant", "c " * 99)))
    end = " ".join(["a b"] * 99)[-19:]
    expected = f"…{end} → {'c ' * 9}c…"
    assert shown_conversation(conversation_text(long), 20) == expected


def test_shown_by_task():
    assert registry.load(TASKS, "text").rows.display("plain") == "plain"
    assert registry.load(TASKS, "tabular").rows.display('{"a":1,"b":null}') == "a 1"
    assert (
        registry.load(TASKS, "instructions")
        .rows.display(conversation_text(Conversation(PAIR)))
        .endswith("→ 7")
    )


@pytest.mark.parametrize(
    ("spoken", "reason"),
    [
        ([], "no_response"),
        (["system"], "no_response"),
        (["user", "assistant"], None),
        (["system", "user", "assistant"], None),
        (["user", "assistant", "user", "assistant"], None),
        (["user"], "mixed_roles"),
        (["user", "assistant", "user"], "mixed_roles"),
        (["user", "assistant", "assistant"], "mixed_roles"),
        (["user", "user", "assistant"], "mixed_roles"),
        (["user", "system", "assistant"], "mixed_roles"),
        (["user", "tool", "assistant"], "mixed_roles"),
        (["assistant"], "no_prompt"),
        (["system", "assistant"], "no_prompt"),
        (["user", UNREADABLE], "unreadable_messages"),
    ],
)
def test_turns(spoken, reason):
    fault = message_fault([Message(role, "x") for role in spoken])
    assert (fault and fault[0]) == reason


def test_blank_messages():
    blank = Message("user", " \n")
    assert (message_fault([blank, PAIR[1]]) or "")[0] == "no_prompt"
    assert (message_fault([PAIR[0], Message("assistant", "")]) or "")[0] == "no_response"
    # A system message may be empty.
    assert message_fault([Message("system", ""), *PAIR]) is None


def test_an_unknown_role_is_named():
    fault = message_fault([Message("narrator", "x"), *PAIR])
    assert fault is not None
    assert "'narrator'" in fault[1]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *[(3, 3.0), ("0.5", 0.5), (0, 0.0), (-0.0, 0.0), (1e-9, 1e-9)],
        *[(None, ""), (float("nan"), "nan"), ("inf", "inf"), (-1, "-1"), (True, "True")],
        *[("good", "good"), ("", "")],
    ],
)
def test_quality(cell, value):
    read = read_quality(cell)
    assert read == value
    assert str(read) == str(value)
    assert (quality_fault(read) is None) == isinstance(value, float)


def test_roles_of_both_styles():
    expected = [Message("system", "s"), *PAIR]
    chat = [{"role": m.role, "content": m.content} for m in expected]
    shared = [{"from": f, "value": m.content}
              for f, m in zip(["system", "human", "GPT "], expected, strict=True)]  # fmt: skip
    assert read_messages(chat) == read_messages(shared) == expected
    assert read_messages(json.dumps(shared)) == expected
    # As `datasets` stores a Sequence of objects.
    turned = {"from": ["system", "human", "gpt"], "value": [m.content for m in expected]}
    assert read_messages(turned) == expected


@pytest.mark.parametrize("cell", ["[", "7", '"x"', 3, '["\\ud800"]', {"role": "user"}, ["hello"],
                                  [{"role": "user", "content": [{"type": "image"}]}],
                                  [{"content": "x"}], [{"role": 1, "content": "x"}],
                                  [{"role": "user", "content": "x", "from": "gpt"}]])  # fmt: skip
def test_what_is_no_list_of_messages_is_unreadable(cell):
    assert any(message.role == UNREADABLE for message in read_messages(cell))


def test_no_messages():
    assert read_messages(None) == read_messages("") == read_messages([]) == []
    assert read_messages([{"role": "user", "content": None}]) == [Message("user", "")]


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        (["b", " a ", "b", None, ""], ("a", "b")),
        ("b; a,b ,", ("a", "b")),
        ('["b, c", "a"]', ("a", "b, c")),
        ("[draft], a", ("[draft]", "a")),
        (3, ("3",)),
        (None, ()),
        ("", ()),
    ],
)
def test_tags(cell, tags):
    assert read_tags(cell) == tags
