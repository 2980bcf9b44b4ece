"""Whether what an older commit has computed still stands. Run by hand, not collected.

A workspace is a folder with `datasets`, `sluice` (SLUICE_HOME) and `dagster` (DAGSTER_HOME).

With the older commit, after its `sluice run`, write what each of its selections exports:

    python tests/golden/old_workspace.py FOLDER --save

With the code at hand, refresh all that was ever computed there, and export every selection again:

    python tests/golden/old_workspace.py FOLDER [--may-change 'text/models/*' ...]

Both work on a copy of the folder; the first adds `exports` to it. The second ends with 1 unless
every stage was left as it was recorded and every selection exports equal rows.
"""

import argparse
import os
import shutil
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Compare one workspace, or save what it exports."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--save", action="store_true", help="write what its selections export")
    parser.add_argument(
        "--may-change", nargs="*", default=[], help="patterns of assets that may be computed anew"
    )
    given = parser.parse_args()
    folder = given.folder.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "workspace"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("exports"))
        enter(copy)
        if given.save:
            exported = export_all(folder / "exports")
            print(f"{len(exported)} selections written to {folder / 'exports'}")
            return 0
        wrong = refreshed(given.may_change)
        wrong += compared(folder / "exports", export_all(Path(temporary) / "exports"))
    print("\n".join(wrong) or "All stands.")
    return 1 if wrong else 0


def enter(folder: Path) -> None:
    """Let Sluice and Dagster work in this workspace, before any of it is imported."""
    os.environ["SLUICE_HOME"] = str(folder / "sluice")
    os.environ["SLUICE_DATASETS"] = str(folder / "datasets")
    os.environ["DAGSTER_HOME"] = str(folder / "dagster")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.update(HF_HUB_OFFLINE="1", MLFLOW_DISABLE_TELEMETRY="true")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))


def datasets() -> list[str]:
    """Return the names of the datasets of the workspace."""
    return sorted(p.parent.name for p in Path(os.environ["SLUICE_DATASETS"]).glob("*/dataset.yaml"))


def refreshed(may_change: list[str]) -> list[str]:
    """Materialise all that is recorded, and return what was computed anew, or failed."""
    import dagster as dg

    from definitions import defs
    from resources.lake import Lake
    from resources.store import records

    wrong: list[str] = []
    job = defs.resolve_implicit_global_asset_job_def()
    for dataset in datasets():
        before = records.latest(Lake(), dataset)
        if not before:
            wrong.append(f"{dataset}: nothing is recorded")
        with dg.DagsterInstance.get() as instance:
            result = job.execute_in_process(
                instance=instance,
                partition_key=dataset,
                asset_selection=[dg.AssetKey(name.split("/")) for name in before],
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        wrong += [
            f"{dataset}: {event.step_key} failed: {event.step_failure_data.error.to_string()}"
            for event in result.all_events
            if event.is_step_failure
        ]
        done = {"/".join(e.asset_key.path) for e in result.get_asset_materialization_events()}
        wrong += [
            f"{dataset}: {name} was not materialised" for name in sorted(before.keys() - done)
        ]
        after = records.latest(Lake(), dataset)
        new = {name for name, record in after.items() if record != before.get(name)}
        excused = {name for name in new if any(fnmatch(name, each) for each in may_change)}
        wrong += [f"{dataset}: {name} was computed anew" for name in sorted(new - excused)]
        print(f"{dataset}: {len(done) - len(new)} of {len(before)} stages as recorded", *excused)
    return wrong


def export_all(folder: Path) -> dict[str, Any]:
    """Export every selection that the lake has, of now and of before; return the tables by id."""
    import pyarrow.parquet as pq

    from resources.lake import Lake
    from sluice.cli.export import export

    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for dataset in datasets():
        sql = "SELECT DISTINCT selection_id FROM selections WHERE dataset = ? ORDER BY ALL"
        for selection in Lake().read(sql, [dataset])["selection_id"].to_pylist():
            path = folder / f"{selection}.parquet"
            path.unlink(missing_ok=True)
            export(dataset, path, at=selection)
            found[selection] = pq.read_table(path)
    return found


def compared(folder: Path, exported: dict[str, Any]) -> list[str]:
    """Return which of the selections saved before are gone or of other rows now."""
    import pyarrow.parquet as pq

    saved = sorted(folder.glob("*.parquet"))
    if not saved:
        return [f"{folder} is empty: run --save with the older commit first"]
    wrong = [
        f"selection {path.stem} exports other rows"
        for path in saved
        if path.stem not in exported or not pq.read_table(path).equals(exported[path.stem])
    ]
    print(f"{len(saved) - len(wrong)} of {len(saved)} selections export equal rows")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
