"""Which hyperparameter mattered, from the table of the trials alone."""

import pandas as pd


def varied_hyperparameters(table: pd.DataFrame) -> list[str]:
    """The hyperparameters of a trials table of which more than one value was tried."""
    hyperparameters = table.columns[2 : list(table.columns).index("epochs") + 1]
    return [name for name in hyperparameters if table[name].nunique() > 1]


def eta_squared(table: pd.DataFrame, name: str, score: str) -> float:
    """Share of the variance of `score` between the values of one hyperparameter (η²).

    0 says that its value did not matter by itself, 1 that nothing else did. Failed trials count
    for nothing. Where no value was trained twice each trial would explain itself: nan.
    """
    trained = table[table[score].notna() & table[name].notna()]
    if trained[name].is_unique:
        return float("nan")
    total = ((trained[score] - trained[score].mean()) ** 2).sum()
    fitted = trained.groupby(name)[score].transform("mean")
    return float(((fitted - trained[score].mean()) ** 2).sum() / total) if total > 0 else 0.0
