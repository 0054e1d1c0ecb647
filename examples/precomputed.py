"""Breast cancer by scikit-learn's SVC on a quantum kernel that qrkd computes: Python and qrkd talk through .npz files.

    npm ci && pip install numpy scikit-learn && python examples/precomputed.py

`kernel_matrix` is all that a program of one's own needs; where qrkd is installed elsewhere, set QRKD to the command that
starts it, for example QRKD="npx qrkd".
"""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
QRKD = shlex.split(os.environ.get("QRKD", "")) or ["node", str(HERE.parent / "bin" / "qrkd.mjs")]


def kernel_matrix(x, y=None, **options):
    """The kernel matrix [len(x), len(x)], or [len(x), len(y)]; options are those of `qrkd kernel`, such as map="zz"."""
    with tempfile.TemporaryDirectory() as folder:
        samples, out = Path(folder, "samples.npz"), Path(folder, "K.npz")
        np.savez(samples, x=x, **({} if y is None else {"y": y}))
        names = [f"{samples}:x"] if y is None else [f"{samples}:x", f"{samples}:y"]
        flags = [str(part) for key, value in options.items() for part in (f"--{key}", value)]
        # Progress and errors of qrkd go to stderr; a failure raises CalledProcessError.
        subprocess.run([*QRKD, "kernel", *names, *flags, "--out", str(out)], check=True)
        with np.load(out) as arrays:
            return arrays["K"]


def main():
    from sklearn.datasets import load_breast_cancer
    from sklearn.decomposition import PCA
    from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, labels = load_breast_cancer(return_X_y=True)
    x, x_test, labels, labels_test = train_test_split(x, labels, test_size=0.4, random_state=0, stratify=labels)
    reduce = make_pipeline(StandardScaler(), PCA(8)).fit(x)
    x, x_test = reduce.transform(x), reduce.transform(x_test)

    # Both kernels are chosen by cross-validation on the training part, from as many candidates.
    costs = [0.1, 1, 10, 100]
    best = None
    for bandwidth in [0.0125, 0.025, 0.05, 0.1]:
        options = {"map": "zz", "reps": 1, "bandwidth": bandwidth}
        k = kernel_matrix(x, **options)
        for cost in costs:
            score = cross_val_score(SVC(kernel="precomputed", C=cost), k, labels, cv=5).mean()
            if best is None or score > best[0]:
                best = score, options, SVC(kernel="precomputed", C=cost).fit(k, labels)
    score, options, quantum = best
    test = quantum.score(kernel_matrix(x_test, x, **options), labels_test)
    print(f"zz   test {test:.3f}  cross-validation {score:.3f}  bandwidth {options['bandwidth']}, C {quantum.C:g}")

    rbf = GridSearchCV(SVC(), {"C": costs, "gamma": [0.0125, 0.025, 0.05, 0.1]}, cv=5).fit(x, labels)
    found = f"gamma {rbf.best_params_['gamma']}, C {rbf.best_params_['C']:g}"
    print(f"rbf  test {rbf.score(x_test, labels_test):.3f}  cross-validation {rbf.best_score_:.3f}  {found}")


if __name__ == "__main__":
    main()
