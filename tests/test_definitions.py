"""What Dagster loads: the asset graph as committed, cheaply, under names that are ours."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.snap import JobSnap

from definitions import defs

SNAPSHOT = Path(__file__).parent / "definitions.snapshot.json"


def described() -> dict[str, Any]:
    graph = defs.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys(), key=str):
        node = graph.get(key)
        assets["/".join(key.path)] = {
            "deps": sorted("/".join(parent.path) for parent in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "partitions": node.partitions_def.name if node.partitions_def else None,
            "checks": sorted(
                f"{check.name}{' (blocking)' if graph.get_check_spec(check).blocking else ''}"
                for check in node.check_keys
            ),
        }
    repository = defs.get_repository_def()
    return {
        "assets": assets,
        "jobs": sorted(name for name in repository.job_names if not name.startswith("__")),
        "schedules": {
            s.name: [s.cron_schedule, s.default_status.value] for s in repository.schedule_defs
        },
        "sensors": {s.name: s.default_status.value for s in repository.sensor_defs},
        "resources": sorted(defs.resources),
    }


def test_the_graph_is_the_committed_one() -> None:
    """Rewrite with: python tests/test_definitions.py."""
    assert described() == json.loads(SNAPSHOT.read_text())


def test_every_asset_says_what_it_is() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description
        assert len(node.description) > 40
        assert node.owners
        assert 1 <= len(node.kinds) <= 3
        assert node.code_version


def test_every_check_has_partitions_and_a_description() -> None:
    specs = [spec for asset in defs.assets or [] for spec in asset.check_specs]
    assert len(specs) > 15
    for spec in specs:
        assert spec.partitions_def is not None
        assert spec.description


# What a run's configuration may say. Nothing of it names a file, a folder or an address.
CONFIGURABLE = {
    "execution/config/marker_to_close",
    "execution/config/retries",
    "execution/config/step_dependency_config/require_upstream_step_success",
    "loggers/console/config/log_level",
    "loggers/console/config/name",
    "ops/*/config",  # of what has no settings: accepted, and read by nobody
    "ops/maintain_lake/config/keep_days",
    "ops/maintain_lake/config/keep_run_days",
    "resources/compute/config/device",
    "resources/io_manager/config",  # as that of ops
}


def configurable() -> set[str]:
    """Return every place of every job's configuration that takes a value."""
    found: set[str] = set()

    def walk(types: dict[str, Any], key: str, path: tuple[str, ...]) -> None:
        kind = types[key]
        for field in kind.fields or []:
            if kind.kind.name == "SELECTOR":
                found.add("/".join(path))
            walk(types, field.type_key, (*path, field.name))
        if kind.type_param_keys:
            for inner in kind.type_param_keys:
                walk(types, inner, path)
        elif not kind.fields and kind.kind.name not in {"STRICT_SHAPE"}:
            found.add("/".join(path))

    for job in defs.get_repository_def().get_all_jobs():
        types = JobSnap.from_job_def(job).config_schema_snapshot.all_config_snaps_by_key
        walk(types, job.run_config_schema.run_config_schema_type.key, ())
    return {re.sub(r"^ops/\w+__\w+/", "ops/*/", path) for path in found}


def test_no_run_says_where_anything_lies() -> None:
    assert {path.removesuffix("/env") for path in configurable()} == CONFIGURABLE


@pytest.mark.parametrize(
    ("resource", "settings"),
    [
        ("lake", {"root": "/elsewhere"}),
        ("lake", {"root": {"env": "HOME"}}),
        ("lake", {"data_path": "s3://elsewhere"}),
        ("lake", {"catalog": "host=elsewhere"}),
        ("lock", {"lake": {"root": "/elsewhere"}}),
        ("datasets", {"root": "/"}),
        ("language_models", {"root": "/elsewhere"}),
        ("tracking", {"uri": "http://elsewhere"}),
        ("tracking", {"artifact_root": "/elsewhere"}),
    ],
)
def test_no_run_moves_a_resource(resource: str, settings: dict[str, Any]) -> None:
    job = defs.resolve_job_def("text_refresh")
    config = {"resources": {resource: {"config": settings}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="unexpected config entry"):
        dg.validate_run_config(job, config)


def test_loading_imports_nothing_heavy() -> None:
    heavy = ["torch", "transformers", "mlflow", "faiss", "sklearn", "cleanlab", "matplotlib"]
    script = f"import sys, definitions; print([m for m in {heavy!r} if m in sys.modules])"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:assets", "-c", script],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_workspace_modules_are_ours(root: Path) -> None:
    import assets
    import jobs
    import resources
    import sensors

    for module in (assets, jobs, resources, sensors):
        assert module.__file__ is not None
        assert Path(module.__file__).parent.parent == root


@pytest.mark.parametrize("folder", ["/", "."])
def test_the_workspace_file_loads_from_any_folder(root: Path, folder: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dagster", "definitions", "validate"),
            *("-w", str(root / "workspace.yaml")),
        ],
        cwd=root if folder == "." else folder,
        env={"PATH": "/usr/bin:/bin", "DAGSTER_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_installed_faiss_is_the_one_that_was_asked_for() -> None:
    import importlib.metadata

    import faiss

    installed = {
        name
        for name in ("faiss-cpu", "faiss-gpu")
        if any(d.metadata["Name"] == name for d in importlib.metadata.distributions())
    }
    assert len(installed) == 1, "faiss-cpu and faiss-gpu overwrite each other: install one"
    assert ("GPU" in faiss.get_compile_options()) == ("faiss-gpu" in installed)


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(described(), indent=2) + "\n")
