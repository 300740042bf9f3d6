"""The stages, one folder each; `stage.py` holds what the script calls."""
