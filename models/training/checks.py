"""What an exported model can do beyond the verdicts on the line: the orchard, scenes without a pear, changed photos.

python models/training/checks.py --photos FOLDER --model models/pear-starter-int8.onnx
python models/training/checks.py --photos FOLDER --work CACHE     # the folds' models of every seed, and their medians
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from boxes import matched, overlaps, suppressed
from evaluate import THRESHOLD, ask, letterbox, open_model, read_rgb, verdict
from folds import split_orchard
from photos import read_annotations, read_orchard
from scenes import empty_picture

SMALLEST = 32  # pixels of the shorter side of a box in an orchard's picture: below it nobody is asked
EMPTY = 50  # pictures without a pear of either kind
RENDERED_FROM = 900_000  # seeds that the pool never uses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="folder that holds line/ and orchard/")
    parser.add_argument("--model", help="an exported model")
    parser.add_argument("--work", help="cache folder of train.py --folds: its models, each on the photos it never met")
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    arguments = parser.parse_args()
    if not arguments.model and not list(Path(arguments.work or "nowhere").glob("folds-*/fold-*.json")):
        parser.error("nothing to check: name a --model, or a --work folder in which train.py --folds has run")
    if not (Path(arguments.photos) / "line").is_dir() and not (Path(arguments.photos) / "orchard").is_dir():
        parser.error(f"--photos {arguments.photos} holds neither line/ nor orchard/")
    aside = split_orchard(read_orchard(arguments.photos))[2]
    empties = rendered_empties() + orchard_empties(aside)
    if arguments.model:
        session = open_model(arguments.model)
        numbers = checked(session, aside, empties, arguments.threshold)
        line = Path(arguments.photos) / "line"
        if line.is_dir():  # of a model that was trained on them: how it stands change, not how good it is
            images = [read_rgb(line / entry["file_name"]) for entry in read_annotations(line)["images"]]
            numbers.update(same_verdicts([kept(session, image, arguments.threshold)[0] for image in images]))
        show(arguments.model, numbers)
    if arguments.work:
        of_folds(arguments, aside, empties)


def of_folds(arguments, aside, empties):
    """Each fold's model on the orchard and on empty scenes, and on changed versions of the photos it never met."""
    runs = []
    labels = {entry["file_name"]: entry["label"] for entry in read_annotations(Path(arguments.photos) / "line")["images"]}
    for folder in sorted(Path(arguments.work).glob("folds-*")):
        counts, unchanged, sure = [], [], []
        for note in sorted(folder.glob("fold-*.json")):
            fold = json.loads(note.read_text())
            session = open_model(folder / fold["model"])
            counts.append(checked(session, aside, empties, arguments.threshold))
            for name in fold["photos"]:
                image = read_rgb(Path(arguments.photos) / "line" / name)
                same, (plain, shares) = kept(session, image, arguments.threshold)
                sure.append((max(shares), plain == labels[name]))
                unchanged.append(same)
        mean = {what: float(np.mean([count[what] for count in counts])) for what in counts[0]}
        mean.update(same_verdicts(unchanged))
        mean["expected calibration error of the verdicts"] = calibration_error(sure)
        show(folder.name, mean)
        runs.append(mean)
    if len(runs) > 1:
        show("median", {what: float(np.median([run[what] for run in runs])) for what in runs[0]})


def kept(session, image, threshold):
    """Whether each version of the photo gets its verdict; and what is said of the photo itself (see `judged`)."""
    plain = judged(session, image, threshold)
    return {what: judged(session, changed, threshold)[0] == plain[0] for what, changed in versions(image)}, plain


def same_verdicts(rows):
    return {f"same verdict: {what}": sum(row[what] for row in rows) for what in rows[0]}


def show(title, numbers):
    print(title)
    for what, number in numbers.items():
        print(f"  {what:52} {number:.3f}".rstrip("0").rstrip("."), flush=True)


def checked(session, aside, empties, threshold):
    """Recall and precision on the orchard's pictures set aside, calibration of the boxes, and how many of the empty
    scenes are told to hold no pear."""
    found = wrong = drawn = 0
    sure = []
    for picture in aside:
        told, scores = find(session, picture.image, threshold)
        large = (picture.boxes[:, 2:] - picture.boxes[:, :2]).min(1) >= SMALLEST if len(picture.boxes) else np.zeros(0, bool)
        drawn += int(large.sum())
        for box, score, hit in zip(told, scores, matched(told, picture.boxes)):
            if hit is None:
                if (box[2:] - box[:2]).min() >= SMALLEST:
                    wrong += 1
                    sure.append((score, False))
            elif large[hit]:
                found += 1
                sure.append((score, True))
    quiet = [not len(find(session, image, threshold)[0]) for image in empties]
    rendered = {f"no pear, of {EMPTY} rendered empty scenes": sum(quiet[:EMPTY])}
    if not drawn:  # of an orchard that is not there nothing is said
        return rendered
    return rendered | {
        f"orchard: recall, boxes of at least {SMALLEST} px": found / max(drawn, 1),
        f"orchard: precision, boxes of at least {SMALLEST} px": found / max(found + wrong, 1),
        "expected calibration error of the boxes": calibration_error(sure),
        f"no pear, of {len(quiet) - EMPTY} parts of the orchard without one": sum(quiet[EMPTY:]),
    }


def find(session, image, threshold):
    """All boxes [k, 4] in pixels of the picture, best first, and their scores."""
    canvas, scale, shift = letterbox(image)
    corners, scores = suppressed(session.run(None, {"images": canvas[None]})[0][0], threshold)
    height, width = image.shape[:2]
    return np.clip((corners - np.tile(shift, 2)) / scale, 0, [width, height, width, height]), scores


def judged(session, image, threshold):
    """The verdict, and P(defective) and P(normal)."""
    scores, _ = ask(session, image)
    return verdict(scores, threshold), scores / scores.sum()


def rendered_empties():
    return [
        np.clip(empty_picture(512, 384, np.random.default_rng(RENDERED_FROM + seed)), 0, 255).astype(np.uint8)
        for seed in range(EMPTY)
    ]


def orchard_empties(pictures):
    """Cuts of 4:3 that no drawn box touches, the largest that a few tries find, one a picture."""
    rng, cuts = np.random.default_rng(RENDERED_FROM), []
    for row in rng.permutation(len(pictures)):
        picture = pictures[row]
        for width in (320, 240, 180):
            height = width * 3 // 4
            corners = rng.integers(0, [480 - width + 1, 480 - height + 1], (60, 2))
            free = [c for c in corners if not _touches(np.array([*c, *(c + [width, height])]), picture.boxes)]
            if free:
                x, y = free[0]
                cuts.append(picture.image[y : y + height, x : x + width].copy())
                break
        if len(cuts) == EMPTY:
            break
    return cuts


def _touches(cut, boxes):
    return len(boxes) and bool((overlaps(cut.astype(np.float32), boxes) > 0).any())


def versions(image):
    """(name, the photo changed) pairs: what a camera or a client may do to a photo and should not change a verdict."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    yield "grey", cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    for quality in (60, 75, 95):
        _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
        yield f"JPEG {quality}", cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    for factor in (0.8, 1.2):
        yield f"brightness x {factor}", np.clip(image * factor, 0, 255).astype(np.uint8)
    for turn in (1, 2, 3):
        yield f"turned by {90 * turn} degrees", np.ascontiguousarray(np.rot90(image, turn))
    yield "mirrored", np.ascontiguousarray(image[:, ::-1])
    for dx, dy in ((16, 0), (0, 16), (-24, -24)):
        move = np.float32([[1, 0, dx], [0, 1, dy]])
        moved = cv2.warpAffine(image, move, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        yield f"shifted by {dx}, {dy} px", moved
    yield "half the size", cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def calibration_error(pairs, bins=10):
    """Mean distance between confidence and share of right ones over ten bins (Naeini et al., AAAI 2015).
    pairs: (confidence, right)."""
    if not pairs:
        return 0.0
    confidence, right = np.array(pairs, float).T
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean() for b in np.unique(place))
    )


if __name__ == "__main__":
    main()
