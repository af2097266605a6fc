"""The network: one look at 320 pixels finds the pear and judges it.

A small backbone and feature pyramid (Lin et al., CVPR 2017) carry an anchor-free head (FCOS: Tian et
al., ICCV 2019) for "a pear is here" and its box. Beside it, maps of evidence at stride 8 say what
can be seen where; the first one is trained, cell by cell, as a map of defects. The judgement sees
nothing but the pooled evidence on the skin round a place, so it cannot learn the background.
"""

import torch
from torch import nn
from torch.nn import functional as F

SIZE = 320  # pixels of the square input
STRIDES = (8, 16, 32)
REACH = {8: 5, 16: 7, 32: 9}  # cells, at each stride, whose evidence a judgement pools
FILL = 114  # grey of the letterbox; the normalisation turns it into 0


class PearNet(nn.Module):
    """forward: float32 [n, 3, 320, 320], normalised -> a dict of raw maps:
    objectness, judgement: logits [n, 2100]; boxes: [n, 2100, 4], distances to left, top, right,
    bottom in strides; defect, skin: logits [n, 40, 40]."""

    def __init__(self, widths=(12, 24, 48, 80, 112), pyramid=40, evidence=16):
        super().__init__()
        w = widths
        self.stem = nn.Sequential(_conv(3, w[0], 3, 2), _conv(w[0], w[1], 3, 2), _Residual(w[1]))
        self.stage8 = nn.Sequential(_conv(w[1], w[2], 3, 2), _Residual(w[2]), _Residual(w[2]))
        self.stage16 = nn.Sequential(_conv(w[2], w[3], 3, 2), _Residual(w[3]), _Residual(w[3]))
        self.stage32 = nn.Sequential(_conv(w[3], w[4], 3, 2), _Residual(w[4]), _PyramidPool(w[4]))
        self.lateral = nn.ModuleList([_conv(c, pyramid, 1) for c in w[2:]])
        self.smooth = nn.ModuleList([_conv(pyramid, pyramid, 3) for _ in range(2)])
        self.heads = nn.ModuleList([_conv(pyramid, pyramid, 3) for _ in STRIDES])
        self.outputs = nn.ModuleList([nn.Conv2d(pyramid, 5, 1) for _ in STRIDES])
        self.look = nn.Sequential(_conv(pyramid, 24, 3), nn.Conv2d(24, evidence + 1, 1))
        self.judge = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(2 * evidence, 16, 1), nn.ReLU(), nn.Conv2d(16, 1, 1))
        # Factor and shift that make a probability of the objectness; confidence.py finds them after training.
        self.register_buffer("confidence", torch.tensor([1.0, 0.0]))
        nn.init.constant_(self.look[1].bias[1], -2.5)
        for output in self.outputs:
            nn.init.constant_(output.bias[0], -4.0)  # pears are rare among 2,100 places
            nn.init.constant_(output.bias[1:], 1.0)

    def forward(self, image):
        c8 = self.stage8(self.stem(image))
        c16 = self.stage16(c8)
        c32 = self.stage32(c16)
        p32 = self.lateral[2](c32)
        p16 = self.smooth[1](self.lateral[1](c16) + F.interpolate(p32, scale_factor=2.0))
        p8 = self.smooth[0](self.lateral[0](c8) + F.interpolate(p16, scale_factor=2.0))
        maps = self.look(p8)
        skin, defect = maps[:, :1], maps[:, 1:2]
        judgements = self._judge(skin, maps[:, 1:])
        objectness, boxes = [], []
        for p, head, output in zip((p8, p16, p32), self.heads, self.outputs):
            out = output(head(p))
            objectness.append(out[:, 0].flatten(1))
            boxes.append(F.softplus(out[:, 1:]).flatten(2).transpose(1, 2))
        return {
            "objectness": torch.cat(objectness, 1),
            "boxes": torch.cat(boxes, 1),
            "judgement": torch.cat(judgements, 1),
            "defect": defect[:, 0],
            "skin": skin[:, 0],
        }

    def _judge(self, skin, evidence):
        """Logits of "defective" at every place, from strongest and mean evidence on the skin."""
        # The judgement must not bend the skin map to its needs: no gradient that way.
        skin = torch.sigmoid(skin.detach())
        evidence = torch.cat([torch.sigmoid(evidence[:, :1]), F.relu(evidence[:, 1:])], 1) * skin
        judgements = []
        for stride in STRIDES:
            strongest, mean, share = evidence, evidence, skin
            if stride > 8:
                cells = stride // 8
                strongest = F.max_pool2d(strongest, cells)
                mean, share = F.avg_pool2d(mean, cells), F.avg_pool2d(share, cells)
            reach = REACH[stride]
            around = dict(kernel_size=reach, stride=1, padding=reach // 2)
            strongest = F.max_pool2d(strongest, **around)
            mean = F.avg_pool2d(mean, **around) / (F.avg_pool2d(share, **around) + 0.02)
            judgements.append(self.judge(torch.cat([strongest, mean], 1)).flatten(1))
        return judgements


class Served(nn.Module):
    """The network as a server meets it: uint8 [1, 320, 320, 3] RGB in, YOLO v8 form [1, 6, 2100] out.

    Rows: centre x, centre y, width, height in pixels, then the scores of the two classes. The
    score of a class would be objectness x P(class), but then the classes of a doubtful pear split
    the score and a threshold loses the pear. Divided by the larger P, the winner's score is the objectness.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network
        middles, strides = places()
        self.register_buffer("middles", middles.T[None].contiguous())
        self.register_buffer("strides", strides[None, None])

    def forward(self, images):
        raw = self.network((images.permute(0, 3, 1, 2).float() - FILL) / 64)
        reach = raw["boxes"].transpose(1, 2) * self.strides
        top_left, bottom_right = self.middles - reach[:, :2], self.middles + reach[:, 2:]
        defective = torch.sigmoid(raw["judgement"])[:, None]
        both = torch.cat([defective, 1 - defective], 1)
        certainty = torch.sigmoid(raw["objectness"] * self.network.confidence[0] + self.network.confidence[1])
        scores = certainty[:, None] * both / torch.maximum(defective, 1 - defective)
        return torch.cat([(top_left + bottom_right) / 2, bottom_right - top_left, scores], 1)


def places():
    """The middles [2100, 2] (x, y) of all cells in pixels, and their strides [2100]."""
    middles, strides = [], []
    for stride in STRIDES:
        ticks = (torch.arange(SIZE // stride) + 0.5) * stride
        ys, xs = torch.meshgrid(ticks, ticks, indexing="ij")
        middles.append(torch.stack([xs.flatten(), ys.flatten()], 1))
        strides.append(torch.full((xs.numel(),), float(stride)))
    return torch.cat(middles), torch.cat(strides)


def _conv(inputs, outputs, kernel, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs, momentum=0.05),
        nn.ReLU(),
    )


class _Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(_conv(width, width // 2, 1), _conv(width // 2, width, 3))

    def forward(self, x):
        return x + self.body(x)


class _PyramidPool(nn.Module):
    """Spatial pyramid pooling by repeated 5x5 maxima (SPPF, as in YOLO v5)."""

    def __init__(self, width):
        super().__init__()
        self.squeeze = _conv(width, width // 2, 1)
        self.merge = _conv(width * 2, width, 1)

    def forward(self, x):
        levels = [self.squeeze(x)]
        for _ in range(3):
            levels.append(F.max_pool2d(levels[-1], 5, 1, 2))
        return self.merge(torch.cat(levels, 1))
