"""The page: templates, and what they are given."""
