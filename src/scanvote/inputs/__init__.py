"""Read untrusted files as scans; their content alone determines the format."""

from scanvote.inputs.discover import DiscoveredInput, discover_inputs, read_discovered
from scanvote.inputs.read import read_content
from scanvote.inputs.scan import InputScan, Limits, RejectedFile

__all__ = [
    "DiscoveredInput",
    "InputScan",
    "Limits",
    "RejectedFile",
    "discover_inputs",
    "read_content",
    "read_discovered",
]
