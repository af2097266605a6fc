"""Turns the objectness of a trained network into a probability: of the boxes told with 0.7, seven in ten are right.

Platt's scaling (J. C. Platt, Advances in Large Margin Classifiers, 1999): two numbers, fitted to the boxes that are left
after suppression. Focal loss alone leaves a network too modest, and by how much differs from run to run, so that no
threshold could be fixed beforehand.
"""

import numpy as np
import torch

from boxes import matched, suppressed
from evaluate import letterbox
from network import FILL, Served

FROM = 0.05  # objectness of the faintest box that is asked


def fit_confidence(network, orchard):
    """Sets network.confidence (factor, shift) by pictures that it was not trained on: of others it is too sure.

    Without photos of the orchard nothing is known about doubtful pears, and the network stays as it is.
    """
    if not orchard:
        return
    network.confidence.copy_(torch.tensor([1.0, 0.0]))
    served = Served(network).eval()
    scores, right = [], []
    for picture in orchard:
        boxes, found = _boxes(served, picture.image)
        verdicts = matched(boxes, picture.boxes)
        scores += found.tolist()
        right += [verdict is not None for verdict in verdicts]
    logits = np.log(np.array(scores) / (1 - np.array(scores)))
    factor, shift = _logistic(logits, np.array(right, float))
    print(f"confidence: {factor:.2f} x objectness {shift:+.2f}, from {len(logits)} boxes", flush=True)
    network.confidence.copy_(torch.tensor([factor, shift]))


@torch.no_grad()
def _boxes(served, image):
    canvas, scale, shift = letterbox(image)
    output = served(torch.from_numpy(canvas[None]))[0].numpy()
    boxes, scores = suppressed(output, FROM)
    return (boxes - np.tile(shift, 2)) / scale, np.clip(scores, 1e-4, 1 - 1e-4)


def _logistic(x, y, rounds=30):
    """Newton's method for P(y) = 1 / (1 + exp(-(factor x + shift)))."""
    design = np.stack([x, np.ones_like(x)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-design @ weights))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-6 * np.eye(2)
        weights = weights + np.linalg.solve(hessian, design.T @ (y - p))
    return float(weights[0]), float(weights[1])
