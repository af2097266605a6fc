"""Makes the pool: some thousand pictures from a few photos, kept as .npy files in one folder.

Every picture carries the fruits it came from (pear, marks and background), so that a fold can
leave out all that ever touched the fruits it is tested on.
"""

import errno
import json
import multiprocessing
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from noise import smooth_noise
from photos import HEIGHT, WIDTH, read_line
from render import Picture, paste_pear, render_picture, visible_box
from scenes import empty_picture, random_scene
from stamp import FAINT, SURE, mark_pear

DEFECTIVE, NORMAL, EMPTY = 0, 1, 2
BACKGROUND, SKIN, MARK, IGNORE = 0, 1, 2, 255  # values of a picture's map

# How many pictures of each recipe; None: one a photo, one a defective photo. The first three need no photo.
COUNTS = {
    "rendered normal": 750,
    "rendered defective": 750,
    "rendered empty": 1400,
    "photo": None,
    "painted out": None,
    "marked": 800,
    "moved normal": 700,
    "moved defective": 450,
    "real marks on rendered": 300,
    "rendered on real normal": 130,
    "rendered on real defective": 130,
    "real empty": 260,
}
WITHOUT_PHOTOS = ("rendered normal", "rendered defective", "rendered empty")


@dataclass
class Pool:
    """images: uint8 [n, HEIGHT, WIDTH, 3] RGB. maps: uint8 [n, HEIGHT / 2, WIDTH / 2].
    labels: int [n]. recipes: str [n]. fruits: list of n frozensets of fruit names."""

    images: np.ndarray
    maps: np.ndarray
    labels: np.ndarray
    recipes: np.ndarray
    fruits: list


def make_pool(photo_folder, work, seed=1, processes=2):
    """Makes the pool, or opens the one that `work` holds already. photo_folder may be None."""
    folder = Path(work) / ("pool" if photo_folder else "pool-rendered")
    if not folder.exists():
        # Under another name while it grows: another run may make the same one, and neither may see half of it.
        growing = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        _write(growing, photo_folder, seed, processes)
        try:
            growing.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            shutil.rmtree(growing)  # the other run was faster
    fruits = [frozenset(names) for names in json.loads((folder / "fruits.json").read_text())]
    load = lambda name, **how: np.load(folder / f"{name}.npy", **how)
    return Pool(load("images", mmap_mode="r"), load("maps", mmap_mode="r"), load("labels"), load("recipes"), fruits)


def _write(folder, photo_folder, seed, processes):
    folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(0)  # its threads would not survive the fork, and their waiters would wait for ever
    photos = read_line(photo_folder) if photo_folder else []
    tasks = []
    for recipe in COUNTS:
        tasks += [(recipe, index, seed) for index in range(_count(recipe, photos))]
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (len(tasks), HEIGHT, WIDTH, 3))
    maps = np.lib.format.open_memmap(folder / "maps.npy", "w+", np.uint8, (len(tasks), HEIGHT // 2, WIDTH // 2))
    labels, fruits = np.zeros(len(tasks), int), []
    with multiprocessing.get_context("fork").Pool(processes, _start, (photos,)) as workers:
        for row, (image, map_, label, names) in enumerate(workers.imap(_make, tasks, chunksize=8)):
            images[row], maps[row], labels[row] = image, map_, label
            fruits.append(sorted(names))
    np.save(folder / "labels.npy", labels)
    np.save(folder / "recipes.npy", np.array([task[0] for task in tasks]))
    (folder / "fruits.json").write_text(json.dumps(fruits))


def _count(recipe, photos):
    """How many pictures of a recipe these photos can give."""
    if recipe in WITHOUT_PHOTOS:
        return COUNTS[recipe]
    sound, donors = any(map(_can_be_sound, photos)), any(photo.marks for photo in photos)
    if recipe == "photo":
        return len(photos)
    if recipe == "painted out":
        defective = [photo for photo in photos if not photo.normal]
        return len(defective) if any(map(_can_be_sound, defective)) else 0
    possible = {"moved normal": sound, "real marks on rendered": donors}
    return COUNTS[recipe] if photos and possible.get(recipe, True) else 0


def _start(photos):
    global _photos
    _photos = photos


def _make(task):
    """One picture from (recipe, index, seed): the same whichever process makes it."""
    recipe, index, seed = task
    rng = np.random.default_rng([seed, list(COUNTS).index(recipe), index])
    picture, label, fruits = _RECIPES[recipe](rng, index)
    if label != EMPTY and recipe != "photo" and rng.random() < 0.25:
        _soft_shadow(picture, rng)
    image = np.clip(picture.image + rng.random(picture.image.shape[:2])[..., None], 0, 255).astype(np.uint8)
    return image, _map(picture), label, fruits


def _map(picture):
    """BACKGROUND, SKIN, MARK or IGNORE at half the size; a mark wins over the skin round it."""
    size = (WIDTH // 2, HEIGHT // 2)
    skin = cv2.resize(picture.skin, size, interpolation=cv2.INTER_AREA)
    defect = cv2.resize(cv2.dilate(picture.defect, np.ones((2, 2), np.uint8)), size, interpolation=cv2.INTER_AREA)
    map_ = np.where(skin > 0.5, SKIN, BACKGROUND).astype(np.uint8)
    map_[(defect > FAINT) & (skin > 0.5)] = IGNORE
    map_[(defect > SURE) & (skin > 0.5)] = MARK
    return map_


def _photo(rng, index):
    photo = _photos[index % len(_photos)]
    return _as_picture(photo, photo.image, photo.defect), NORMAL if photo.normal else DEFECTIVE, {photo.fruit}


def _painted_out(rng, index):
    healed = [photo for photo in _photos if not photo.normal and _can_be_sound(photo)]
    photo = healed[index % len(healed)]
    return _as_picture(photo, photo.clean, _leftovers(photo)), NORMAL, {photo.fruit}


def _marked(rng, index):
    """A real pear in its own scene with more marks on it."""
    photo = _any(rng)
    picture = _base(photo, rng)
    fruits = _add_marks(picture, rng, {photo.fruit})
    return picture, DEFECTIVE, fruits


def _moved(rng, index, defective):
    """A real pear cut out, turned and laid into another real scene or a rendered one."""
    photo = _any(rng) if defective else _any(rng, _can_be_sound)
    source = _base(photo, rng, sound=not defective)
    fruits = {photo.fruit}
    if defective and (photo.normal or rng.random() < 0.7):
        fruits = _add_marks(source, rng, fruits)
    x1, y1, x2, y2 = photo.box
    scene = random_scene(WIDTH, HEIGHT, rng)
    seat_x, seat_y, radius = scene.seat
    if rng.random() < 0.6:
        behind = _any(rng)
        fruits = fruits | {behind.fruit}
        scene.back = behind.empty.copy()
        scene.front_alpha *= rng.random() < 0.5
        bx1, by1, bx2, by2 = behind.box
        seat_x, seat_y, radius = (
            (bx1 + bx2) / 2,
            (by1 + by2) / 2,
            max(bx2 - bx1, by2 - by1) / 2 * rng.uniform(0.85, 1.1),
        )
    scale = min(1.25, radius * 2 / max(x2 - x1, y2 - y1)) * rng.uniform(0.75, 1.05)
    cut_off = y2 > HEIGHT - 3 or y1 < 3  # the flat side of a pear that the photo's edge cuts stays there
    turn = rng.uniform(-8, 8) if cut_off else rng.uniform(-40, 40)
    flip = -1 if rng.random() < 0.5 else 1
    if y2 > HEIGHT - 3:
        seat_y = HEIGHT - scale * (y2 - y1) / 2 + 3
    elif y1 < 3:
        seat_y = scale * (y2 - y1) / 2 - 3
    matrix = cv2.getRotationMatrix2D(((x1 + x2) / 2, (y1 + y2) / 2), turn, scale)
    matrix[:, 2] += [seat_x - (x1 + x2) / 2, seat_y - (y1 + y2) / 2]
    if flip < 0:
        matrix[0] = [-matrix[0, 0], -matrix[0, 1], 2 * seat_x - matrix[0, 2]]
    lay = lambda plane: cv2.warpAffine(plane, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    skin = lay(cv2.erode(source.skin, np.ones((3, 3), np.uint8)))
    image = scene.back + skin[..., None] * (lay(source.image) * rng.uniform(0.85, 1.15) - scene.back)
    image += scene.front_alpha[..., None] * (scene.front - image)
    skin *= 1 - scene.front_alpha
    return (
        Picture(image, skin, lay(source.defect) * skin, visible_box(skin)),
        DEFECTIVE if defective else NORMAL,
        fruits,
    )


def _real_marks_on_rendered(rng, index):
    donor = _any(rng, lambda photo: photo.marks)
    picture = render_picture(WIDTH, HEIGHT, rng, True, _pick_marks(donor, rng))
    return picture, DEFECTIVE, {donor.fruit}


def _rendered_on_real(rng, index, defective):
    behind = _any(rng)
    x1, y1, x2, y2 = behind.box
    image, skin = behind.empty.copy(), np.zeros((HEIGHT, WIDTH), np.float32)
    radius = max(x2 - x1, y2 - y1) / 2 * rng.uniform(0.85, 1.1)
    tone = behind.image[behind.skin > 0.9].mean() / 125
    box = paste_pear(image, skin, ((x1 + x2) / 2, (y1 + y2) / 2), radius, rng, tone * rng.uniform(0.85, 1.1))
    defect = np.zeros_like(skin)
    if defective:
        mark_pear(image, defect, skin, rng, box, strength=_strength(rng))
    return Picture(image, skin, defect, visible_box(skin)), DEFECTIVE if defective else NORMAL, {behind.fruit}


def _rendered(rng, index, defective):
    return render_picture(WIDTH, HEIGHT, rng, defective), DEFECTIVE if defective else NORMAL, set()


def _rendered_empty(rng, index):
    return _nothing(empty_picture(WIDTH, HEIGHT, rng)), EMPTY, set()


def _real_empty(rng, index):
    """A scene with its pear painted out, or a cut of one beside the pear."""
    photo = _any(rng)
    image = photo.empty
    if rng.random() < 0.5:
        for _ in range(30):
            width = int(rng.uniform(0.2, 0.6) * WIDTH)
            height = width * HEIGHT // WIDTH
            x, y = int(rng.integers(0, WIDTH - width)), int(rng.integers(0, HEIGHT - height))
            if photo.skin[y : y + height, x : x + width].max() < 0.05 and not photo.name.startswith(
                "defect-1/0423_cam33"
            ):
                image = cv2.resize(
                    photo.image[y : y + height, x : x + width], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
                )
                break
    return _nothing(image.copy()), EMPTY, {photo.fruit}


def _nothing(image):
    blank = np.zeros((HEIGHT, WIDTH), np.float32)
    return Picture(image, blank, blank, None)


def _any(rng, wanted=lambda photo: True):
    choice = [photo for photo in _photos if wanted(photo)]
    return choice[rng.integers(len(choice))]


def _can_be_sound(photo):
    """Normal, or nearly all of its marks have a box and so can be painted out."""
    return photo.normal or photo.left_over < 0.0125


def _as_picture(photo, image, defect):
    return Picture(image.copy(), photo.skin.copy(), defect.copy(), photo.box)


def _leftovers(photo):
    """Map of a painted-out photo: nobody is asked about marks that have no box and so were left."""
    return np.where((photo.defect > 0) & (photo.defect < 0.5), photo.defect, 0).astype(np.float32)


def _base(photo, rng, sound=False):
    """The photo, its marks painted out when the result shall be sound, and often otherwise."""
    if not photo.normal and (sound or rng.random() < 0.6):
        return _as_picture(photo, photo.clean, _leftovers(photo))
    return _as_picture(photo, photo.image, photo.defect)


def _add_marks(picture, rng, fruits):
    """Marks from another photo or made-up ones, in place. Returns the fruits now involved."""
    patches = ()
    if rng.random() < 0.5 and any(photo.marks for photo in _photos):
        donor = _any(rng, lambda photo: photo.marks)
        patches, fruits = _pick_marks(donor, rng), fruits | {donor.fruit}
    fresh = np.zeros_like(picture.defect)
    mark_pear(picture.image, fresh, picture.skin, rng, picture.box, patches, strength=_strength(rng))
    np.maximum(picture.defect, fresh, out=picture.defect)
    return fruits


def _strength(rng):
    """Of the pears with marks from elsewhere two in five have none but faint ones: such are the hardest on a line."""
    return rng.uniform(0.3, 0.6) if rng.random() < 0.4 else 1.0


def _pick_marks(donor, rng):
    count = min(len(donor.marks), int(rng.integers(1, 3)))
    return [donor.marks[i] for i in rng.choice(len(donor.marks), count, replace=False)]


def _soft_shadow(picture, rng):
    """A wide, soft shadow or gleam over the pear: light must not look like damage."""
    field = np.clip((smooth_noise((HEIGHT, WIDTH), rng.uniform(2, 4), rng) - 0.5) / rng.uniform(0.3, 0.8) + 0.5, 0, 1)
    picture.image *= 1 + picture.skin[..., None] * (field[..., None] - 0.6) * rng.uniform(0.1, 0.45)


_RECIPES = {
    "rendered normal": lambda rng, index: _rendered(rng, index, False),
    "rendered defective": lambda rng, index: _rendered(rng, index, True),
    "rendered empty": _rendered_empty,
    "photo": _photo,
    "painted out": _painted_out,
    "marked": _marked,
    "moved normal": lambda rng, index: _moved(rng, index, False),
    "moved defective": lambda rng, index: _moved(rng, index, True),
    "real marks on rendered": _real_marks_on_rendered,
    "rendered on real normal": lambda rng, index: _rendered_on_real(rng, index, False),
    "rendered on real defective": lambda rng, index: _rendered_on_real(rng, index, True),
    "real empty": _real_empty,
}
