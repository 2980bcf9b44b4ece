"""What all tests share: no network, no telemetry, a home of their own, and small real data."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from chat_server import Server

ROOT = Path(__file__).resolve().parent.parent
TWEETS = ROOT / "datasets" / "vader_tweets" / "vader_tweets.parquet"

SMALL = {
    "budgets": [0.1, 0.2],
    "chosen_budget": 0.2,
    "seeds": [0, 1],
    "graph": {"k": 5, "slack": 5},
    "evaluation": {"resamples": 200},
    "training": {"epochs": 1, "max_length": 32},
}

SMALL_TABLE = {
    "budgets": [0.1, 0.2],
    "chosen_budget": 0.2,
    "seeds": [0, 1],
    "selectors": ["gais", "facility_location", "ldis"],
    "options": {"gais": {"networks": 2, "epochs": 3}},
    "evaluation": {"resamples": 200, "learner": "tree"},
}


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the workspace."""
    return ROOT


@pytest.fixture(scope="session")
def tweets() -> pa.Table:
    """Return 300 real tweets with their classes."""
    return pq.read_table(TWEETS).slice(0, 300).select(["id", "text", "label"])


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of one run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def empty_home(shared: Path) -> Path:
    """Return a home with new databases of MLflow and Dagster: making them takes seconds."""
    from dagster import DagsterInstance
    from filelock import FileLock
    from mlflow.tracking import MlflowClient

    folder = shared / "home"
    with FileLock(shared / "home.lock"), pytest.MonkeyPatch.context() as patch:
        if not folder.exists():
            made = shared / "home in the making"
            (made / "dagster").mkdir(parents=True)
            (made / "sluice" / "mlflow").mkdir(parents=True)
            shutil.copy(ROOT / "dagster.yaml", made / "dagster")
            path = made / "sluice" / "mlflow" / "mlflow.db"
            MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
            patch.setenv("DAGSTER_HOME", str(made / "dagster"))
            with DagsterInstance.get() as instance:
                instance.add_dynamic_partitions("text", [])
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def models_root(shared: Path) -> Path:
    """Return a folder of converted models."""
    folder = shared / "models"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def smollm2_folder(models_root: Path) -> Path:
    """Return the default language model, converted where the lineage looks for it."""
    from filelock import FileLock

    from sluice.language.smollm2 import FOLDER, convert_default

    with FileLock(models_root.parent / "models.lock"):
        return convert_default(models_root / FOLDER)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a language model of two layers with random weights."""
    from tiny_language_model import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "llama")


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_home: Path, models_root: Path
) -> Iterator[Path]:
    """Give Sluice and Dagster folders of this test's own."""
    folder = tmp_path / "home"
    shutil.copytree(empty_home, folder)
    (tmp_path / "datasets").mkdir()
    monkeypatch.setenv("SLUICE_HOME", str(folder / "sluice"))
    monkeypatch.setenv("SLUICE_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    monkeypatch.setenv("SLUICE_MODELS", str(models_root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield folder
    from resources.lake import Lake

    Lake().close()


@pytest.fixture
def make_table(home: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small tabular dataset and returns its folder."""

    def make(name: str, rows: pa.Table, **changes: object) -> Path:
        folder = tmp_path / "datasets" / name
        folder.mkdir(exist_ok=True)
        pq.write_table(rows, folder / "rows.parquet")
        columns = {"label": "label", "id": "id"}
        config = {"task": "tabular", "files": ["rows.parquet"], "columns": columns, **SMALL_TABLE}
        (folder / "dataset.yaml").write_text(yaml.safe_dump({**config, **changes}))
        return folder

    return make


@pytest.fixture
def make_dataset(home: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small dataset and returns its folder."""

    def make(name: str, rows: pa.Table, **changes: object) -> Path:
        folder = tmp_path / "datasets" / name
        folder.mkdir(exist_ok=True)
        pq.write_table(rows, folder / "rows.parquet")
        columns = {"text": "text", "label": "label", "id": "id"}
        config = {"task": "text", "files": ["rows.parquet"], "columns": columns, **SMALL, **changes}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(config))
        return folder

    return make


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a service which answers chat completions."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers: list[Server] = []

    def start(reply: Callable[..., Any]) -> Server:
        servers.append(Server(reply))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; skip what needs a GPU where there is none, and say so."""
    # Files with slow or many tests first: no process is left alone with one at the end.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    count = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -count[item.path]))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))
