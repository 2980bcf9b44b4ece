"""A score: how sure the classifier is, out of fold."""

from sluice.scores.contract import Score

SCORE = Score(
    name="confidence",
    version="1",
    needs=frozenset({"probabilities"}),
    summary="How likely the classifier's best guess is.",
    formula="max_c p_c",
    paper="an example",
    compute=lambda inputs: inputs.need_probabilities().max(axis=1),
    tasks=frozenset({"notes"}),
)
