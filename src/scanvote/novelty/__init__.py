"""How far a scan is from all that a network was trained on.

A scan is described by a network's features, pooled over all places, and by a few numbers of how it
looks, as features behind a ReLU may tell nothing of what is blank or inverted. Its distance is
that to the nearest scan of the training (Sun et al., "Out-of-distribution detection with deep
nearest neighbors", ICML 2022).
"""
