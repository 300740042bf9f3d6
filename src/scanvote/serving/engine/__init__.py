"""One model in worker processes, each of which answers one file at a time."""

from scanvote.serving.engine.engine import EngineOptions, start_engine

__all__ = ["EngineOptions", "start_engine"]
