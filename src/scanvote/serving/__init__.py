"""The page and the REST interface: one model, asked over HTTP by many."""
