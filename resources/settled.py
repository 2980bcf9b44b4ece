"""Resources that the code and the environment set up, and no run's configuration."""

from collections.abc import Iterable
from typing import Any

import dagster as dg
from dagster._core.definitions.definition_config_schema import (
    convert_user_facing_definition_config_schema,
)

from resources.redaction import redacted


class SettledResource(dg.ConfigurableResource):
    """A resource whose fields say where things are read and written.

    Dagster lets whoever may launch a run set any field of a resource for it, so one request could
    write anywhere on the machine or send rows to any server. Here the fields have no place in a
    run's configuration: they are set in `definitions.py`, or by the environment of the server. Nor
    does Dagster's page of resources show them, with what passwords they may hold.
    """

    def __init__(self, **data: Any) -> None:
        given = {
            name: value.get_value("") if isinstance(value, dg.EnvVar) else value
            for name, value in data.items()
        }
        super().__init__(**given)
        nothing = convert_user_facing_definition_config_schema({})
        self._state__internal__ = self._state__internal__._replace(config_schema=nothing)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Return the fields for `repr`, without passwords."""
        for name, value in super().__repr_args__():
            yield name, redacted(value) if isinstance(value, str) else value
