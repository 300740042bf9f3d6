"""Importance of each hyperparameter, from the table of trials alone."""

import pandas as pd


def varied_hyperparameters(table: pd.DataFrame) -> list[str]:
    """List the hyperparameters of a trials table that have several values."""
    hyperparameters = table.columns[2 : list(table.columns).index("epochs") + 1]
    return [name for name in hyperparameters if table[name].nunique() > 1]


def eta_squared(table: pd.DataFrame, name: str, score: str) -> float:
    """Share of the variance of `score` explained by one hyperparameter (η²).

    0 means that its value did not matter by itself, 1 that nothing else mattered. Failed trials
    are left out. If no value was trained twice, every trial would explain itself: the result is
    NaN.
    """
    trained = table[table[score].notna() & table[name].notna()]
    if trained[name].is_unique:
        return float("nan")
    total = ((trained[score] - trained[score].mean()) ** 2).sum()
    fitted = trained.groupby(name)[score].transform("mean")
    return float(((fitted - trained[score].mean()) ** 2).sum() / total) if total > 0 else 0.0
