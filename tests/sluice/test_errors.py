"""Messages are for people, whatever they quote."""

from pathlib import Path

import pytest

from sluice.core.errors import DataError, shortened
from sluice.data.ingest.add import add_dataset


def test_a_message_quotes_no_whole_book(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("w" * 1_000_000 + "\n")
    with pytest.raises(DataError, match="no tag") as caught:
        add_dataset(tmp_path / "a.conll", tmp_path / "datasets", task="tokens")
    assert len(str(caught.value)) <= 8000
    assert str(caught.value).endswith("Write one behind it, O where it is of nothing.")


def test_the_middle_goes() -> None:
    assert shortened("ab", 2) == "ab"
    assert shortened("a" * 50 + "b" * 50, 20) == "a" * 12 + "..." + "b" * 5
