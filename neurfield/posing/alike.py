"""Pictures that may show the same, found before they are matched: by how often words of features occur.

The words are features of the pictures themselves, so nothing is downloaded and nothing has to be trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_WORDS = 1024
_FEATURES = 512  # of a picture, the largest: they are found again from elsewhere
_SEED = 0


def alike_pairs(descriptors: Sequence[np.ndarray], nearest: int) -> list[tuple[int, int]]:
    """For each picture the few that have most in common with it: pairs (i, j), i < j.

    Cosine of the words' frequencies, weighted by how rare a word is (tf-idf; Sivic and Zisserman 2003).

    Args:
        descriptors: [k,128] uint8 of each picture, the largest features first.
        nearest: how many for each.
    """
    some = [each[:_FEATURES].astype(np.float32) for each in descriptors]
    every = np.concatenate([each for each in some if len(each)] or [np.zeros((0, 128), np.float32)])
    if len(every) < 2 or len(descriptors) < 2:
        return []
    count = min(_WORDS, max(2, len(every) // 8))  # a word must be nearest to features of several pictures
    words = every[np.random.default_rng(_SEED).permutation(len(every))[:count]]
    counts = np.stack([_counts(each, words) for each in some])
    rare = np.log(len(some) / np.maximum((counts > 0).sum(axis=0), 1))
    weighted = np.sqrt(counts) * rare
    weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9)
    likeness = weighted @ weighted.T
    np.fill_diagonal(likeness, -1.0)
    found = set()
    for i, row in enumerate(likeness):
        for j in np.argsort(-row, kind="stable")[:nearest]:
            if row[j] > 0:
                found.add((min(i, int(j)), max(i, int(j))))
    return sorted(found)


def _counts(features: np.ndarray, words: np.ndarray) -> np.ndarray:
    """How often each word is the nearest to a feature: [words]."""
    if not len(features):
        return np.zeros(len(words))
    distance = (words**2).sum(axis=1) - 2.0 * features @ words.T
    return np.bincount(distance.argmin(axis=1), minlength=len(words)).astype(np.float64)
