"""One model in its own process, batched and supervised."""

from scanvote.serving.engine.supervised import EngineOptions, start_engine

__all__ = ["EngineOptions", "start_engine"]
