"""One model in a process of its own, asked by many tasks of the web process, and kept alive."""

from scanvote.serving.engine.supervised import EngineOptions, start_engine

__all__ = ["EngineOptions", "start_engine"]
