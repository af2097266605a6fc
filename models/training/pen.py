"""Draws polygons, nuts, posts and other things with soft edges and falling light.

Coordinates are shares of the picture's width (x) and height (y), so that a scene looks the same at every size.
"""

import cv2
import numpy as np


class Pen:
    """A float32 RGB picture in the making; `mask` remembers where it drew since `clear`."""

    def __init__(self, width, height, rng, fill=(0, 0, 0), image=None):
        self.width, self.height, self.rng = width, height, rng
        self.image = np.empty((height, width, 3), np.float32) if image is None else image
        if image is None:
            self.image[:] = np.array(fill, np.float32) * rng.uniform(0.7, 1.3)
        self.mask = np.zeros((height, width), np.float32)

    def clear(self):
        self.mask = np.zeros((self.height, self.width), np.float32)

    def alpha(self):
        return self.mask

    def finished(self, blur):
        """The picture with a lens blur (share of the height) and a little grain."""
        image = self.image.copy()
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), max(blur * self.height, 0.3))
        return np.clip(image + self.rng.normal(0, 1.5, image.shape).astype(np.float32), 0, 255)

    def soften(self, blur):
        self.image = cv2.GaussianBlur(self.image, (0, 0), max(blur * self.height, 0.3))

    def quad(self, corners, colour, gradient=0.25):
        """A polygon with light falling off along a random direction."""
        points = (np.array(corners) * [self.width * 16, self.height * 16]).astype(np.int32)
        self._lay(cv2.fillPoly(self._sheet(), [points], 255, cv2.LINE_AA, 4), colour, gradient)

    def band(self, x1, y1, x2, y2, thick, colour):
        """A stripe whose upper edge runs from (x1, y1) to (x2, y2)."""
        self.quad([(x1, y1), (x2, y2), (x2, y2 + thick), (x1, y1 + thick)], colour)

    def rail(self, left, right, thick):
        """An aluminium profile: bright top, grooves, nuts."""
        tones = [(0.0, 0.3, 215), (0.3, 0.08, 60), (0.38, 0.25, 120), (0.63, 0.1, 50), (0.73, 0.27, 105)]
        for start, share, tone in tones:
            tone *= self.rng.uniform(0.75, 1.15)
            self.band(
                -0.02, left + start * thick, 1.02, right + start * thick, share * thick, (tone, tone, tone * 0.97)
            )
        glare = self.rng.uniform(0.05, 0.5)
        self.band(
            glare,
            left + (right - left) * glare,
            glare + 0.22,
            left + (right - left) * (glare + 0.22),
            thick * 0.22,
            (250, 250, 246),
        )
        for x in self.rng.uniform(0, 1, int(self.rng.integers(2, 5))):
            self.bolt(x, left + (right - left) * x - 0.01, self.rng.uniform(0.022, 0.035))

    def bolt(self, x, y, size):
        """A bright nut seen a little from above."""
        wide = size * self.height / self.width
        self.quad(
            [(x - wide, y - size), (x + wide, y - size), (x + wide, y + size), (x - wide, y + size)],
            (150, 148, 130),
            1.2,
        )
        for share, tone in ((1.0, 205), (0.55, 70)):
            axes = int(wide * share * self.width * 16), int(size * 0.5 * share * self.height * 16)
            centre = int(x * self.width * 16), int((y - size) * self.height * 16)
            self._lay(
                cv2.ellipse(self._sheet(), centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4),
                (tone, tone, tone * 0.92),
                0.3,
            )

    def post(self, x, top, wide, bottom):
        """A black post of the cradle with a rounded head and a lighter edge."""
        wide *= self.height / self.width
        r = wide / 2
        self.quad([(x - r, top), (x + r, top), (x + r * 1.05, bottom), (x - r * 1.05, bottom)], (22, 23, 24), 0.5)
        axes = int(r * self.width * 16), int(r * self.width * 10)
        self._lay(
            cv2.ellipse(
                self._sheet(),
                (int(x * self.width * 16), int(top * self.height * 16)),
                axes,
                0,
                0,
                360,
                255,
                -1,
                cv2.LINE_AA,
                4,
            ),
            (42, 43, 44),
            0.5,
        )
        self.quad(
            [(x + r * 0.45, top), (x + r * 0.75, top), (x + r * 0.75, bottom), (x + r * 0.45, bottom)],
            (36, 37, 38),
            0.5,
        )

    def bar(self, x1, y1, x2, y2, thick):
        """A black bar lying in front of the pear, its top edge catching light."""
        self.band(x1, y1, x2, y2, thick * 1.6, (18, 19, 20))
        self.band(x1, y1 - thick * 0.25, x2, y2 - thick * 0.25, thick * 0.35, (44, 45, 46))

    def dust(self, top):
        """Brown grains on the cradle."""
        for _ in range(int(self.rng.integers(20, 120))):
            x, y = self.rng.uniform(0.2, 0.8), self.rng.uniform(top, 1)
            if self.image[int(y * (self.height - 1)), int(x * (self.width - 1))].max() < 45:
                cv2.circle(
                    self.image,
                    (int(x * self.width), int(y * self.height)),
                    max(1, self.height // 500),
                    (70, 52, 34),
                    -1,
                    cv2.LINE_AA,
                )

    def clutter(self, count, top, bottom):
        """Machines and people far out of focus."""
        colours = [
            (10, 14, 15),
            (30, 44, 40),
            (20, 30, 70),
            (70, 78, 74),
            (58, 24, 18),
            (96, 100, 92),
            (88, 76, 24),
            (110, 118, 130),
        ]
        for _ in range(count):
            x, y = self.rng.uniform(-0.1, 1), self.rng.uniform(top - 0.1, bottom)
            w, h = self.rng.uniform(0.04, 0.4), self.rng.uniform(0.03, 0.3)
            lean = self.rng.uniform(-0.05, 0.05)
            colour = np.array(colours[self.rng.integers(len(colours))]) * self.rng.uniform(0.6, 1.2)
            self.quad([(x, y), (x + w, y + lean), (x + w, y + h), (x, y + h + lean)], colour)

    def thing(self):
        """Something that is not a pear: a glove's grey blob, a box, a ball of another colour, a disc."""
        rng = self.rng
        x, y = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)
        size = rng.uniform(0.05, 0.35)
        kind = rng.integers(4)
        sheet = self._sheet()
        centre = int(x * self.width * 16), int(y * self.height * 16)
        if kind == 0:  # a box or a sheet of paper, any colour
            spin = rng.uniform(0, np.pi) + np.array([0, 1, 2, 3]) * np.pi / 2 + rng.normal(0, 0.2, 4)
            corners = np.stack([x + size * np.cos(spin) * 0.75, y + size * np.sin(spin)], 1)
            self.quad(corners, rng.uniform(0, 255, 3), 0.5)
            return
        if kind == 1:  # a glove: grey ellipses side by side
            for finger in range(4):
                at = centre[0] + int(finger * size * 0.3 * self.height * 16), centre[1] + int(
                    rng.normal(0, 0.6 * self.height)
                )
                axes = int(size * 2.6 * self.height), int(size * 11 * self.height)  # sixteenths of a pixel
                cv2.ellipse(sheet, at, axes, 20, 0, 360, 255, -1, cv2.LINE_AA, 4)
            self._lay(sheet, np.array([115, 122, 130]) * rng.uniform(0.5, 1.3), 0.8)
            return
        # Neither ball nor disc is yellow, orange or yellow-green: those could be a pear.
        colours = [
            (170, 20, 30),
            (30, 60, 170),
            (25, 110, 60),
            (120, 40, 130),
            (60, 60, 62),
            (225, 225, 225),
            (40, 150, 160),
        ]
        colour = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.6, 1.1)
        axes = int(size * self.height * 16), int(size * self.height * 16 * rng.uniform(0.8, 1.0))
        cv2.ellipse(sheet, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
        self._lay(sheet, colour, 0.9 if kind == 2 else 0.1)

    def _sheet(self):
        return np.zeros((self.height, self.width), np.uint8)

    def _lay(self, sheet, colour, gradient):
        """Colours where `sheet` is set; the light falls off by `gradient` across it."""
        y, x, h, w = _bounds(sheet)
        if h == 0:
            return
        alpha = sheet[y : y + h, x : x + w] / np.float32(255)
        angle = self.rng.uniform(0, 2 * np.pi)
        ys, xs = np.mgrid[-0.5 : 0.5 : h * 1j, -0.5 : 0.5 : w * 1j].astype(np.float32)
        light = 1 + gradient * (xs * np.cos(angle) + ys * np.sin(angle))
        part = self.image[y : y + h, x : x + w]
        part += alpha[..., None] * (np.asarray(colour, np.float32) * light[..., None] - part)
        np.maximum(self.mask[y : y + h, x : x + w], alpha, out=self.mask[y : y + h, x : x + w])


def _bounds(sheet):
    """(y, x, height, width) of the set pixels; height 0 when there are none."""
    x, y, w, h = cv2.boundingRect(sheet)
    return y, x, h, w
