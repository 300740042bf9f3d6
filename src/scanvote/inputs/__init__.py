"""Files that nobody vouches for, made scans: what they are is told by their content."""

from scanvote.inputs.discover import Gathered, gathered, read_gathered
from scanvote.inputs.read import read_content
from scanvote.inputs.scan import Limits, Refused, Scan

__all__ = ["Gathered", "Limits", "Refused", "Scan", "gathered", "read_content", "read_gathered"]
