"""Mixes the training batches: which pictures, in which shares."""

import queue
import threading

import numpy as np
import torch

from augment import orchard_nothing, orchard_view, pool_view
from network import FILL

SIZE = 16
# Views of a batch that show the orchard, and that show nothing, by stage; the rest are pears.
ORCHARD = {"pretrain": 7, "fold": 4, "final": 4}
NOTHING = {"pretrain": 4, "fold": 4, "final": 4}
ORCHARD_NOTHING = 0.35  # share of the views of nothing that show leaves and branches, where there are photos of an orchard
# Of the pears this share is normal. Fewer than half: there is one way to be sound and many to be damaged, some hardly seen.
NORMAL = 0.4
# The share of each recipe of the pool among the views of its group.
SHARES = {
    "normal": {
        "photo": 0.24,
        "painted out": 0.1,
        "moved normal": 0.38,
        "rendered normal": 0.2,
        "rendered on real normal": 0.08,
    },
    "defective": {
        "photo": 0.1,
        "marked": 0.44,
        "moved defective": 0.25,
        "real marks on rendered": 0.08,
        "rendered defective": 0.08,
        "rendered on real defective": 0.05,
    },
    "nothing": {"rendered empty": 0.65, "real empty": 0.35},
}
LABELS = {"normal": 1, "defective": 0, "nothing": 2}


class Batches:
    """Endless batches from the pictures that `allowed` (bool [n]) names, made in a thread of its own.

    A batch: images float32 [16, 3, 320, 320], normalised; boxes, a list of [k, 4]; labels int [16];
    skin and defect, float32 [16, 40, 40]. The seed fixes all of them.
    """

    def __init__(self, pool, orchard, allowed, seed, stage):
        self.pool, self.orchard, self.seed, self.stage = pool, orchard, seed, stage
        self.rows = {}
        for group, shares in SHARES.items():
            chosen = {
                recipe: np.flatnonzero(allowed & (pool.recipes == recipe) & (pool.labels == LABELS[group]))
                for recipe in shares
            }
            self.rows[group] = {recipe: rows for recipe, rows in chosen.items() if len(rows)}

    def take(self, steps):
        """Yields `steps` batches; a few are made ahead."""
        ready = queue.Queue(4)

        def work():
            try:
                for step in range(steps):
                    ready.put(self._make(np.random.default_rng([self.seed, step])))
            except BaseException as error:
                ready.put(error)

        threading.Thread(target=work, daemon=True).start()
        for _ in range(steps):
            batch = ready.get()
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    def _make(self, rng):
        orchard = ORCHARD[self.stage] if self.orchard else 0
        nothing = NOTHING[self.stage]
        pears = SIZE - orchard - nothing
        normal = round(pears * NORMAL)
        groups = ["nothing"] * nothing + ["normal"] * normal + ["defective"] * (pears - normal)
        views = [self._nothing(rng) if group == "nothing" else self._view(group, rng) for group in groups]
        for _ in range(orchard):
            picture = self.orchard[rng.integers(len(self.orchard))]
            views.append(orchard_view(picture.image, picture.boxes, rng))
        images = np.stack([view.image for view in views])
        images = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - FILL) / 64
        stacked = lambda name: torch.from_numpy(np.stack([getattr(view, name) for view in views]))
        boxes = [torch.from_numpy(view.boxes) for view in views]
        return images, boxes, torch.tensor([view.label for view in views]), stacked("skin"), stacked("defect")

    def _nothing(self, rng):
        leaves = orchard_nothing(self.orchard, rng) if self.orchard and rng.random() < ORCHARD_NOTHING else None
        return self._view("nothing", rng) if leaves is None else leaves

    def _view(self, group, rng):
        recipes = list(self.rows[group])
        shares = np.array([SHARES[group][recipe] for recipe in recipes])
        rows = self.rows[group][recipes[rng.choice(len(recipes), p=shares / shares.sum())]]
        row = rows[rng.integers(len(rows))]
        return pool_view(self.pool.images[row], self.pool.maps[row], LABELS[group], rng)
