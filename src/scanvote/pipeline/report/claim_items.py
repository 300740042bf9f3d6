"""The items of the CLAIM 2024 checklist, in our own words.

Tejani AS, Klontzas ME, Gatti AA, Mongan JT, Moy L, Park SH, Kahn CE. Checklist for Artificial
Intelligence in Medical Imaging (CLAIM): 2024 Update. Radiology: Artificial Intelligence 6(4), 2024.
"""

ITEMS: dict[str, dict[int, str]] = {
    "Title and abstract": {
        1: "The title names a study of AI, and the kind of technology",
        2: "A structured summary of design, methods, results and conclusions",
    },
    "Introduction": {
        3: "Scientific and clinical background, intended use and role of the approach",
        4: "Aims, objectives and hypotheses",
    },
    "Methods: study design": {
        5: "Prospective or retrospective",
        6: "The goal of the study",
    },
    "Methods: data": {
        7: "Where the data come from",
        8: "Who is included and who is not",
        9: "Preprocessing of the data",
        10: "How subsets of the data were selected",
        11: "How the data were de-identified",
        12: "How missing data were handled",
        13: "How the images were acquired",
    },
    "Methods: reference standard": {
        14: "How the reference standard was obtained",
        15: "Why this reference standard",
        16: "Who annotated",
        17: "How the test set was annotated",
        18: "Variability between readers and within a reader",
    },
    "Methods: data partitions": {
        19: "How data were assigned to the partitions",
        20: "The level on which partitions are disjoint",
    },
    "Methods: testing data": {21: "The intended sample size"},
    "Methods: model": {
        22: "A detailed description of the model",
        23: "Software libraries, frameworks and packages",
        24: "How parameters were initialised",
    },
    "Methods: training": {
        25: "Details of the training",
        26: "How the final model was selected",
        27: "How models were combined",
    },
    "Methods: evaluation": {
        28: "Metrics of performance",
        29: "Significance and uncertainty",
        30: "Robustness or sensitivity analysis",
        31: "Methods of explanation",
        32: "Evaluation on internal data",
        33: "Testing on external data",
        34: "Registration of a clinical trial",
    },
    "Results: data": {
        35: "Numbers of patients or examinations included and excluded",
        36: "Demographic and clinical characteristics in each partition",
    },
    "Results: model performance": {
        37: "Performance with its uncertainty, in all partitions",
        38: "Diagnostic performance and its precision",
        39: "Analysis of the cases that were wrong",
    },
    "Discussion": {
        40: "Limitations",
        41: "Implications for practice, intended use and role",
    },
    "Other information": {
        42: "The full protocol, or further technical details",
        43: "Availability of software, model and data",
        44: "Funding, other support, and the role of the funders",
    },
}
"""Items by section and number."""
