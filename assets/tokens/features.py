"""What tagged sentences are about, for the selectors that fill quotas of it."""

from assets.lineage.inputs import Rows, reads_input
from assets.lineage.stage import Reading
from sluice.data.config import DatasetConfig
from sluice.graphs.features import FeatureRows
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.features import features_of_texts


def _settings(config: DatasetConfig) -> dict[str, object]:
    return {"features": TokensConfig.of(config).features.kind}


@reads_input("features", settings=_settings)
def features(read: Reading, train: Rows) -> FeatureRows:
    """Return the features that the spans of the training rows name."""
    return features_of_texts(train.texts, TokensConfig.of(read.config).features.kind)
