"""Prediction with a finished model: `scanvote predict` and `scanvote export`."""
