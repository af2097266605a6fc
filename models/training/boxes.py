"""Boxes as numbers: what is left after suppression, and which told box answers for which drawn one."""

import numpy as np

SUPPRESS_ABOVE = 0.45  # IoU, across classes, as in the sidecar


def suppressed(output, threshold):
    """The boxes of a model's answer [6, n], best first: corners [k, 4] in pixels of the input, and winning
    scores [k]."""
    best = output[4:].max(0)
    places = np.flatnonzero(best >= threshold)
    places = places[np.argsort(-best[places], kind="stable")]
    x, y, w, h = output[:4, places]
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    kept = []
    rest = np.arange(len(places))
    while len(rest):
        kept.append(rest[0])
        rest = rest[1:][overlaps(corners[rest[0]], corners[rest[1:]]) <= SUPPRESS_ABOVE]
    return corners[kept], best[places[kept]]


def overlaps(box, others):
    """Intersection over union of one box [4] with others [n, 4], all as x1, y1, x2, y2. Returns [n]."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.clip(high - low, 0, None).prod(1)
    return both / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - both + 1e-9)


def matched(told, drawn, iou=0.5):
    """For each told box, best first, the index of the drawn box that it finds, or None. Each drawn box is found once."""
    free = np.ones(len(drawn), bool)
    answers = []
    for box in told:
        shared = overlaps(box, drawn) * free if len(drawn) else np.zeros(0)
        best = int(shared.argmax()) if len(shared) else None
        if best is None or shared[best] < iou:
            answers.append(None)
            continue
        free[best] = False
        answers.append(best)
    return answers
