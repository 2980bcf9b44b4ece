"""What a person sees: the Dagster UI and the report, in headless Chromium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from lineage import run_lineage
from served import Served

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium (Debian: chromium) is not installed"),
]


@pytest.fixture
def served(
    home: Path, root: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> Iterator[Served]:
    make_dataset("tweets", tweets, training={"enabled": False}, selectors=["k_center"])
    ran = run_lineage("tweets", stored=True)
    assert ran.success, ran.errors
    server = Served(root, home)
    yield server
    server.stop()


def test_the_ui_and_the_report(served: Served, home: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    served.until("Dagster UI", lambda: served.ask("{ version }"))
    base = f"http://127.0.0.1:{served.port}"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        page = browser.new_page(viewport={"width": 1400, "height": 1400})
        page.goto(f"{base}/assets/text/subsets/k_center?view=overview")
        expect(page.get_by_text("Sener and Savarese").first).to_be_visible(timeout=60_000)
        page.goto(f"{base}/assets/text/subsets/k_center?view=partitions&partition=tweets")
        expect(page.get_by_text("rows_reused").first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("first_rows").first).to_be_visible()
        page.goto(f"{base}/locations/sluice/asset-groups/text_evaluations/lineage")
        expect(page.get_by_text("comparison").first).to_be_visible(timeout=60_000)

        # A page of its own: the UI's last page may still be polling when this one opens.
        page = browser.new_page(viewport={"width": 1400, "height": 1400})
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: problems.append(request.url))
        report = home / "sluice" / "reports" / "tweets.html"
        page.goto(report.as_uri())
        expect(page.get_by_role("heading", name="tweets").first).to_be_visible()
        images = page.locator("img")
        assert images.count() >= 5
        for at in range(images.count()):
            picture = images.nth(at)
            if picture.is_visible():
                assert picture.evaluate("image => image.naturalWidth") > 100
                assert picture.get_attribute("alt")
        outside = [p for p in problems if not p.startswith(("file:", "data:"))]
        assert outside == []
        narrow = browser.new_page(viewport={"width": 400, "height": 900})
        narrow.goto(report.as_uri())
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 400
        browser.close()
