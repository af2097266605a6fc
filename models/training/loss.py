"""What the network is taught: where pears are, their boxes, skin and defects, the judgement."""

import torch
from torch.nn import functional as F

from network import places

# Longer side of a box, in pixels, that each stride answers for; they overlap, so that no size
# falls between two.
SIDES = {8: (0, 56), 16: (44, 120), 32: (96, 1e9)}


class Loss:
    """Call with the network's raw maps and a batch's targets; returns the sum and its parts."""

    def __init__(self):
        self.middles, self.strides = places()
        self.sides = torch.tensor([SIDES[int(s)] for s in self.strides])

    def __call__(self, raw, boxes, labels, skin, defect):
        """boxes: list of [k, 4]; labels: [n], 0 defective, 1 normal, -1 unknown; skin, defect: [n, 40, 40]."""
        objectness, box_losses, judged, answers = [], [], [], []
        positives = 0
        for i, truth in enumerate(boxes):
            owner, ignored = self._assign(truth)
            positive = owner >= 0
            positives += int(positive.sum())
            logit = raw["objectness"][i]
            loss = _focal(logit, positive.float(), gamma=1.5)
            objectness.append((loss * ~ignored).sum())
            if positive.any():
                box_losses.append(1 - _giou(self._corners(raw["boxes"][i], positive), truth[owner[positive]]))
                if labels[i] >= 0:
                    logits = raw["judgement"][i][positive]
                    judged.append(logits.mean())
                    answers.append(1.0 - float(labels[i]))
        zero = raw["objectness"].sum() * 0
        parts = {"objectness": sum(objectness) / max(positives, 1)}
        parts["box"] = 2 * torch.cat(box_losses).mean() if box_losses else zero
        if judged:
            # Softened answers keep P from running to 0 and 1 on a few well-known photos.
            answer = torch.tensor(answers) * 0.92 + 0.04
            parts["judgement"] = F.binary_cross_entropy_with_logits(torch.stack(judged), answer)
        asked = defect >= 0
        cells = _focal(raw["defect"], defect.clamp(min=0), alpha=0.6) * asked
        parts["defect"] = 2 * cells.sum() / (defect > 0.5).sum().clamp(min=20)
        asked = skin >= 0
        parts["skin"] = (
            F.binary_cross_entropy_with_logits(raw["skin"], skin.clamp(min=0), reduction="none") * asked
        ).sum() / asked.sum().clamp(min=1)
        return sum(parts.values()), {name: float(value) for name, value in parts.items()}

    def _assign(self, truth):
        """Centre sampling. Returns owner [2100], the index of a place's box or -1, and ignored [2100], bool."""
        owner = torch.full((len(self.middles),), -1, dtype=torch.long)
        ignored = torch.zeros(len(self.middles), dtype=torch.bool)
        order = ((truth[:, 2] - truth[:, 0]) * (truth[:, 3] - truth[:, 1])).argsort(descending=True)
        for k in order.tolist():  # smaller boxes last: where two meet, the smaller one owns the place
            box = truth[k]
            middle, side = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
            away = (self.middles - middle).abs().max(1).values
            within = (self.middles > box[:2]).all(1) & (self.middles < box[2:]).all(1)
            fits = (side >= self.sides[:, 0]) & (side < self.sides[:, 1])
            near = away <= 1.2 * self.strides
            owner[within & fits & near] = k
            # Around the middle nobody is wrong: neighbours of the chosen places and other strides.
            ignored |= within & (away <= torch.minimum(2.2 * self.strides, side / 2))
        return owner, ignored & (owner < 0)

    def _corners(self, reach, chosen):
        middles, strides = self.middles[chosen], self.strides[chosen, None]
        reach = reach[chosen] * strides
        return torch.cat([middles - reach[:, :2], middles + reach[:, 2:]], 1)


def _focal(logits, target, alpha=0.4, gamma=2.0):
    """Focal loss (Lin et al., ICCV 2017), per element."""
    p = torch.sigmoid(logits)
    wrong = p * (1 - target) + (1 - p) * target
    weight = alpha * target + (1 - alpha) * (1 - target)
    return weight * wrong**gamma * F.binary_cross_entropy_with_logits(logits, target, reduction="none")


def _giou(a, b):
    """Generalised IoU (Rezatofighi et al., CVPR 2019) of pairs of boxes [k, 4] as x1, y1, x2, y2."""
    area = lambda box: (box[:, 2] - box[:, 0]).clamp(min=0) * (box[:, 3] - box[:, 1]).clamp(min=0)
    both = area(torch.cat([torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])], 1))
    hull = area(torch.cat([torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])], 1))
    union = area(a) + area(b) - both
    return both / (union + 1e-6) - (hull - union) / (hull + 1e-6)
