"""The tables of the lake.

Row-wise values (`contents`, `embeddings`, `token_losses`, `tags`, `rewrites`), `encoders`,
selections (`selections`, `subsets`), `label_rounds`, `evaluations`, `outcomes`, `candidates`,
`choices`, `trials` and `records` are append-only, so what was ever selected can be read back.
`instances`, `rejected`, `graphs`, `part_edges`, `scores`, `queries` and `echoes` hold the present
state of a dataset; earlier states are snapshots of the lake.

Times are for people. What is newer than what in one table is told by DuckLake's `rowid`, which only
grows and which no update or compaction changes, and between two tables by `snapshot`, that of the
lake when the row was added: clocks are put back, and two machines have two.
"""

from dataclasses import dataclass

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
    # one row per trained model, append-only; its columns of accuracies, macro-F1 and predictions
    # are those of before there were outcomes
    "evaluations": (
        "evaluation_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "selection_id VARCHAR, size BIGINT, learner VARCHAR, validation_accuracy DOUBLE, "
        "test_accuracy DOUBLE, validation_macro_f1 DOUBLE, test_macro_f1 DOUBLE, "
        "validation_predicted BIGINT[], test_predicted BIGINT[], seconds DOUBLE"
    ),
    # one row per held-out row or item, kind of outcome, and model or choice; append-only
    "outcomes": (
        "evaluation_id VARCHAR, dataset VARCHAR, split VARCHAR, instance_id VARCHAR, "
        "metric VARCHAR, value DOUBLE[]"
    ),
    # before there were outcomes: one row per tuned language model, by row of the held-out sample,
    # in order of id
    "language_evaluations": (
        "evaluation_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "selection_id VARCHAR, size BIGINT, learner VARCHAR, validation_loss DOUBLE, "
        "test_loss DOUBLE, validation_family_loss DOUBLE, test_family_loss DOUBLE, "
        "validation_exact DOUBLE, test_exact DOUBLE, validation_losses DOUBLE[], "
        "test_losses DOUBLE[], validation_matches DOUBLE[], test_matches DOUBLE[], "
        "families VARCHAR[], family_losses DOUBLE[], seconds DOUBLE"
    ),
    # before there were outcomes: one row per trained tagger; right, predicted and true of each
    # held-out row, in order of id, one after the other
    "token_evaluations": (
        "evaluation_id VARCHAR, dataset VARCHAR, method VARCHAR, budget VARCHAR, seed INTEGER, "
        "selection_id VARCHAR, size BIGINT, learner VARCHAR, validation_f1 DOUBLE, "
        "test_f1 DOUBLE, validation_f_beta DOUBLE, test_f_beta DOUBLE, validation_spans BIGINT[], "
        "test_spans BIGINT[], validation_words BIGINT[], test_words BIGINT[], words_lost BIGINT, "
        "seconds DOUBLE"
    ),
    # what each source answers to an item, draw by draw, append-only; keyed by input_hash: a digest
    # of the item's text and of everything else that the answer depends on
    "candidates": (
        "dataset VARCHAR, item VARCHAR, candidate VARCHAR, source VARCHAR, draw BIGINT, "
        "input_hash VARCHAR, content VARCHAR, cost DOUBLE"
    ),
    # what choosers decided, append-only: one row per item and ranked candidate; one of rank 1
    # without a candidate where an item has none
    "choices": (
        "choice_id VARCHAR, dataset VARCHAR, item VARCHAR, content_hash VARCHAR, method VARCHAR, "
        "seed INTEGER, rank BIGINT, candidate VARCHAR, weight DOUBLE, score DOUBLE, reason VARCHAR"
    ),
    # what searches tried, step by step, append-only
    "trials": (
        "search_id VARCHAR, dataset VARCHAR, instance_id VARCHAR, method VARCHAR, seed INTEGER, "
        "step BIGINT, arm VARCHAR, reward DOUBLE, objective DOUBLE, state VARCHAR, reason VARCHAR"
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

# What a column holds, by its name; by table and name where that differs.
_DESCRIPTIONS = {
    "dataset": "Name of the dataset.",
    "instance_id": "The row: the user's id, or a hash of its content with an ordinal.",
    "content_hash": "Digest of text and label.",
    "text_hash": "Digest of the text.",
    "text": "The row's content as one text, in the form of its task.",
    "label": "Class, family or span types of the row.",
    "split": "train, validation, test, or waiting for a label.",
    "file": "File of the dataset's folder that the row came from.",
    "row_number": "Place of the row in its file, from 1.",
    "rejected.reason": "Why the row cannot be used, as one word.",
    "detail": "The same in a sentence, with what to do.",
    "input_hash": "Key: a digest of all that the value depends on.",
    "encoder": "Identity of the encoder: a digest of its files and settings.",
    "vector": "float32 components.",
    "model": "Identity of the language model.",
    "copy": "0 for the row itself, from 1 for its noisy copies.",
    "windowed": "Whether the row was cut to the model's window.",
    "conditional": "Loss of each response token after its prompt, in nats.",
    "unconditional": "Loss of each response token alone, in nats.",
    "tagger": "Identity of what found the tags.",
    "tags": "What the prompt is about.",
    "writer": "Identity of the language model or service.",
    "rewritten": "The text, rewritten towards its label.",
    "graph": "Name of the graph.",
    "parameters": "Settings that the result depends on.",
    "position": "Place of the row among the training rows by id.",
    "neighbours": "Positions of the nearest rows, nearest first.",
    "weights": "Weight of each edge.",
    "settings": "Digest of the settings it was fitted under.",
    "fitted_on": "Training rows that it was fitted on.",
    "artifact": "What was learnt, as JSON.",
    "fitted_at": "When, in UTC; decides nothing.",
    "place": "Order of the part in its graph.",
    "part": "Name of the batch or bucket.",
    "input_digest": "Digest of all that the result was made of.",
    "positions": "Rows of the part, among the training rows by id.",
    "sources": "Start of each edge, among the part's rows.",
    "targets": "End of each edge, among the part's rows.",
    "method": "Name of the method.",
    "value": "The score.",
    "rank": "Place in the order of the method, from 1.",
    "gain": "What the row added when it was picked, in the method's own unit.",
    "reason": "Why, in words.",
    "strategy": "Name of the query strategy.",
    "round": "Identity of a round of labelling.",
    "labelled": "Rows with a label in this round.",
    "predicted": "Class that the round's model gives the row.",
    "made_at": "When, in UTC; decides nothing.",
    "echo_hash": "Key of the vector of the row's version for its label.",
    "similarity": "Cosine of the row and its version.",
    "trusted": "Whether the given label is to be trusted.",
    "selection_id": "Key: a digest of the method, its settings and all that it read.",
    "budget": "How many rows: a count, or a share of the training rows.",
    "seed": "Seed of the method, or of the training.",
    "size": "Rows that were kept.",
    "inputs": "Digest of the data versions that were read.",
    "rows_digest": "Order-free digest of ids and contents of the kept rows.",
    "note": "What to know of it; empty where nothing is.",
    "selected_at": "When, in UTC; decides nothing.",
    "evaluation_id": "Key: a digest of all that the numbers depend on.",
    "learner": "What was trained, with its version.",
    "validation_accuracy": "Share of validation rows that are right.",
    "test_accuracy": "Share of test rows that are right.",
    "validation_macro_f1": "F1 on validation, averaged over classes.",
    "test_macro_f1": "F1 on test, averaged over classes.",
    "validation_predicted": "Class code of each validation row, in order of id.",
    "test_predicted": "Class code of each test row, in order of id.",
    "seconds": "Seconds that it took; decides nothing.",
    "validation_loss": "Mean loss of a response token on validation, in nats.",
    "test_loss": "Mean loss of a response token on test, in nats.",
    "validation_family_loss": "The same on validation, averaged over families.",
    "test_family_loss": "The same on test, averaged over families.",
    "validation_exact": "Share of exact answers on validation.",
    "test_exact": "Share of exact answers on test.",
    "validation_losses": "Loss of each validation row.",
    "test_losses": "Loss of each test row.",
    "validation_matches": "1 where a validation row is answered exactly.",
    "test_matches": "1 where a test row is answered exactly.",
    "families": "Families of the test rows.",
    "family_losses": "Loss of each family on test.",
    "validation_f1": "Strict span F1 on validation.",
    "test_f1": "Strict span F1 on test.",
    "validation_f_beta": "Token F-beta on validation.",
    "test_f_beta": "Token F-beta on test.",
    "validation_spans": "Right, predicted and true spans of each validation row.",
    "test_spans": "Right, predicted and true spans of each test row.",
    "validation_words": "Right, predicted and true words of each validation row.",
    "test_words": "Right, predicted and true words of each test row.",
    "words_lost": "Words beyond the encoder's window.",
    "outcomes.metric": "Kind of outcome, from which metrics are computed.",
    "outcomes.value": "What was done on the row, in numbers.",
    "item": "What is decided: the user's id, or a hash of its content with an ordinal.",
    "candidate": "Id of the answer: the beginning of its key; NULL where there is none.",
    "source": "Who answers.",
    "draw": "Which of several answers of one source, from 0.",
    "content": "The answer as it was given.",
    "cost": "What the answer cost, in the source's own unit.",
    "choice_id": "Key: a digest of the method, its settings and all that it read.",
    "weight": "What the candidate counted.",
    "score": "Support of the candidate's answer, in the method's own unit.",
    "search_id": "Key: a digest of the method, its settings and the problem.",
    "trials.instance_id": "The problem, where a dataset holds several.",
    "step": "Number of the evaluation, from 1.",
    "arm": "What made the state.",
    "reward": "What the arm was given for it.",
    "objective": "Of the state, in the problem's own sense; NULL where it has none.",
    "state": "Value of each variable, as JSON.",
    "trials.reason": "Why the state has no objective; empty where it has one.",
    "asset": "Name of the asset.",
    "data_version": "Digest of the result's content.",
    "version": "Version of the method.",
    "rows_total": "Rows of the result.",
    "rows_new": "Rows that were computed.",
    "rows_reused": "Rows that were there.",
    "rows_removed": "Rows that are gone.",
    "device": "Where it ran.",
    "details": "What later stages need to know, as JSON.",
    "run_id": "Dagster's run.",
    "metadata": "What Dagster shows.",
    "recorded_at": "When, in UTC; decides nothing.",
    "cpu_seconds": "CPU seconds that it took; decides nothing.",
    "snapshot": "Snapshot of the lake when the row was added.",
    "started_at": "When, in UTC; decides nothing.",
    "check_name": "Name of the check.",
    "passed": "Whether the check passed.",
    "shown": "What the check found, as JSON.",
    "checked_at": "When, in UTC; decides nothing.",
    "folder_digest": "Digest of the dataset's files and configuration.",
    "refreshed_at": "When, in UTC; decides nothing.",
    "lock": "Name of the lock.",
    "number": "Fencing number.",
    "holder": "Who has taken it.",
}


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, its type in SQL, and what it holds."""

    name: str
    type: str
    description: str


def columns_of(table: str) -> list[Column]:
    """Return the columns of a table, in order."""
    found: list[Column] = []
    for column in TABLES[table].split(", "):
        name, kind = column.split()
        said = _DESCRIPTIONS.get(f"{table}.{name}") or _DESCRIPTIONS[name]
        found.append(Column(name, kind, said))
    return found
