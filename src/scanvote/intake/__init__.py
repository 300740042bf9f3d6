"""Files that nobody vouches for, made scans: what they are is told by their content."""

from scanvote.intake.content import read_content
from scanvote.intake.gather import Gathered, gathered, read_gathered
from scanvote.intake.scan import Limits, Refused, Scan

__all__ = ["Gathered", "Limits", "Refused", "Scan", "gathered", "read_content", "read_gathered"]
