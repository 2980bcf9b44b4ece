import base64
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from sklearn.isotonic import IsotonicRegression

from sluice.core.errors import DataError
from sluice.reports import figures, fonts, maps
from sluice.reports.contents import RANDOM, CurvePoint, Interval
from sluice.reports.curves import CROWD, spread, ticks
from sluice.reports.figures import (
    DARK,
    LIGHT,
    Theme,
    class_balance,
    learning_curve,
    score_histogram,
    selection_map,
    themed,
    to_markdown,
    training_curve,
)
from sluice.reports.fonts import lettering, short
from sluice.reports.style import mark_of
from sluice.subsets.registry import SELECTORS

NAMES = [f"topic {i} of $x$" for i in range(77)]


def opened(png: bytes) -> Image.Image:
    Image.open(BytesIO(png)).verify()
    return Image.open(BytesIO(png)).convert("RGB")


def pixels_of(png: bytes, colour: str) -> int:
    """Count the pixels near a colour (the palette of the file may shift it a little)."""
    gap = np.abs(np.asarray(opened(png)) / 255 - np.array(to_rgb(colour))).max(axis=2)
    return int((gap < 0.04).sum())


def has_colour(png: bytes, colour: str, pixels: int = 20) -> bool:
    return pixels_of(png, colour) >= pixels


def points(selectors: int) -> list[CurvePoint]:
    names = [RANDOM, *(f"method_{i}" for i in range(selectors))]
    return [
        CurvePoint(name, share, Interval(m := 0.6 + 0.1 * share + 0.01 * i, m - 0.03, m + 0.03))
        for i, name in enumerate(names)
        for share in (0.02, 0.05, 0.1, 0.2)
    ]


def big_map(theme: Theme = LIGHT, scale: float = 1) -> bytes:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 77, 12_000)
    xy = rng.normal(size=(12_000, 2)).astype(np.float32)
    return selection_map(xy, rng.random(12_000) < 0.1, labels, NAMES, theme=theme, scale=scale)


def few_curves(theme: Theme = LIGHT, scale: float = 1) -> bytes:
    return learning_curve(points(3), Interval(0.7, 0.68, 0.72), theme=theme, scale=scale)


def many_curves(theme: Theme = LIGHT, scale: float = 1) -> bytes:
    return learning_curve(points(8), Interval(0.7, 0.68, 0.72), theme=theme, scale=scale)


def histogram(theme: Theme = LIGHT, scale: float = 1) -> bytes:
    values = np.append(np.random.default_rng(0).beta(2, 5, 12_000), [np.nan, np.inf])
    return score_histogram(values, "margin", 0.2, theme=theme, scale=scale)


def balance(theme: Theme = LIGHT, scale: float = 1) -> bytes:
    counts = np.arange(77) * 10
    return class_balance(counts, counts // 7, NAMES, theme=theme, scale=scale)


def training(theme: Theme = LIGHT, scale: float = 1) -> bytes:
    curve = {"train_loss": [1.0, 0.7, 0.5], "accuracy": [0.5, 0.6, 0.65]}
    return training_curve(curve, theme=theme, scale=scale)


SIZES: list[tuple[Callable[..., bytes], tuple[int, int]]] = [
    (big_map, (760, 560)),
    (few_curves, (800, 440)),
    (many_curves, (800, 705)),
    (histogram, (640, 360)),
    (balance, (700, 1190)),
    (training, (800, 340)),
]


@pytest.mark.parametrize(("draw", "size"), SIZES, ids=lambda v: getattr(v, "__name__", ""))
def test_is_a_small_png_of_the_promised_size_and_the_same_each_time(
    draw: Callable[..., bytes], size: tuple[int, int]
) -> None:
    png = draw()
    assert opened(png).size == size
    assert len(png) < 100_000
    assert draw() == png
    dark = draw(scale=2, theme=DARK)
    assert opened(dark).size == (2 * size[0], 2 * size[1])
    assert has_colour(dark, DARK.paper, 10_000)


def test_no_pyplot_is_loaded() -> None:
    few_curves()
    assert "matplotlib.pyplot" not in sys.modules


def test_map_colours_kept_rows_by_class_and_dropped_rows_pale() -> None:
    xy = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    labels = np.repeat([0, 1], 100)
    names = ["a", "b"]
    nothing = np.zeros(200, dtype=bool)
    only_a = selection_map(xy, labels == 0, labels, names)
    # the legend alone names a class in a few pixels; rows of it make many more
    assert has_colour(only_a, LIGHT.series[0], 500)
    assert not has_colour(only_a, LIGHT.series[1], 500)
    assert has_colour(only_a, LIGHT.dropped, 500)
    none = selection_map(xy, nothing, labels, names)
    assert not has_colour(none, LIGHT.series[0], 500)
    every = selection_map(xy, ~nothing, labels, names)
    # the soft edges of grey letters leave some such pixels
    assert pixels_of(every, LIGHT.dropped) < pixels_of(only_a, LIGHT.dropped) / 2
    assert pixels_of(only_a, LIGHT.dropped) < pixels_of(none, LIGHT.dropped)


def test_map_of_no_rows_and_of_one_is_drawn() -> None:
    one = np.zeros((1, 2), np.float32)
    labels = np.zeros(1, np.int64)
    drawn = selection_map(one, np.array([True]), labels, ["a"])
    empty = selection_map(one[:0], np.zeros(0, bool), labels[:0], ["a"])
    assert opened(drawn).size == opened(empty).size
    assert drawn != empty


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(DataError, match="disagree"):
        selection_map(np.zeros((3, 2), np.float32), np.ones(2, bool), np.zeros(3, int), ["a"])
    with pytest.raises(DataError, match="2 class names"):
        class_balance([1, 2, 3], [1, 1, 1], ["a", "b"])


def test_learning_curve_draws_random_in_ink_and_each_selector_in_its_colour() -> None:
    drawn = few_curves()
    assert has_colour(drawn, LIGHT.ink, 300)
    for i in range(3):
        assert has_colour(drawn, mark_of(f"method_{i}").colour, 100)
    assert not has_colour(learning_curve(points(0)), mark_of("k_center").colour)


def test_learning_curve_shows_a_single_budget_and_refuses_none() -> None:
    lone = [p for p in points(1) if p.share == 0.1]
    narrow = [CurvePoint(p.selector, p.share, Interval(p.level.mean, 0, 1)) for p in lone]
    assert learning_curve(lone) != learning_curve(narrow)  # the interval shows, without a band
    with pytest.raises(ValueError, match="no points"):
        learning_curve([])


def test_more_selectors_than_fit_one_panel_get_one_each() -> None:
    heights = [opened(learning_curve(points(n))).height for n in (CROWD, CROWD + 1, 7)]
    assert heights[0] == 440
    assert heights[1] < heights[2]


def test_ticks_have_room_for_their_labels_and_equal_budgets_share_one() -> None:
    assert ticks([0.1, 0.01, 0.0104, 0.05], 0.01) == [0.01, 0.05, 0.1]
    shares = [0.01 * size for size in range(1, 10)]
    assert ticks(shares, 0.5) == [0.01, 0.04]
    assert ticks([0.05], 0.2) == [0.05]


def test_order_of_points_does_not_matter() -> None:
    assert learning_curve(points(3)[::-1]) == learning_curve(points(3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.2))
def test_labels_are_moved_apart_as_little_as_possible(places: list[float], gap: float) -> None:
    places = sorted(places)
    moved = np.array(spread(places, gap))
    assert (np.diff(moved) >= gap - 1e-9).all()
    steps = gap * np.arange(len(places))
    oracle = IsotonicRegression().fit_transform(steps, np.array(places) - steps) + steps
    np.testing.assert_allclose(moved, oracle, atol=1e-9)


def test_marks_depend_on_the_name_alone_and_tell_the_registry_apart() -> None:
    assert mark_of("k_center").colour == "#0072b2"
    assert mark_of(RANDOM).colour == LIGHT.ink
    marks = {name: mark_of(name) for name in SELECTORS}
    assert len(set(marks.values())) == len(marks)
    fresh = mark_of("a_method_of_yours")
    assert fresh == mark_of("a_method_of_yours")
    assert fresh not in marks.values()


def test_histograms_change_with_what_they_show() -> None:
    values = np.linspace(0, 1, 50)
    assert not has_colour(score_histogram(values, "s"), LIGHT.series[1])
    assert has_colour(score_histogram(values, "s", 0.5), LIGHT.series[1], 100)
    opened(score_histogram(np.array([np.nan]), "s", 0.5))


def test_themed_gives_both_appearances_under_the_names_of_the_page() -> None:
    both = themed("class_balance", class_balance, [5, 5], [1, 2], ["a", "b"])
    assert set(both) == {"class_balance", "class_balance@dark"}
    assert opened(both["class_balance"]).getpixel((0, 0)) == (255, 255, 255)
    assert opened(both["class_balance@dark"]).getpixel((0, 0)) != (255, 255, 255)
    assert opened(both["class_balance"]).width == 1400


def test_markdown_carries_the_bytes() -> None:
    text = to_markdown(b"\x89PNG...")
    assert text.startswith("![](data:image/png;base64,")
    assert base64.b64decode(text.split(",")[1].rstrip(")")) == b"\x89PNG..."


def drawn_texts(monkeypatch: pytest.MonkeyPatch, draw: Callable[[], bytes]) -> list[Text]:
    """Return the texts of a figure as they were when it was drawn; warnings are errors."""
    texts: list[Text] = []
    real = figures.to_png

    def seen(figure: Figure) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            png = real(figure)
        texts.extend(t for t in figure.findobj(Text) if t.get_visible() and t.get_text())
        return png

    monkeypatch.setattr(figures, "to_png", seen)
    monkeypatch.setattr(maps, "to_png", seen)
    draw()
    return texts


STRANGE = [
    *("日本語", "한국어", "positive", "ﷺ\U0001f600", "_hidden", "$x$ and $y^{2", "two\nlines"),
    *("\u202eright to left", "עברית", "lone \ud800", "x" * 300, "\\$a\\$", "%d {0}", "\x00"),
]


def test_names_of_every_script_are_drawn_or_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = list(range(40, 40 - len(STRANGE), -1))
    texts = drawn_texts(monkeypatch, lambda: class_balance(counts, counts, STRANGE))
    shown = [t.get_text().replace(r"\$", "$") for t in texts]
    for name in ("positive", "_hidden", "$x$ and $y^{2", "two lines", "right to left", "עברית"):
        assert name in shown
    few = ["\ue000", "_hidden", "$x$ and $y^{2", "positive"]
    labels = np.arange(40) % len(few)
    xy = np.random.default_rng(0).normal(size=(40, 2))
    kept = np.ones(40, dtype=bool)
    drawn = drawn_texts(monkeypatch, lambda: selection_map(xy, kept, labels, few))
    shown = [t.get_text().replace(r"\$", "$") for t in drawn]
    for name in ("class 1 (10)", "positive (10)", "_hidden (10)", "$x$ and $y^{2 (10)"):
        assert name in shown


def test_undrawable_names_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    names = ["\U0001243f", "plain", "\ue000"]
    fonts._families.cache_clear()
    font_manager.fontManager._findfont_cached.cache_clear()
    for _ in range(3):
        found = lettering(names)
    assert found.names == ("class 1", "plain", "class 3")
    assert found.numbered == {"class 1": "\U0001243f", "class 3": "\ue000"}
    assert len(caplog.messages) == 1
    assert "fonts-noto" in caplog.messages[0]


def test_another_installed_font_is_taken_for_letters_that_the_usual_one_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A font of one letter that no font on this machine has, made on the spot."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", "square"])
    made.setupCharacterMap({0x65E5: "square"})
    made.setupGlyf({".notdef": square, "square": square})
    made.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "One Letter Sans", "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    made.save(tmp_path / "one.ttf")
    entries = list(font_manager.fontManager.ttflist)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)
    font_manager.fontManager.addfont(tmp_path / "one.ttf")
    fonts._families.cache_clear()
    fonts._lettering.cache_clear()
    try:
        found = lettering(["日", "语"])
        assert found.names == ("日", "class 2")
        assert found.families[-1] == "One Letter Sans"
        texts = drawn_texts(monkeypatch, lambda: class_balance([3, 1], [2, 1], ["日", "语"]))
        assert {"日", "class 2"} <= {t.get_text() for t in texts}
    finally:
        fonts._families.cache_clear()
        fonts._lettering.cache_clear()


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_short_name_is_on_one_line_and_no_mathematics(name: str) -> None:
    text = short(name)
    assert len(text.replace(r"\$", "$")) <= 24
    assert not any(c in text for c in "\n\r\t\v\x00\u2028\u202e")
    assert "$" not in text.replace(r"\$", "")
