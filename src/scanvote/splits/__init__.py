"""Group-wise splits, their protocols, and counts of known patients."""
