"""Comparisons of models: paired differences, tests, and their correction.

McNemar's exact test (1947) on accuracy and DeLong's test on AUROC assume independent scans. The
intervals of the differences, by bootstrap over groups, do not; if the scans of a patient are alike,
they are wider than the tests suggest.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import BootstrapEstimate, too_few
from scanvote.metrics.delong import delong
from scanvote.metrics.results import ClassifierOutput

METRICS = ("accuracy", "macro_f1", "auroc")
TESTS = {"accuracy": "mcnemar", "auroc": "delong"}
BASELINE = "majority class"


def mcnemar(one: ClassifierOutput, other: ClassifierOutput) -> float:
    """Return the exact two-sided p value of McNemar's test.

    The null hypothesis is that both models are right equally often; 1 if they never differ.
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    right, also = (output.predicted == output.truth for output in (one, other))
    table = [[(right & also).sum(), (right & ~also).sum()], [(~right & also).sum(), 0]]
    return float(test(np.array(table), exact=True).pvalue)


def compare(
    pairs: Iterable[tuple[str, str]],
    outputs: Mapping[str, ClassifierOutput],
    estimates: Mapping[str, Mapping[str, BootstrapEstimate]],
) -> pd.DataFrame:
    """Compare pairs of models in each metric.

    Args:
        pairs: a model, and the one that it is compared with.
        outputs: by model, all of the same scans in the same order.
        estimates: by model the estimate of each metric, all from the same samples of the groups.

    Returns:
        A row for each pair and metric, with
        `model, against, metric, difference, low, high, test, p, p_holm`: the first model's metric
        less the second's with the 95 % interval over groups; McNemar's p for accuracy, DeLong's
        for AUROC, and Holm's correction (1979) over all p values of the same test in the table.
        NaN where undefined, or where groups are too few.
    """
    rows = [
        _row(model, against, metric, outputs, estimates)
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
    outputs: Mapping[str, ClassifierOutput],
    estimates: Mapping[str, Mapping[str, BootstrapEstimate]],
) -> dict[str, object]:
    difference = estimates[model][metric] - estimates[against][metric]
    low, high = difference.interval()
    tests = {"mcnemar": mcnemar, "delong": delong}
    test = TESTS.get(metric, "")
    testable = test and not too_few(difference.groups)
    return {
        "model": model,
        "against": against,
        "metric": metric,
        "difference": difference.value,
        "low": low,
        "high": high,
        "test": test,
        "p": tests[test](outputs[model], outputs[against]) if testable else float("nan"),
    }


def rounded_p(p: float) -> float:
    """Round a p value to six digits after the point, a small one to four significant digits."""
    return round(p, 6) if not p < 0.001 else float(f"{p:.4g}")


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round the table of `compare` for a file."""
    p = {name: table[name].map(rounded_p) for name in ("p", "p_holm")}
    return table.round(6).assign(**p)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values, (n,), with Holm's correction (1979)."""
    from statsmodels.stats.multitest import multipletests

    return np.asarray(multipletests(p, method="holm")[1]) if len(p) else p
