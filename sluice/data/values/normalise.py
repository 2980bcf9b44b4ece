"""What does not make two texts different."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """Fold NFC, white space and case."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()
