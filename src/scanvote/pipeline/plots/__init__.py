"""Charts and pictures for `dvc plots`, of the tasks and families that the study has."""
