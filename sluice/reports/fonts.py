"""Names of people's own in pictures: fonts that have their letters, and what to do without.

matplotlib takes every letter that its font lacks from the other families that a text names, and
draws a box and warns for each that none of them has.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

logger = logging.getLogger("sluice.stage")

MOST_LETTERS = 24

# These draw a box or a picture for every letter there is, or letters of mathematics only.
_NO_FONT_OF_TEXTS = ("Last Resort", "Emoji", "STIX", "cm")
_REGULAR = {(weight, "normal", "normal") for weight in (400, "normal", "regular")}


@dataclass(frozen=True)
class Lettering:
    """Names as they can be drawn.

    Attributes
    ----------
    names : tuple of str
        One for each name given: short, on one line, without signs that matplotlib reads; one
        that no installed font can draw is its number, `class 3`.
    families : tuple of str
        Font families that have all their letters between them, the usual one first.
    numbered : dict of str to str
        The names that are numbers now, by what is drawn in their place.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    numbered: dict[str, str]


def short(name: str, most: int = MOST_LETTERS) -> str:
    """Cut a long name for a label, and keep its dollar signs from starting mathematics."""
    name = _plain(name)
    name = name if len(name) <= most else name[: most - 1] + "…"
    return name.replace("$", r"\$")


def lettering(names: Sequence[str]) -> Lettering:
    """Return how names of classes are drawn; say once which of them no font can draw.

    Looks for fonts only where the usual one lacks a letter: milliseconds for each that is
    installed, once a process.
    """
    return _lettering(tuple(names))


@lru_cache(maxsize=64)
def _lettering(names: tuple[str, ...]) -> Lettering:
    from matplotlib import rcParams

    usual = tuple(rcParams["font.family"])
    drawn: list[str] = []
    numbered: dict[str, str] = {}
    families: dict[str, None] = dict.fromkeys(usual)
    for number, name in enumerate(names, start=1):
        text = short(name)
        found = _families(frozenset(text) - _letters_of_usual())
        if found is None or not text:
            text = f"class {number}"
            numbered[text] = name
        else:
            families |= dict.fromkeys(found)
        drawn.append(text)
    if numbered:
        logger.warning(
            "No installed font has the letters of %s: the pictures number them (%s), the page "
            "says which is which. Install a font that has them, such as Debian's fonts-noto-cjk "
            "or fonts-noto-core, to see the names.",
            "a class's name" if len(numbered) == 1 else f"the names of {len(numbered)} classes",
            ", ".join(f"{key}: {_plain(name)}" for key, name in list(numbered.items())[:5])
            + (", ..." if len(numbered) > 5 else ""),
        )
    return Lettering(tuple(drawn), tuple(families), numbered)


def _plain(name: str) -> str:
    """Put a name on one line, and drop what has no form: controls, marks of direction, halves."""
    spaced = " ".join(name.split())
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})


@lru_cache(maxsize=1)
def _letters_of_usual() -> frozenset[str]:
    from matplotlib.font_manager import FontProperties, findfont

    return _letters(findfont(FontProperties()))


def _letters(path: str) -> frozenset[str]:
    from matplotlib.font_manager import get_font

    try:
        font = get_font(path)
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):  # a font that is broken, or gone since
        return frozenset()


@lru_cache(maxsize=1024)
def _families(missing: frozenset[str]) -> tuple[str, ...] | None:
    """Return few families that have some letters, or None where an installed one lacks them."""
    from matplotlib.font_manager import fontManager

    found: list[str] = []
    # matplotlib complains of a family that it is asked for and that has no regular font.
    regular = {
        entry.name: entry.fname
        for entry in fontManager.ttflist
        if (entry.weight, entry.style, entry.stretch) in _REGULAR
    }
    names = sorted(regular, key=lambda name: ("Sans" not in name, name))
    for name in names if missing else ():
        if name.startswith(_NO_FONT_OF_TEXTS) or "Emoji" in name:
            continue
        has = missing & _letters(regular[name])
        if has:
            found.append(name)
            missing = missing - has
        if not missing:
            break
    return None if missing else tuple(found)
