"""Bad files and configurations, made at random: each gives words, none hangs or stops another.

Run ``python -m benchmarks.bad_inputs`` for 1,000 (about ten minutes on two cores). Each is a valid
file or dataset.yaml with one to three mutations, and is given to `add_dataset`, or to the reader
of configurations, in a child process of its own with 2 GiB of memory and 10 seconds. It must end
in an error of Sluice's own, or in a dataset whose rows are all used or set aside with a reason.
Then all configurations lie beside a good dataset, and the sensor must refresh the good one.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bad_input_makers import make_config, make_file

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
LIBRARIES = ("pyarrow", "pyyaml", "pydantic", "dagster")
SECONDS, MEMORY = 10, 2 << 30


def add(path: Path, chosen: dict[str, Any]) -> str:
    """Add a file, and account for each of its rows."""
    from sluice.data.config import load_config
    from sluice.data.ingest.add import add_dataset
    from sluice.data.ingest.instances import prepare
    from sluice.data.ingest.raw import read_folder

    made = add_dataset(path, path.parent / "datasets", name="x", **chosen)
    read = read_folder(made.folder)
    again = prepare(read.rows, load_config(made.folder))
    rows = made.instances + sum(made.rejected.values())
    assert rows == read.rows.num_rows == again.instances.num_rows + again.rejected.num_rows
    return "set aside" if made.rejected else "added"


def configure(folder: Path) -> str:
    from sluice.data.ingest.files import folder_version
    from sluice.data.ingest.instances import prepare
    from sluice.data.ingest.raw import read_folder

    folder_version(folder)
    read = read_folder(folder)
    prepare(read.rows, read.config)
    return "read"


def tried(work: Callable[[], str], log: Path) -> tuple[str, float, int]:
    """Do one thing in a child with little time and memory; return what came of it."""
    began = time.monotonic()
    child = os.fork()
    if not child:
        from sluice.core.errors import SluiceError

        # The address space of the parent counts, too, which holds the libraries.
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        signal.alarm(SECONDS)
        sys.stderr = log.open("w")
        try:
            said = work()
        except SluiceError as error:
            text = str(error)
            text.encode()
            said = f"{type(error).__name__}: {text}" if 0 < len(text) < 20_000 else "!! wordless"
        except BaseException as error:
            said = f"!! {type(error).__name__}: {error}"[:500]
        log.with_suffix(".said").write_text(said, errors="backslashreplace")
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        said = (
            "!! hangs"
            if number == signal.SIGALRM
            else f"!! killed by {signal.Signals(number).name}"
        )
        return said, time.monotonic() - began, used.ru_maxrss
    return log.with_suffix(".said").read_text(), time.monotonic() - began, used.ru_maxrss


def tick(root: Path) -> tuple[list[str], float]:
    """Tick the sensor twice over all folders, and return what it would run."""
    import dagster as dg

    from resources.datasets import Datasets
    from resources.lake import Lake
    from sensors.raw_data import raw_data

    began, cursor, asked = time.monotonic(), None, []
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            result = raw_data(context, lake=Lake(), datasets=Datasets(root=str(root)))
            f"{result.cursor}{result.skip_reason}".encode()
            cursor, asked = result.cursor, [str(r.partition_key) for r in result.run_requests or []]
    return asked, time.monotonic() - began


def main() -> None:
    """Try all, tick once, and write the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", type=int, help="one number, and say all about it")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT)]
    import sluice.data.ingest.add  # noqa: F401  loaded once, for all children

    kinds: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    bad: list[str] = []
    slowest, largest, began = 0.0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"SLUICE_HOME": home + "/home", "DAGSTER_HOME": home}
        root, log = Path(home) / "datasets", Path(home) / "log"
        root.mkdir()
        for number in range(asked.count) if asked.only is None else [asked.only]:
            rng = random.Random(f"{asked.seed}/{number}")
            if number % 3 == 0:
                # Stays, for the sensor.
                folder = root / os.fsdecode(
                    rng.choice([b"d%d", b"d%d", b"D %d", b"n\n%d", b"u\xff%d", b"a...%d"]) % number
                )
                folder.mkdir()
                make_config(rng, folder)
                kind = "dataset.yaml"
                found = tried(lambda folder=folder: configure(folder), log)
            else:
                folder = Path(home) / f"f{number}"
                (folder / "datasets").mkdir(parents=True)
                path, chosen = make_file(rng, folder)
                kind = f"{path.name} {chosen['task']}"
                found = tried(lambda path=path, chosen=chosen: add(path, chosen), log)
                shutil.rmtree(folder)
            said, seconds, memory = found
            slowest, largest = max(slowest, seconds), max(largest, memory)
            what = said.split(":")[0] if said[:2] != "!!" else "not in words"
            kinds[f"{kind.split()[0].partition('.')[2] or kind}: {what}"] += 1
            errors[what] += 1
            if said[:2] == "!!" or asked.only is not None:
                bad.append(f"{number} {kind}: {said}")
                print(
                    bad[-1], log.read_text()[-2000:] if asked.only is not None else "", flush=True
                )
        good = root / "good"
        shutil.copytree(ROOT / "datasets" / "vader_tweets", good)
        runs, tick_seconds = tick(root)
        folders = len(list(root.iterdir()))
    facts = {
        "command": "python -m benchmarks.bad_inputs " + " ".join(sys.argv[1:]),
        "inputs": asked.count,
        "ended_without_words,_hung_or_were_killed": len(bad),
        **{f"ended_as_{kind}": count for kind, count in errors.most_common()},
        "slowest_in_seconds": round(slowest, 1),
        "largest_in_MiB": largest // 1024,
        "limits": f"{SECONDS} s, {MEMORY >> 30} GiB beyond the libraries",
        "folders_beside_the_good_one": folders - 1,
        "the_sensor_refreshes_the_good_one": "good" in runs,
        "seconds_of_two_ticks": round(tick_seconds, 1),
        "wall_seconds": round(time.monotonic() - began),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    text = "\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items())
    text += "\n\nby kind of file:" + "".join(f"\n{k}: {n}" for k, n in sorted(kinds.items()))
    text += "".join(f"\n{line}" for line in ["", "not in words:", *bad][: 2 * bool(bad) + len(bad)])
    if asked.only is None:
        asked.results.mkdir(parents=True, exist_ok=True)
        (asked.results / "bad_inputs.txt").write_text(text + "\n")
        print(text)
        sys.exit(bool(bad) or "good" not in runs)


if __name__ == "__main__":
    main()
