"""The stage `sources`: notice that the user's own folders and tables have changed."""
