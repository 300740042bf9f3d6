"""Stage `search`: Keras Tuner over the grid of a model family."""
