from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.core.digests import content_hash, digest, file_digest, order_free_digest, text_hash

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_different_parts_have_different_digests(one, other):
    assert (digest(*one) == digest(*other)) == (one == other)


def test_digest_is_sha256_of_length_prefixed_parts():
    assert digest("ab", "ü") == sha256("2:ab2:ü".encode()).hexdigest()


@given(st.lists(TEXT, max_size=6).flatmap(lambda xs: st.tuples(st.just(xs), st.permutations(xs))))
def test_order_does_not_matter(pair):
    assert order_free_digest(pair[0]) == order_free_digest(pair[1])


def test_a_repeated_string_counts():
    assert order_free_digest(["a", "a"]) != order_free_digest(["a"])


def test_hashes_of_one_row_differ_by_kind():
    assert len({content_hash("a", ""), text_hash("a"), content_hash("", "a")}) == 3


def test_file_digest_is_that_of_its_bytes(tmp_path):
    content = b"x" * (1 << 20) + b"y"
    (tmp_path / "f").write_bytes(content)
    assert file_digest(tmp_path / "f") == sha256(content).hexdigest()
    with pytest.raises(OSError, match="No such file"):
        file_digest(tmp_path / "g")
