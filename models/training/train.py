"""From photos to the starter model, or to its score by leave-one-fruit-out.

python models/training/train.py --photos FOLDER --work CACHE            # the model
python models/training/train.py --photos FOLDER --work CACHE --folds    # the score
python models/training/train.py --work CACHE --out OTHER-FOLDER         # rendered pears alone
"""

import argparse
import copy
import hashlib
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from batches import Batches
from confidence import fit_confidence
from evaluate import letterbox, open_model, print_table, score_line
from export import export_float, export_int8, written_whole
from folds import folds, split_orchard
from inputs import check_photos
from loss import Loss
from network import PearNet
from photos import read_line, read_orchard
from pool import WITHOUT_PHOTOS, make_pool
from sidecar import attribution, write_sidecar

VERSION = "0.3.0"
# Steps, not minutes: the result must not depend on what else the machine does.
STEPS = {"pretrain": 2000, "fold": 600, "final": 1500}
# Numbers of two bytes where the processor multiplies them take 0.6 of the time.
HALF = "avx512_bf16" in (Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else "")
RATE = {"pretrain": 2e-3, "fold": 1.5e-3, "final": 1.5e-3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--photos", help="folder that holds line/ and orchard/; without it only rendered pears are used"
    )
    parser.add_argument("--work", required=True, help="cache folder: pool of pictures, weights, fold models (4 GB)")
    parser.add_argument("--out", help="where the model goes; with all defaults over the one in models/")
    parser.add_argument(
        "--folds", action="store_true", help="score by leave-one-fruit-out instead of training the model"
    )
    parser.add_argument("--seed", type=int, default=1, help="another one gives another model as good as this (1)")
    parser.add_argument("--threads", type=int, default=2, help="cores for this run (2)")
    arguments = parser.parse_args()
    if arguments.folds and (arguments.out or not arguments.photos):
        parser.error("--folds needs --photos, and makes nothing that --out could name")
    if arguments.seed < 0 or arguments.threads < 1:
        parser.error("--seed is a number from 0 on, --threads one from 1 on")
    if not arguments.out and not arguments.folds:
        if not arguments.photos or arguments.seed != 1:
            parser.error("name a folder by --out: a model without photos or of another seed must not replace the shipped one")
        arguments.out = Path(__file__).resolve().parent.parent
    if arguments.out and Path(arguments.out).exists() and not Path(arguments.out).is_dir():
        parser.error(f"--out {arguments.out} is no folder")
    if arguments.photos:
        check_photos(arguments.photos, arguments.folds)
    _claim(arguments)
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)
    started = time.time()
    if not arguments.photos:
        print(
            "No --photos: training on rendered pears alone. Such a model finds real pears, but takes some spotted or\n"
            "shaded sound ones for defective, and nothing here can tell how many: score it on photos of your own."
        )
    pool = make_pool(arguments.photos, arguments.work, processes=arguments.threads)
    orchard, for_confidence, _ = split_orchard(read_orchard(arguments.photos)) if arguments.photos else ([], [], [])
    print(f"{len(pool.labels)} pictures in the pool after {time.time() - started:.0f} s", flush=True)
    network = pretrained(pool, orchard, arguments)
    if arguments.folds:
        score_folds(network, pool, orchard, for_confidence, arguments)
    else:
        make_model(network, pool, orchard, for_confidence, arguments)
    print(f"done after {time.time() - started:.0f} s")


def _claim(arguments):
    """A cache is of one set of photos and one version of this code: others would leak into folds, unseen."""
    here = Path(__file__).resolve().parent
    sources = [path for path in sorted(here.glob("*.py")) if path.stem not in ("checks", "render_samples")]
    notes = [Path(arguments.photos) / part / "annotations.json" for part in ("line", "orchard")] if arguments.photos else []
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources + notes if path.is_file())).hexdigest()
    made_from = Path(arguments.work) / f"made-from{'' if arguments.photos else '-rendered'}.txt"
    old = made_from.read_text() if made_from.exists() else ""
    pool = _pool_of(arguments)
    made = [pattern for pattern in (pool.name, f"{pool.name}.*.partial", _weights_of(arguments, "*")) if any(pool.parent.glob(pattern))]
    if old != key and made:
        raise SystemExit(f"{arguments.work} was made from other photos or by other code: delete it, or name another folder")
    made_from.parent.mkdir(parents=True, exist_ok=True)
    made_from.write_text(key)


def _pool_of(arguments):
    return Path(arguments.work) / ("pool" if arguments.photos else "pool-rendered")


def _weights_of(arguments, seed):
    return f"pretrained-{seed}.pt" if arguments.photos else f"rendered-{seed}.pt"


def pretrained(pool, orchard, arguments):
    """A network that knows rendered pears and the orchard, and no photo of the line: every fold may start from it."""
    path = Path(arguments.work) / _weights_of(arguments, arguments.seed)
    network = PearNet()
    if path.exists():
        network.load_state_dict(torch.load(path))
        return network
    torch.manual_seed(arguments.seed)
    network = PearNet()
    allowed = np.isin(pool.recipes, WITHOUT_PHOTOS)
    network = train(network, Batches(pool, orchard, allowed, arguments.seed, "pretrain"), "pretrain")
    with written_whole(path) as partial:
        torch.save(network.state_dict(), partial)
    return network


def score_folds(network, pool, orchard, for_confidence, arguments):
    """Trains a model a fold without the fruits it is tested on; prints every verdict and the counts."""
    photos = read_line(arguments.photos)
    folder = Path(arguments.work) / f"folds-{arguments.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    rows, changed = [], []
    for number, left_out in enumerate(folds(photos)):
        allowed = np.array([not (fruits & left_out) for fruits in pool.fruits])
        torch.manual_seed(arguments.seed + number)
        batches = Batches(pool, orchard, allowed, arguments.seed + 10 + number, "fold")
        trained = train(copy.deepcopy(network), batches, "fold")
        fit_confidence(trained, for_confidence)
        path, small = folder / f"fold-{number}.onnx", folder / f"fold-{number}-int8.onnx"
        export_float(trained, path, VERSION)
        export_int8(path, small, calibration(pool, allowed), VERSION)
        names = [photo.name for photo in photos if photo.fruit in left_out]
        (folder / f"fold-{number}.json").write_text(
            json.dumps({"model": path.name, "left_out": sorted(left_out), "photos": names}, indent=1)
        )
        fold = score_line(open_model(path), arguments.photos, names)
        print(f"fold {number}: {sum(row['right'] for row in fold)} of {len(fold)} right", flush=True)
        in_int8 = [row["said"] for row in score_line(open_model(small), arguments.photos, names)]
        changed += [row["photo"] for row, said in zip(fold, in_int8) if said != row["said"]]
        rows += fold
    print_table(rows)
    print(f"INT8 says otherwise of {len(changed)} of {len(rows)}: {', '.join(changed)}".rstrip(": "))
    (folder / "scores.json").write_text(json.dumps(rows, indent=1))


def make_model(network, pool, orchard, for_confidence, arguments):
    """Trains on everything and writes both models with their sidecars."""
    torch.manual_seed(arguments.seed + 100)
    everything = np.ones(len(pool.labels), bool)
    trained = train(network, Batches(pool, orchard, everything, arguments.seed + 100, "final"), "final")
    fit_confidence(trained, for_confidence)
    torch.save(trained.state_dict(), Path(arguments.work) / "final.pt")
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    float_path, int8_path = out / "pear-starter.onnx", out / "pear-starter-int8.onnx"
    export_float(trained, float_path, VERSION)
    export_int8(float_path, int8_path, calibration(pool, everything), VERSION)
    for path in (float_path, int8_path):
        photos = arguments.photos
        write_sidecar(path, VERSION, _trained_on(pool, orchard) if photos else None, attribution(photos) if photos else [])
    if arguments.photos:
        for path in (float_path, int8_path):
            print(f"{path.name} on the photos that it was trained on (no measure of quality):")
            print_table(score_line(open_model(path), arguments.photos))


def _trained_on(pool, orchard):
    photos, fruits = (pool.recipes == "photo").sum(), len(frozenset().union(*pool.fruits))
    return f"{photos} line photos of about {fruits} fruits, {len(orchard)} orchard photos, rendered pears"


def calibration(pool, allowed, count=160):
    """Pictures of every recipe, of those in `allowed`, letterboxed: they set the ranges of the INT8 numbers.
    uint8 [n, 320, 320, 3]."""
    rows = np.random.default_rng(0).choice(np.flatnonzero(allowed), count, replace=False)
    return np.stack([letterbox(pool.images[row])[0] for row in np.sort(rows)])


def train(network, batches, stage):
    """Trains for the stage's fixed steps; returns the moving average of the weights, ready for use."""
    steps, loss = STEPS[stage], Loss()
    network.to(memory_format=torch.channels_last)  # a fifth faster
    decay = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}], lr=RATE[stage]
    )
    warm_up = 40
    curve = lambda step: min((step + 1) / warm_up, 0.5 + 0.5 * np.cos(np.pi * step / steps)) + 0.01
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, curve)
    average = copy.deepcopy(network).eval()
    network.train()
    started, recent = time.time(), {}
    for step, (images, boxes, labels, skin, defect) in enumerate(batches.take(steps)):
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
            raw = network(images)
        total, parts = loss({name: map_.float() for name, map_ in raw.items()}, boxes, labels, skin, defect)
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        _follow(average, network, min(0.99, (step + 1) / (step + 10)))
        for name, value in parts.items():
            recent[name] = 0.95 * recent.get(name, value) + 0.05 * value
        if step % 50 == 49:
            shown = ", ".join(f"{name} {value:.3f}" for name, value in recent.items())
            print(f"{stage} {step + 1}/{steps} ({time.time() - started:.0f} s): {shown}", flush=True)
    return average


@torch.no_grad()
def _follow(average, network, keep):
    """Exponential moving average of weights and of the batch norms' statistics, in place."""
    for mean, value in zip(average.state_dict().values(), network.state_dict().values()):
        if mean.dtype.is_floating_point:
            mean.mul_(keep).add_(value, alpha=1 - keep)
        else:
            mean.copy_(value)


if __name__ == "__main__":
    main()
