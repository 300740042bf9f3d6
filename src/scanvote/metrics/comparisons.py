"""Who is better than whom: paired differences, tests, and their correction.

The exact test of McNemar (1947) on accuracy and DeLong's on AUROC take the scans as independent.
The intervals of the differences, by bootstrap over groups, do not; where scans of a patient are
alike they are wider than the tests suggest.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import Sampled
from scanvote.metrics.delong import delong
from scanvote.metrics.results import ClassifierOutput

METRICS = ("accuracy", "macro_f1", "auroc")
TESTS = {"accuracy": "mcnemar", "auroc": "delong"}
BASELINE = "majority class"


def mcnemar(one: ClassifierOutput, other: ClassifierOutput) -> float:
    """The exact two-sided p value that both are right equally often; 1 where they never differ."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    right, also = (answers.predicted == answers.truth for answers in (one, other))
    table = [[(right & also).sum(), (right & ~also).sum()], [(~right & also).sum(), 0]]
    return float(test(np.array(table), exact=True).pvalue)


def compare(
    pairs: Iterable[tuple[str, str]],
    answers: Mapping[str, ClassifierOutput],
    figures: Mapping[str, Mapping[str, Sampled]],
) -> pd.DataFrame:
    """A row a pair of models and metric.

    Args:
        pairs: a model, and the one that it is set against.
        answers: by model, all of the same scans in the same order.
        figures: by model, all in the same samples of the groups.

    Returns:
        `model, against, metric, difference, low, high, test, p, p_holm`: the first less the
        second with the 95 % interval over groups; McNemar's p of accuracy, DeLong's of AUROC, and
        Holm's correction (1979) over all p values of the same test in the table. NaN where
        undefined.
    """
    rows = [
        _row(model, against, metric, answers, figures)
        for model, against in pairs
        for metric in METRICS
    ]
    table = pd.DataFrame(rows)
    table["p_holm"] = np.nan
    for test in TESTS.values():
        own = (table["test"] == test) & table["p"].notna()
        table.loc[own, "p_holm"] = holm(table.loc[own, "p"].to_numpy(float))
    return table


def _row(
    model: str,
    against: str,
    metric: str,
    answers: Mapping[str, ClassifierOutput],
    figures: Mapping[str, Mapping[str, Sampled]],
) -> dict[str, object]:
    difference = figures[model][metric] - figures[against][metric]
    low, high = difference.interval()
    tests = {"mcnemar": mcnemar, "delong": delong}
    test = TESTS.get(metric, "")
    return {
        "model": model,
        "against": against,
        "metric": metric,
        "difference": difference.value,
        "low": low,
        "high": high,
        "test": test,
        "p": tests[test](answers[model], answers[against]) if test else float("nan"),
    }


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction (1979) of p values, (n,)."""
    from statsmodels.stats.multitest import multipletests

    return np.asarray(multipletests(p, method="holm")[1]) if len(p) else p
