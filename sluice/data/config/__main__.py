"""Refreshes the schema: python -m sluice.data.config > datasets/dataset.schema.json."""

import json

from sluice.data.config import json_schema

print(json.dumps(json_schema(), indent=2))
