"""Sentences with a tag for each word."""

from sluice.tasks.contract import Task
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.rows import SentenceFormat

TASK = Task(
    name="tokens",
    rows=SentenceFormat(),
    config=TokensConfig,
    # mnlp trains a tagger first: only where it is named.
    short_list=("random_stratified", "k_center", "facility_location", "t_frex", "cdis_per_feature"),
    labels="types",
)
