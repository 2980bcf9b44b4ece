"""Which rows to label next: one file a strategy, after the tree of arXiv 2008.07267.

The rows of a pool have no label here; `Pool.labelled` holds those that have one, and
`Pool.answers` what a model that was trained on them says of the pool.
"""
