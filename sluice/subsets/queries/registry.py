"""Every query strategy by name, in the order of the survey's tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.subsets.queries import (
    adversarial,
    anchor_al,
    badge,
    bald,
    class_balancer,
    consensus_kl,
    contrastive,
    core_set,
    discriminative,
    egl,
    egl_layer,
    egl_word,
    entropy,
    expected_error,
    hyperplane,
    information_density,
    k_means,
    least_confidence,
    lightweight_core_set,
    margin,
    prob_cover,
    random,
    rank_sum,
    seals,
    vote_entropy,
)
from sluice.subsets.queries.known import STRATEGIES, strategy

__all__ = ["STRATEGIES", "needs_of", "parts_of", "strategy"]

_ALL = (
    random.SELECTOR,
    k_means.SELECTOR,
    information_density.SELECTOR,
    core_set.SELECTOR,
    lightweight_core_set.SELECTOR,
    prob_cover.SELECTOR,
    discriminative.SELECTOR,
    egl.SELECTOR,
    egl_layer.SELECTOR,
    egl_word.SELECTOR,
    badge.SELECTOR,
    bald.SELECTOR,
    adversarial.SELECTOR,
    least_confidence.SELECTOR,
    margin.SELECTOR,
    entropy.SELECTOR,
    hyperplane.SELECTOR,
    vote_entropy.SELECTOR,
    consensus_kl.SELECTOR,
    contrastive.SELECTOR,
    expected_error.SELECTOR,
    seals.SELECTOR,
    anchor_al.SELECTOR,
    class_balancer.SELECTOR,
    rank_sum.SELECTOR,
)

STRATEGIES.update({each.name: each for each in _ALL})


def parts_of(name: str, options: Mapping[str, Any]) -> list[str]:
    """Return a strategy with some options, and the base or the members that it puts to work.

    Raises
    ------
    UnknownNameError
        There is no such strategy.
    """
    chosen = strategy(name)
    said = {**chosen.options, **options}
    return [name, *([said["base"]] if chosen.family[0] == "wrapper" else said.get("members", ()))]


def needs_of(name: str, options: Mapping[str, Any]) -> frozenset[str]:
    """Return what a strategy needs with some options, its base and members included.

    Raises
    ------
    UnknownNameError
        There is no such strategy, base or member.
    """
    return frozenset().union(*(strategy(each).needs for each in parts_of(name, options)))
