"""The tables of the lake.

Row-wise values (`contents`, `embeddings`), selections (`selections`, `subsets`), `evaluations` and
`records` are append-only, so what was ever selected can be read back. `instances`, `rejected`,
`edges` and `scores` hold the present state of a dataset; earlier states are snapshots of the lake.
"""

TABLES: dict[str, str] = {
    # what a row says, once per dataset and content
    "contents": "dataset VARCHAR, content_hash VARCHAR, text VARCHAR, label VARCHAR",
    # which rows a dataset has now
    "instances": (
        "dataset VARCHAR, instance_id VARCHAR, content_hash VARCHAR, text_hash VARCHAR, "
        "split VARCHAR, file VARCHAR"
    ),
    "rejected": (
        "dataset VARCHAR, instance_id VARCHAR, file VARCHAR, row_number BIGINT, reason VARCHAR, "
        "detail VARCHAR, text VARCHAR, label VARCHAR"
    ),
    # keyed by input_hash alone: a digest of the text and of everything in the encoder
    "embeddings": "input_hash VARCHAR, encoder VARCHAR, vector FLOAT[]",
    "edges": (
        "dataset VARCHAR, graph VARCHAR, source VARCHAR, target VARCHAR, rank INTEGER, "
        "weight DOUBLE"
    ),
    "scores": "dataset VARCHAR, method VARCHAR, instance_id VARCHAR, value DOUBLE",
    "selections": (
        "selection_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "size BIGINT, parameters VARCHAR, inputs VARCHAR, rows_digest VARCHAR, note VARCHAR, "
        "selected_at TIMESTAMP"
    ),
    "subsets": (
        "selection_id VARCHAR, dataset VARCHAR, rank BIGINT, instance_id VARCHAR, "
        "content_hash VARCHAR, gain DOUBLE, reason VARCHAR"
    ),
    "evaluations": (
        "evaluation_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "selection_id VARCHAR, size BIGINT, learner VARCHAR, validation_accuracy DOUBLE, "
        "test_accuracy DOUBLE, validation_macro_f1 DOUBLE, test_macro_f1 DOUBLE, "
        "validation_predicted BIGINT[], test_predicted BIGINT[], seconds DOUBLE"
    ),
    # what each asset last consumed and produced, per dataset: skip decisions come from here
    "records": (
        "dataset VARCHAR, asset VARCHAR, input_digest VARCHAR, data_version VARCHAR, "
        "version VARCHAR, rows_total BIGINT, rows_new BIGINT, rows_reused BIGINT, "
        "rows_removed BIGINT, seconds DOUBLE, device VARCHAR, details VARCHAR, run_id VARCHAR, "
        "metadata VARCHAR, recorded_at TIMESTAMP"
    ),
    # which state of a dataset's folder was last carried through its whole lineage
    "refreshes": "dataset VARCHAR, folder_digest VARCHAR, run_id VARCHAR, refreshed_at TIMESTAMP",
}
