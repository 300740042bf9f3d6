"""A search: a study, its tuner, its trials, and the workers that train them."""
