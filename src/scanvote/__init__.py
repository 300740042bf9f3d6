"""scanvote: from raw medical scans to an ensemble that can be defended."""

__version__ = "0.1.0"
