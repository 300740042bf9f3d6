"""Hyperparameter search: study, tuner, trials, and the workers that train them."""
