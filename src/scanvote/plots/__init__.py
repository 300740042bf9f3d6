"""Drawing: the canvas that all figures share."""
