import numpy as np

from sluice.subsets.by_score.mnlp import SELECTOR
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run
from sluice.tokens.mnlp import mnlp


def test_the_least_sure_first_by_the_mean_of_a_word():
    # two words at 1/2 each cost ln 2 a word, and so does one
    sure, half, long = [[0.9, 0.1]], [[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]
    values = mnlp([sure, half, long])
    kept = run(SELECTOR, Pool(np.array(list("abc")), scores={"mnlp": values}), 2, 0)
    assert kept.ids.tolist() == ["b", "c"]
    assert np.allclose(kept.gains, [np.log(2), np.log(2) * 2 / 3])
    assert kept.reasons[0] == (
        "Its likeliest tags cost the tagger 0.693 nats a word: number 1 of 3 in uncertainty."
    )
    assert kept.note == ""


def test_sentences_without_a_number_come_last_by_id_and_say_so():
    ids, values = np.array(list("dcba")), np.array([np.nan, 0.1, 0.2, np.nan])
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        kept = run(SELECTOR, Pool(ids[order], scores={"mnlp": values[order]}), 4, 0)
        assert kept.ids.tolist() == ["b", "c", "a", "d"]
        assert kept.gains.tolist() == [0.2, 0.1, 0, 0]
        assert kept.reasons[2].startswith("Not rated, because the tagger was trained on it")
        assert kept.note == "2 of the kept rows are not rated: the budget is more than are."
