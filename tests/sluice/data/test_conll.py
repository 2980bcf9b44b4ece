import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.readers.conll import Sentence, read_conll, read_tagged_jsonl


@pytest.fixture
def written(tmp_path):
    def write(content, name="a.conll"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_tabs_spaces_documents_and_a_tab_as_blank_line(written):
    content = (
        "\ufeff-DOCSTART- -X- O\n\nEmpire\tB-place\nState\tI-place\n\t\n \nAnna NNP B-person\r\n"
    )
    found = read_conll(written(content.replace("NNP ", "")), "file")
    assert found.rejected == []
    assert [(s.tokens, s.tags, s.line) for s in found.sentences] == [
        (("Empire", "State"), ("B-place", "I-place"), 3),
        (("Anna",), ("B-person",), 7),
    ]
    assert found.sentences[0].line_of(1) == 4
    assert found.sentences[0].text == "Empire State"


def test_the_last_column_is_the_tag_and_a_word_may_hold_odd_spaces(written):
    found = read_conll(written("New York\tNNP\tI-NP\tB-place\na\u2028b\tX\tY\tO\n"))
    assert found.sentences[0].tokens == ("New York", "a\u2028b")
    assert found.sentences[0].tags == ("B-place", "O")


@pytest.mark.parametrize(
    ("bad", "reason", "line"),
    [
        ("word\n", "missing_tag", 5),
        ("word\t\n", "missing_tag", 5),
        ("\tO\n", "empty_token", 5),
        ("\u00a0\tO\n", "empty_token", 5),
        ("word\tNNP\tO\n", "other_columns", 5),
    ],
)
def test_a_faulty_line_rejects_its_sentence_and_no_other(written, bad, reason, line):
    found = read_conll(written(f"one\tO\n\na\tO\nb\tO\n{bad}c\tO\n\nlast\tB-x\n"), "file")
    assert [s.tokens for s in found.sentences] == [("one",), ("last",)]
    assert [(r.reason, r.line, r.file) for r in found.rejected] == [(reason, line, "file")]
    assert found.rejected[0].detail.endswith(".")


@pytest.mark.parametrize("content", ["", "\n\t\n", "-DOCSTART- O\n"])
def test_a_file_without_words_is_refused(written, content):
    with pytest.raises(DataError, match="holds no word"):
        read_conll(written(content))


def test_another_encoding_is_refused_with_its_line(written):
    with pytest.raises(DataError, match=r"not UTF-8: byte 11 \(line 2\)"):
        read_conll(written(b"word\tO\nna\tO\xef\n"))
    with pytest.raises(DataError, match="UTF-16"):
        read_conll(written("word\tO\n".encode("utf-16")))


WORDS = st.text(
    st.characters(blacklist_characters="\t\n\r ", blacklist_categories=("Cs",)), min_size=1
).filter(lambda word: word.strip() == word and word and not word.startswith(("-DOC", "\ufeff")))
SENTENCES = st.lists(
    st.lists(st.tuples(WORDS, st.sampled_from(["O", "B-x", "I-x"])), min_size=1, max_size=5),
    min_size=1,
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(SENTENCES, st.sampled_from(["\t", " "]), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read(tmp_path_factory, sentences, between, end):
    path = tmp_path_factory.mktemp("conll") / "a"
    blocks = ["".join(f"{w}{between}{t}{end}" for w, t in rows) for rows in sentences]
    path.write_bytes(end.join(blocks).encode())
    found = read_conll(path)
    assert found.rejected == []
    assert [list(zip(s.tokens, s.tags, strict=True)) for s in found.sentences] == sentences


def test_jsonl(written):
    rows = [
        {"tokens": ["a", "b"], "tags": ["O", "B-x"]},
        {"tokens": ["a"]},
        {"tokens": [], "tags": []},
        {"tokens": "a b", "tags": ["O", "O"]},
        {"tokens": ["a"], "tags": [0]},
        {"tokens": ["a", "b"], "tags": ["O"]},
        {"tokens": ["a", " "], "tags": ["O", "O"]},
        {"tokens": ["a", "b"], "tags": ["O", ""]},
    ]
    content = "\n\n".join(map(json.dumps, rows))
    found = read_tagged_jsonl(written(content, "a.jsonl"), "file")
    assert found.sentences == [Sentence(("a", "b"), ("O", "B-x"), "file", 1)]
    assert found.sentences[0].line_of(1) == 1
    assert [(r.line, r.reason) for r in found.rejected] == [
        (3, "no_tags"),
        (5, "no_tokens"),
        (7, "no_tokens"),
        (9, "not_texts"),
        (11, "different_lengths"),
        (13, "empty_token"),
        (15, "missing_tag"),
    ]
    other = written('{"words": ["a"], "ner": ["O"]}', "b.jsonl")
    assert len(read_tagged_jsonl(other, tokens="words", tags="ner").sentences) == 1


@pytest.mark.parametrize("content", ["", "{", '["a"]', b'{"tokens": ["\xff"]}'])
def test_a_broken_jsonl_file_is_refused(written, content):
    with pytest.raises(DataError):
        read_tagged_jsonl(written(content))
