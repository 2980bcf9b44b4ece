import re
from collections import Counter
from dataclasses import replace
from html import escape, unescape
from html.parser import HTMLParser
from importlib.resources import files
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image

from sluice.reports.contents import RANDOM, Evidence, Interval, ReportData
from sluice.reports.narrative import seconds
from sluice.reports.page import render
from sluice.reports.tables import format_difference, format_interval

VOID = {"meta", "img", "br", "hr", "source", "line", "circle", "input", "link", "col", "wbr"}

BLOCKS = {"p", "ul", "ol", "dl", "table", "figure", "section", "div", "details", "pre"}


class Strict(HTMLParser):
    """Refuses what a browser would silently mend: unclosed, crossed or stray tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute"
        assert not (
            tag in {"p", "ul", "ol", "dl", "table", "figure", "section"} and "p" in self.open
        )
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        if tag in {"td", "th", "dt", "dd", "li", "p"}:
            self.text.append(" ")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"}:
            self.text.append(data)


def parsed(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def words_of(page: str) -> str:
    text = "".join(parsed(page).text).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", text)


def without_wins(data: ReportData) -> ReportData:
    rows = [
        r if r.selector == RANDOM
        else replace(r, versus_random=Interval(0.0, -0.01, 0.01), beats_random=False)
        for r in data.budget_rows
    ]  # fmt: skip
    return replace(data, budget_rows=rows)


def test_every_number_is_on_the_page(data: ReportData) -> None:
    text = words_of(render(data))
    assert data.all_rows is not None
    assert data.model_card is not None
    for row in [*data.budget_rows, data.all_rows]:
        assert format_interval(*row.test) in text
        assert format_interval(*row.validation) in text
        for gap in (row.versus_random, row.versus_all):
            assert gap is None or format_difference(*gap) in text
        assert f"{row.size:,}" in text
    numbers = [*data.split_rows.values(), *data.rejected.values(), *data.class_counts.values()]
    numbers += data.kept_class_counts.values()
    for cost in data.stage_costs:
        numbers += [cost.rows_total, cost.rows_new, cost.rows_reused, cost.rows_removed]
        assert seconds(cost.seconds) in text
    for number in numbers:
        assert re.search(rf"(?<![\d,]){number:,}(?![\d,])", text), number
    words = [data.generated_at, data.snapshot, *data.warnings, *data.rejected, *data.versions]
    words += [*data.versions.values(), *data.selection_ids.values(), *data.class_counts]
    for kept in data.kept.values():
        for k in kept:
            words += [k.instance_id, k.label, k.text, k.reason, f"gain {k.gain:.4g}"]
    for s in data.suspects:
        words += [s.instance_id, s.text, s.label, s.suggested, f"{s.score:.3g}"]
    words += [data.model_card.champion_decision, data.model_card.version, "champion"]
    for word in words:
        assert word in text, word


def test_headline_is_one_sentence_with_its_interval(data: ReportData) -> None:
    text = words_of(render(data))
    assert (
        "gais kept 500 of 5,000 training rows (10 %); a model trained on them alone reaches a "
        "test accuracy of 0.779 [0.758, 0.801], and one trained on all rows 0.900 [0.881, 0.917]."
    ) in text
    assert (
        "1 of 6 subsets beats random. The chosen subset beats random: +0.041 [+0.030, +0.054]"
    ) in text


def test_texts_are_escaped(data: ReportData) -> None:
    page = render(data)
    tags = Counter(tag for tag, _ in parsed(page).seen)
    assert tags["script"] == 0
    assert tags["b"] == 0
    assert tags["odd"] == 0
    assert escape("<script>alert('x')</script>", quote=False) in page.replace("&#39;", "'")
    assert all(not name.startswith("on") for _, attrs in parsed(page).seen for name in attrs)
    assert "tiny & <odd>" in unescape(page)


def test_says_plainly_when_nothing_beats_random(data: ReportData) -> None:
    text = words_of(render(without_wins(data)))
    assert "No selector beats random at any budget." in text
    assert "The chosen subset does not beat random: +0.000 [-0.010, +0.010]" in text
    for name in ("gais", "k_center", "margin"):
        assert f"{name} beats random at no budget." in text


def test_lists_where_each_selector_stands(data: ReportData) -> None:
    text = words_of(render(data))
    assert "margin beats random at no budget; it is worse at 2 %." in text
    assert "k_center beats random at no budget." in text
    assert "gais beats random at 10 %; does not beat random at 2 %." in text
    assert text.index("k_center beats random at no") < text.index("gais beats random at 10 %")
    assert "any of the 6 claims in at most 5 % of cases (Holm)" in text


def test_what_stands_between_backticks_is_code_and_still_escaped(data: ReportData) -> None:
    page = render(replace(data, lead="Run `sluice run <b> & c`, or not: it`s <i>."))
    parsed(page)
    assert "Run <code>sluice run &lt;b&gt; &amp; c</code>, or not: it`s &lt;i&gt;." in page


def test_a_selector_without_comparison_is_named(data: ReportData) -> None:
    rows = [
        replace(r, versus_random=None, beats_random=None) if r.selector == "gais" else r
        for r in data.budget_rows
    ]
    text = words_of(render(replace(data, budget_rows=rows)))
    assert "Not compared with random: gais." in text
    assert "The chosen subset was not compared with stratified random rows." in text


def test_chosen_random_is_called_the_control(data: ReportData) -> None:
    text = words_of(render(replace(data, chosen_selector=RANDOM)))
    assert "The chosen subset is the control itself" in text


def test_nothing_is_loaded_from_elsewhere(data: ReportData) -> None:
    page = render(data)
    for tag, attrs in parsed(page).seen:
        for name in ("src", "srcset"):
            assert (attrs.get(name) or "data:image/png;base64,").startswith(
                "data:image/png;base64,"
            )
        assert tag not in {"script", "link", "iframe", "object", "embed"}
        if tag == "a":
            assert data.model_card is not None
            assert attrs["href"] == data.model_card.mlflow_url
    assert "@import" not in page
    assert "url(" not in page
    assert "http" not in render(replace(data, model_card=None))


def test_a_link_that_is_no_web_address_is_shown_but_not_followed(data: ReportData) -> None:
    assert data.model_card is not None
    card = replace(data.model_card, mlflow_url="javascript:alert(1)")
    page = render(replace(data, model_card=card))
    assert "javascript:alert(1)" in words_of(page)
    assert not any(tag == "a" for tag, _ in parsed(page).seen)


def test_markup_serves_those_who_do_not_see_it(data: ReportData) -> None:
    page = render(data)
    seen = parsed(page).seen
    assert page.startswith("<!DOCTYPE html>")
    assert dict(seen)["html"] == {"lang": "en"}
    assert all(attrs.get("scope") for tag, attrs in seen if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in seen if tag == "img")
    ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    named = [attrs["aria-labelledby"] for tag, attrs in seen if tag == "section"]
    assert len(named) == 8
    assert set(named) <= set(ids)
    levels = [int(tag[1]) for tag, _ in seen if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_tables_have_as_many_cells_as_heads(data: ReportData) -> None:
    for table in re.findall(r"<table>.*?</table>", render(data), re.S):
        head, *body = re.findall(r"<tr.*?</tr>", table, re.S)
        heads = len(re.findall(r"<th\b", head))
        for row in body:
            cells = len(re.findall(r"<t[hd]\b", row))
            assert cells == heads or f'colspan="{heads}"' in row


def test_figures_are_shown_in_their_size_and_for_dark_screens(data: ReportData) -> None:
    seen = parsed(render(data)).seen
    images = [attrs for tag, attrs in seen if tag == "img"]
    assert len(images) == 1
    pixels = Image.open(BytesIO(data.figures["class_balance"])).size
    shown = (int(images[0]["width"] or 0), int(images[0]["height"] or 0))
    assert shown == (pixels[0] // 2, pixels[1] // 2)  # drawn twice as dense for the report
    sources = [attrs for tag, attrs in seen if tag == "source"]
    assert [s["media"] for s in sources] == ["screen and (prefers-color-scheme: dark)"]
    light_only = {"class_balance": data.figures["class_balance"]}
    again = parsed(render(replace(data, figures=light_only))).seen
    assert not any(tag == "source" for tag, _ in again)


def test_how_to_reproduce_quotes_what_a_shell_would_split(data: ReportData) -> None:
    text = words_of(render(data))
    assert "sluice export 'tiny & <odd>' --method gais --budget 0.1 kept.parquet" in text
    unbudgeted = [replace(r, budget=None) for r in data.budget_rows]
    text = words_of(render(replace(data, budget_rows=unbudgeted)))
    assert "--method gais kept.parquet" in text


def test_a_young_dataset_still_has_a_page(data: ReportData) -> None:
    young = replace(
        data, budget_rows=[], all_rows=None, model_card=None, rejected={}, warnings=(),
        stage_costs=(), kept={}, kept_class_counts={}, selection_ids={}, suspects=(), figures={},
        versions={},
    )  # fmt: skip
    text = words_of(render(young))
    for sentence in (
        "No subset has been evaluated yet.",
        "No selector was compared with random.",
        "No model has been registered yet.",
        "No raw row was rejected.",
        "No stage has run yet.",
    ):
        assert sentence in text


def test_a_very_long_text_is_cut_and_says_so(data: ReportData) -> None:
    suspect = replace(data.suspects[0], text="x" * 5000)
    text = words_of(render(replace(data, suspects=[suspect])))
    assert "x" * 600 + "… (5,000 characters in all)" in text
    assert "x" * 601 not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00 s"), (0.004, "< 0.01 s"), (0.04, "0.04 s"), (9.996, "10.0 s"), (12.34, "12.3 s"),
        (59.96, "1 min 00 s"), (192, "3 min 12 s"), (3599.7, "1 h 00 min"), (7500, "2 h 05 min"),
    ],
)  # fmt: skip
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


def test_template_and_style_lie_inside_the_package() -> None:
    for name in ("page.html.j2", "page.css"):
        assert (files("sluice.reports") / name).is_file()


def test_what_only_a_task_finds_has_a_section_of_its_own(data):
    found = Evidence("What <b> is worth", ["It's 3 % & no more."], ["head", "worth"], [["0", "<1"]])
    silent = Evidence("Only words", ["Nothing to count."])
    page = render(replace(data, evidence=[found, silent]))
    parsed(page)
    assert f'<h2 id="h-evidence-1">{escape(found.title)}</h2>' in page
    assert unescape(page).count("It's 3 % & no more.") == 1
    assert '<th scope="row">0</th><td>&lt;1</td>' in page
    assert page.count('aria-labelledby="h-evidence-') == 2
    assert 'aria-label="Only words"' not in page
    assert "h-evidence" not in render(data)


def test_a_page_of_a_loss_says_which_way_is_better(data: ReportData) -> None:
    rows = [replace(r, lower=True, also={"loss by family": "1.234"}) for r in data.budget_rows]
    about = replace(
        data, budget_rows=rows, metric="loss", learner="Adapters of `base`", caveats=["Few rows."]
    )
    text = words_of(render(about))
    assert "Loss over budget" in text
    assert "Adapters of base. Few rows." in " ".join(text.split())
    assert "paired difference lies below 0" in text
    assert "Loss by family" in text
    assert "1.234" in text
    assert "<code>base</code>" in render(about)
