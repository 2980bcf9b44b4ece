"""The tables of the lake.

Row-wise values (`contents`, `embeddings`, `token_losses`, `tags`, `rewrites`), `encoders`,
selections (`selections`, `subsets`), `label_rounds`, `evaluations` and `records` are append-only,
so what was ever selected can be read back.
`instances`, `rejected`, `graphs`, `part_edges`, `scores`, `queries` and `echoes` hold the present
state of a dataset; earlier states are snapshots of the lake.

Times are for people. What is newer than what in one table is told by DuckLake's `rowid`, which only
grows and which no update or compaction changes, and between two tables by `snapshot`, that of the
lake when the row was added: clocks are put back, and two machines have two.
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
    # keyed by input_hash alone: a digest of prompt and response, of everything in the language
    # model and, for a noisy copy (1 and above), of the noise with the instance id; one number a
    # response token
    "token_losses": (
        "input_hash VARCHAR, text_hash VARCHAR, model VARCHAR, copy INTEGER, windowed BOOLEAN, "
        "conditional FLOAT[], unconditional FLOAT[]"
    ),
    # keyed by input_hash alone: a digest of the text and of how tags are mined
    "tags": "input_hash VARCHAR, text_hash VARCHAR, tagger VARCHAR, tags VARCHAR[]",
    # keyed by input_hash alone: a digest of the text, its given label, the prompt with the names of
    # all labels, and whatever answers it
    "rewrites": (
        "input_hash VARCHAR, text_hash VARCHAR, label VARCHAR, writer VARCHAR, rewritten VARCHAR"
    ),
    # one row per list of neighbours, nearest first; `neighbours` holds values of `position`
    "graphs": (
        "dataset VARCHAR, graph VARCHAR, parameters VARCHAR, position BIGINT, instance_id VARCHAR, "
        "input_hash VARCHAR, neighbours BIGINT[], weights DOUBLE[]"
    ),
    # what was learnt from the training rows to make vectors of a table's rows; append-only
    "encoders": (
        "dataset VARCHAR, encoder VARCHAR, settings VARCHAR, fitted_on BIGINT, artifact VARCHAR, "
        "fitted_at TIMESTAMP"
    ),
    # one row per part (batch or bucket) of a graph of instances: `positions` among the training
    # rows by id, `sources` and `targets` among `positions`; `input_digest` tells when it is stale
    "part_edges": (
        "dataset VARCHAR, graph VARCHAR, place BIGINT, part VARCHAR, input_digest VARCHAR, "
        "positions BIGINT[], sources BIGINT[], targets BIGINT[], weights DOUBLE[]"
    ),
    "scores": "dataset VARCHAR, method VARCHAR, instance_id VARCHAR, value DOUBLE",
    # which rows without a label are to be labelled next, in order of rank
    "queries": (
        "dataset VARCHAR, rank BIGINT, instance_id VARCHAR, content_hash VARCHAR, gain DOUBLE, "
        "reason VARCHAR, strategy VARCHAR"
    ),
    # what the model of each round of labelling predicted for rows of a stop set; append-only
    "label_rounds": (
        "dataset VARCHAR, round VARCHAR, labelled BIGINT, instance_id VARCHAR, predicted VARCHAR, "
        "made_at TIMESTAMP"
    ),
    # how close each training row is to its version for its given label, whose vector is found in
    # `embeddings` under `echo_hash`; NULL where there is no version
    "echoes": (
        "dataset VARCHAR, instance_id VARCHAR, content_hash VARCHAR, echo_hash VARCHAR, "
        "similarity DOUBLE, trusted BOOLEAN, reason VARCHAR"
    ),
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
    # one row per tuned language model, append-only; by row of the held-out sample, in order of id
    "language_evaluations": (
        "evaluation_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "selection_id VARCHAR, size BIGINT, learner VARCHAR, validation_loss DOUBLE, "
        "test_loss DOUBLE, validation_family_loss DOUBLE, test_family_loss DOUBLE, "
        "validation_exact DOUBLE, test_exact DOUBLE, validation_losses DOUBLE[], "
        "test_losses DOUBLE[], validation_matches DOUBLE[], test_matches DOUBLE[], "
        "families VARCHAR[], family_losses DOUBLE[], seconds DOUBLE"
    ),
    # one row per trained tagger, append-only; right, predicted and true of each held-out row, in
    # order of id, one after the other
    "token_evaluations": (
        "evaluation_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "selection_id VARCHAR, size BIGINT, learner VARCHAR, validation_f1 DOUBLE, "
        "test_f1 DOUBLE, validation_f_beta DOUBLE, test_f_beta DOUBLE, validation_spans BIGINT[], "
        "test_spans BIGINT[], validation_words BIGINT[], test_words BIGINT[], words_lost BIGINT, "
        "seconds DOUBLE"
    ),
    # what each asset last consumed and produced, per dataset: skip decisions come from here
    "records": (
        "dataset VARCHAR, asset VARCHAR, input_digest VARCHAR, data_version VARCHAR, "
        "version VARCHAR, rows_total BIGINT, rows_new BIGINT, rows_reused BIGINT, "
        "rows_removed BIGINT, seconds DOUBLE, device VARCHAR, details VARCHAR, run_id VARCHAR, "
        "metadata VARCHAR, recorded_at TIMESTAMP, cpu_seconds DOUBLE, "
        "snapshot BIGINT"
    ),
    # a stage that began after its last record was interrupted: what it left is not to be trusted
    "starts": (
        "dataset VARCHAR, asset VARCHAR, run_id VARCHAR, started_at TIMESTAMP, snapshot BIGINT"
    ),
    # what each check last found, and in which state of the data
    "checks": (
        "dataset VARCHAR, asset VARCHAR, check_name VARCHAR, input_digest VARCHAR, "
        "passed BOOLEAN, shown VARCHAR, checked_at TIMESTAMP"
    ),
    # which state of a dataset's folder was last carried through its whole lineage
    "refreshes": "dataset VARCHAR, folder_digest VARCHAR, run_id VARCHAR, refreshed_at TIMESTAMP",
    # who has taken a lock that holds across machines, while it is held: see `resources.fences`
    "fences": "lock VARCHAR, number BIGINT, holder VARCHAR",
}
