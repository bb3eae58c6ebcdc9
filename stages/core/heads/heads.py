"""Classical heads: scikit-learn pipelines made from options, fitted on rows of numbers; and what they cost."""

import warnings
from typing import Any

import numpy as np

from stages.core.console import say
from stages.core.settings import head_options as o


def unfitted(options: Any, pca: int | None, weighted: bool, seed: int) -> Any:
    """Return the pipeline of a `head` section: standardize, project, classify; `pca` components, or None.

    Whatever is learned (means, components, temperature) is learned by `fit`, from the rows that it is given.
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [("scale", StandardScaler())]
    if pca is not None:
        steps.append(("project", PCA(pca, random_state=seed)))
    made = Pipeline([*steps, ("classify", classifier(options, "balanced" if weighted else None, seed))])
    return calibrated(made, options.calibration_folds, seed) if isinstance(options, o.Svm) else made


def classifier(options: Any, class_weight: str | None, seed: int) -> Any:
    """Return scikit-learn's estimator of a `head` section."""
    from sklearn import ensemble, linear_model, svm

    if isinstance(options, o.Svm):
        gamma = "scale" if options.gamma is None else options.gamma
        return svm.SVC(kernel=options.kernel, C=options.c, gamma=gamma, class_weight=class_weight)
    if isinstance(options, o.LogisticRegression):
        return linear_model.LogisticRegression(C=options.c, max_iter=options.iterations, class_weight=class_weight)
    if isinstance(options, o.RandomForest):
        size = {"n_estimators": options.trees, "max_depth": options.depth, "min_samples_leaf": options.min_leaf}
        return ensemble.RandomForestClassifier(**size, class_weight=class_weight, random_state=seed)
    size = {"max_iter": options.rounds, "max_leaf_nodes": options.leaves, "min_samples_leaf": options.min_leaf}
    learning = {"learning_rate": options.rate, "l2_regularization": options.l2, "early_stopping": False}
    return ensemble.HistGradientBoostingClassifier(**size, **learning, class_weight=class_weight, random_state=seed)


def calibrated(made: Any, folds: int, seed: int) -> Any:
    """Give a pipeline probabilities: softmax of its decision values over one temperature, fitted out of fold.

    One number can't overfit, and moves no decision (Guo et al. 2017, On calibration of modern neural networks).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return CalibratedClassifierCV(made, method="temperature", cv=splitter, ensemble=False)


def fitted(made: Any, rows: np.ndarray, labels: np.ndarray, threads: int) -> Any:
    """Fit a pipeline on rows float32 [N, D] and class ids int [N] with so many threads, and return it.

    Raises ValueError where these options fit no such data. What did not converge is used, and said.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(record=True) as found, threadpool_limits(threads):
        warnings.simplefilter("always")
        made.fit(rows, labels)
    if any(issubclass(one.category, ConvergenceWarning) for one in found):
        say("warning: the fit stopped at its last iteration, before it had converged; more iterations may do better")
    return made


def cost(head: Any) -> tuple[int, int]:
    """Parameters, and multiply-adds for one row.

    Of a matrix: its numbers. Of trees: nodes, and a comparison a level down to the deepest leaf. Of an SVM: support
    vectors x dimensions, whatever its kernel, and their coefficients.
    """
    if hasattr(head, "calibrated_classifiers_"):
        n_parameters, multiply_adds = cost(head.calibrated_classifiers_[0].estimator)
        return n_parameters + 1, multiply_adds + 1
    parts = [of_step(step) for _, step in head.steps]
    return sum(n for n, _ in parts), sum(n for _, n in parts)


def of_step(step: Any) -> tuple[int, int]:
    """Parameters and multiply-adds of one step of a pipeline."""
    name = type(step).__name__
    if name == "StandardScaler":
        return 2 * step.n_features_in_, step.n_features_in_
    if name == "PCA":
        return step.components_.size + step.n_features_in_, step.components_.size
    if name == "SVC":
        vectors = step.support_vectors_.size + step.dual_coef_.size
        return vectors + step.intercept_.size, vectors
    if name == "LogisticRegression":
        return step.coef_.size + step.intercept_.size, step.coef_.size
    if name == "RandomForestClassifier":
        trees = [tree.tree_ for tree in step.estimators_]
        return sum(tree.node_count for tree in trees), sum(tree.max_depth for tree in trees)
    nodes = [tree.nodes for trees in step._predictors for tree in trees]
    return sum(len(tree) for tree in nodes), sum(int(tree["depth"].max()) for tree in nodes)
