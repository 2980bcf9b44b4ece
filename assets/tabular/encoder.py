"""The encoder of a table: fitted on the training rows, kept while they stay like those."""

import json
from typing import Any

import dagster as dg

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from resources.store import encoders
from resources.store.encoders import StoredEncoder
from sluice.encoders.tabular import METHOD_VERSION, TabularEncoder
from sluice.tasks.tabular.config import TabularConfig

VERSION = f"1.{METHOD_VERSION}"
# A run with this tag keeps a stored encoder where its settings fit, even if it is a rebuild.
KEEP_TAG = "sluice/keep_encoder"


@stage(
    "encoder",
    reads=("instances",),
    version=VERSION,
    table="encoders",
    description=(
        "How columns become features: medians and indicators of what is missing, one-hot or "
        "ordinal codes, hashed buckets, means and scales, all learnt from the training rows "
        "alone. It stands while the training rows drift by less than `encoding.refit_drift` "
        "from those that it was fitted on, so that a change of some rows leaves the vectors of "
        "the others; it is fitted anew beyond that, with other settings or columns, and by a "
        f"rebuild, unless the run has the tag `{KEEP_TAG}: true`."
    ),
    settings=lambda run: {
        "encoding": TabularConfig.of(run.config).encoding.model_dump(mode="json"),
        "types": TabularConfig.of(run.config).columns.types,
    },
    # So that the newest encoder is the recorded one wherever a record stands.
    replaces=True,
)
def encoder(run: Run) -> Outcome:
    """Keep the encoder of a table, or fit it anew."""
    lake, dataset, config = run.lake, run.dataset, TabularConfig.of(run.config)
    anew = run.is_rebuild and run.context.run.tags.get(KEEP_TAG) != "true"
    train = read_rows(lake, dataset).of("train")
    settings = _settings(config, train)
    stored = None if anew else encoders.newest(lake, dataset)
    verdict, drift = _verdict(stored, settings, train, config.encoding.refit_drift)
    stands = stored is not None and not verdict
    if stored is None or verdict:
        made = TabularEncoder.fit(train.texts, config.encoding, config.columns.types)
        stored = StoredEncoder(made.identity, settings, len(train.ids), made.to_json())
        encoders.append(lake, dataset, stored)
    details = _details(stored, verdict or "It stands.", drift)
    return Outcome(
        content=stored.identity,
        total=len(train.ids),
        new=0 if stands else len(train.ids),
        reused=len(train.ids) if stands else 0,
        metadata=_shown(details, drift),
        details=details,
    )


def _settings(config: TabularConfig, train: Rows) -> str:
    """Digest what an encoder is fitted under; the threshold of drift is no part of it."""
    # Every row has the same columns, with or without values.
    columns = sorted(json.loads(train.texts[0]))
    encoding = config.encoding.model_dump(mode="json", exclude={"refit_drift"})
    return digest_of([VERSION, encoding, config.columns.types, columns])


def _verdict(
    stored: StoredEncoder | None, settings: str, train: Rows, most: float
) -> tuple[str, dict[str, float]]:
    """Return why an encoder must be fitted, or nothing, and the drift of each column."""
    if stored is None:
        return "There is no encoder to keep.", {}
    if stored.settings != settings:
        return "Its settings or its columns have changed.", {}
    drift = TabularEncoder.from_json(stored.artifact).drift(train.texts)
    worst = max(drift, key=lambda name: (drift[name], name), default="")
    if worst and drift[worst] > most:
        return (
            f"The column {worst} has drifted by {drift[worst]:.3g}, more than "
            f"encoding.refit_drift {most:g}.",
            drift,
        )
    return "", drift


def _details(stored: StoredEncoder, verdict: str, drift: dict[str, float]) -> dict[str, Any]:
    encoder = TabularEncoder.from_json(stored.artifact)
    described = [{name: str(value) for name, value in row.items()} for row in encoder.describe()]
    columns = list(described[0]) if described else []
    return {
        "encoder": stored.identity,
        "fitted_on": stored.fitted_on,
        "features": len(encoder.feature_names),
        "verdict": verdict,
        "drift": max(drift.values(), default=0.0),
        "columns": columns,
        "rows": [[row[name] for name in columns] for row in described],
    }


def _shown(details: dict[str, Any], drift: dict[str, float]) -> dict[str, Any]:
    names = details["columns"]
    table = [dict(zip(names, row, strict=True)) for row in details["rows"]]
    shown: dict[str, Any] = {
        **{name: details[name] for name in ("encoder", "fitted_on", "features", "verdict")},
        "largest_drift": details["drift"],
        "columns": dg.MetadataValue.table([dg.TableRecord(row) for row in table]),
    }
    if drift:
        ordered = sorted(drift.items(), key=lambda item: (-item[1], item[0]))
        shown["drift"] = dg.MetadataValue.table(
            [dg.TableRecord({"column": name, "drift": round(d, 6)}) for name, d in ordered]
        )
    return shown
