"""Web page and REST interface that serve one model over HTTP."""
