"""Names of what computes the networks of a package."""

from typing import Literal

Runtime = Literal["onnx", "onnx-cuda", "keras"]
"""ONNX Runtime on the processor or on a GPU with CUDA; Keras with the package's backend."""
