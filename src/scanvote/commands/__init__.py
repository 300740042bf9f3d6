"""The commands that are no stage: data check, recipes, pool, trials."""
