"""The only wiring: what Dagster loads, and the resources that assets are given."""

import os

import dagster as dg

from assets.lineages import LINEAGES
from jobs import lineages, maintenance
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.locks import DatasetLock
from resources.tracking import Tracking
from sensors.automation import automation, raw_instances
from sensors.failure import failures
from sensors.raw_data import raw_data

# Where they are empty: SQLite and a folder, below the home.
lake = Lake(
    catalog=os.environ.get("SLUICE_CATALOG", ""), data_path=os.environ.get("SLUICE_DATA_PATH", "")
)

defs = dg.Definitions(
    assets=[asset for lineage in LINEAGES.values() for asset in lineage.assets],
    jobs=[*lineages.REFRESHES, *lineages.REBUILDS, *lineages.APART, maintenance.lake_maintenance],
    schedules=[*lineages.SCHEDULES, maintenance.weekly],
    sensors=[raw_data, failures, automation, raw_instances],
    # A step process costs over two CPU-seconds, a step in the run's process a tenth of one.
    executor=dg.in_process_executor,
    resources={
        # Stages keep their rows in the lake. Dagster's default would let a run's configuration
        # name the folder that outputs are pickled into.
        "io_manager": dg.mem_io_manager,
        "lake": lake,
        "datasets": Datasets(),
        "lock": DatasetLock(lake=lake),
        "compute": Compute(),
        "language_models": LanguageModels(),
        "tracking": Tracking(),
    },
)
