"""Stage `search`: hyperparameter search over a model family with Keras Tuner."""
