"""A forest of decision trees as plain arrays: judged without scikit-learn, kept as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Trees:
    """Trees for two classes, their nodes one below the other.

    Attributes
    ----------
    roots : ndarray of int32, shape (n_trees,)
        Number of each tree's first node.
    feature : ndarray of int32, shape (n_nodes,)
        Column that a node asks for.
    cut : ndarray of float64, shape (n_nodes,)
        A row goes left where its value is at most this.
    left, right : ndarray of int32, shape (n_nodes,)
        Next node; a leaf is its own.
    share : ndarray of float32, shape (n_nodes,)
        Weighted share of class 1 among the training rows of a node.
    """

    roots: np.ndarray
    feature: np.ndarray
    cut: np.ndarray
    left: np.ndarray
    right: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, forest: Any) -> Trees:
        """The trees of a fitted forest of scikit-learn with the classes 0 and 1."""
        parts: list[list[np.ndarray]] = []
        roots, begin = [], 0
        for tree in (one.tree_ for one in forest.estimators_):
            own = np.arange(tree.node_count)
            leaf = tree.children_left < 0
            value = tree.value[:, 0, :]
            parts.append(
                [
                    np.where(leaf, 0, tree.feature).astype(np.int32),
                    tree.threshold.astype(np.float64),
                    (begin + np.where(leaf, own, tree.children_left)).astype(np.int32),
                    (begin + np.where(leaf, own, tree.children_right)).astype(np.int32),
                    (value[:, 1] / value.sum(axis=1)).astype(np.float32),
                ]
            )
            roots.append(begin)
            begin += tree.node_count
        columns = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(np.array(roots, dtype=np.int32), *columns)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """P(1) of every row, the mean over the trees.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, n_columns)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        own = np.arange(len(rows))[:, None]
        node = np.tile(self.roots, (len(rows), 1))
        while True:
            goes_left = rows[own, self.feature[node]] <= self.cut[node]
            following = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(following, node):
                return np.asarray(self.share[node].mean(axis=1, dtype=np.float64))
            node = following

    def arrays(self) -> dict[str, np.ndarray]:
        """What :meth:`from_arrays` takes."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Trees:
        """The trees again, from :meth:`arrays`."""
        return cls(**arrays)
