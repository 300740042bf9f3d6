"""The stages, a folder each, in the order of dvc.yaml; `stage.py` holds what the script calls."""
