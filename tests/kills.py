"""Kills refreshes at random moments; a rerun must reach the undisturbed result, and lose nothing.

Run as a program in a process of its own: it imports everything, computes nothing, and forks a
child for each refresh, so that a kill costs a refresh and not a start of Python.

    PYTHONPATH=tests:. python tests/kills.py FOLDER COUNT SEED
"""

import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import faiss  # noqa: F401
import mlflow  # noqa: F401
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn.linear_model  # noqa: F401
import torch  # noqa: F401
import transformers  # noqa: F401
import yaml
from workshop import CONFIG, Rows, Workshop, errors_of, refresh, state_of

from resources.lake import Lake
from resources.store.maintenance import maintain

COUNT, NEW, WAITING = 150, 25, 12
TWEETS = Path(__file__).parent.parent / "datasets" / "vader_tweets" / "vader_tweets.parquet"


def in_a_child(work: Callable[[], None]) -> int:
    """Fork, do the work, and return the child's process number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def done(work: Callable[[], None]) -> None:
    """Do the work in a child to its end."""
    _, status = os.waitpid(in_a_child(work), 0)
    assert status == 0, "a child failed"


def refreshed() -> None:
    result = refresh()
    assert result.success, errors_of(result)


def refreshed_to(out: Path) -> None:
    refreshed()
    out.write_bytes(pickle.dumps(state_of(Lake())))


def write_rows(shop: Workshop, changed: bool) -> None:
    """Write the first state of the files, or the second: rows gone, edited and new."""
    pool = shop.pool
    order = np.random.default_rng(5).permutation(len(pool.texts))
    chosen = order[NEW : COUNT + NEW] if changed else order[:COUNT]
    texts = [pool.texts[i] for i in chosen]
    if changed:
        texts[10:15] = [f"{text} And more." for text in texts[10:15]]
    columns = {
        "id": [f"row-{i:04d}" for i in chosen],
        "text": texts,
        # The last ones wait for a label.
        "label": [pool.labels[i] for i in chosen[:-WAITING]] + [""] * WAITING,
    }
    pq.write_table(pa.table(columns), shop.folder / "rows.parquet")


def orphans() -> list[str]:
    """Maintain the lake, and return the files that no table and no kept snapshot knows."""
    lake = Lake()
    maintain(lake, longest_transaction=timedelta(0))
    known = lake.read(
        "SELECT path FROM __ducklake_metadata_lake.ducklake_data_file "
        "UNION SELECT path FROM __ducklake_metadata_lake.ducklake_delete_file "
        "UNION SELECT path FROM __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion"
    )["path"].to_pylist()
    names = {Path(path).name for path in known}
    return sorted(
        path.name for path in (lake.folder / "data").rglob("*.parquet") if path.name not in names
    )


def checked(out: Path, expected: Path) -> None:
    """Run again what was killed, and compare."""
    refreshed_to(out)
    lived, undisturbed = (pickle.loads(path.read_bytes()) for path in (out, expected))
    for part in undisturbed:
        assert lived[part] == undisturbed[part], f"{part} differ from the undisturbed result"
    left = orphans()
    assert not left, f"maintenance left orphans: {left}"


def main() -> None:
    root, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    os.environ["DAGSTER_HOME"] = str(root)
    table = pq.read_table(TWEETS).slice(300, 300)
    shop = Workshop(root, Rows(table["text"].to_pylist(), table["label"].to_pylist(), None))
    shop.folder.mkdir(parents=True)
    columns = {"id": "id", "text": "text", "label": "label"}
    (shop.folder / "dataset.yaml").write_text(yaml.safe_dump({**CONFIG, "columns": columns}))
    moments = np.random.default_rng(seed)
    expected, out = root / "undisturbed.pickle", root / "lived.pickle"
    with shop.at("lived"):
        write_rows(shop, changed=False)
        done(refreshed)
        shop.keep("lived", "first")
        write_rows(shop, changed=True)
        began = time.monotonic()
        done(lambda: refreshed_to(expected))
        longest = time.monotonic() - began
        ended_before = equal = 0
        for number in range(count):
            shop.restore("lived", "first")
            wait = float(moments.uniform(0, longest))
            child = in_a_child(refreshed)
            time.sleep(wait)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            ended_before += status == 0
            done(lambda: checked(out, expected))
            equal += 1
            print(json.dumps({"kill": number, "after_seconds": round(wait, 2)}), flush=True)
    facts = {"kills": count, "ended_before_the_kill": ended_before}
    print(json.dumps({**facts, "equal_to_the_undisturbed_result_without_orphans": equal}))


if __name__ == "__main__":
    main()
