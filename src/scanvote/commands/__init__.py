"""Commands that are not stages: data check, recipes, pool, trials."""
