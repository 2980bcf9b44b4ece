"""What a dataset is and how it is carried through its lineage: its `dataset.yaml`, by sections."""

from sluice.data.config.dataset_config import TASKS, DatasetConfig, checked_config
from sluice.data.config.dataset_yaml import (
    CONFIG_FILE,
    check_folder_name,
    check_name,
    dump_config,
    json_schema,
    load_config,
    parse_config,
    read_config,
)

__all__ = [
    "CONFIG_FILE",
    "TASKS",
    "DatasetConfig",
    "check_folder_name",
    "check_name",
    "checked_config",
    "dump_config",
    "json_schema",
    "load_config",
    "parse_config",
    "read_config",
]
