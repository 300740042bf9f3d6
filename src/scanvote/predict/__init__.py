"""`scanvote predict` and `scanvote export`: the finished model, asked from the shell."""
