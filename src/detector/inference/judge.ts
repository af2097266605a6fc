// Who judges an image: a detector or a classifier alone, or a detector that finds the pear and a classifier that judges
// what was cut out. Decoding and judging are two steps, so that the next image is decoded while one is judged.
import { createHash } from 'node:crypto';
import { StartupError } from '../../errors.js';
import { decodeFramed, decodeWhole, framePicture, type DecodeLimits } from '../images/image-decoder.js';
import { regionOf } from '../images/frame.js';
import { readModel, type Model, type ModelOverrides, type ModelSpec } from '../models/model-spec.js';
import { Classifier } from './classifier.js';
import { Detector } from './detector.js';
import { Network } from './network.js';
import type { Runtime } from './runtime.js';
import type { Detection } from './thread-answer.js';

export interface Judge {
  /** The model whose classes are the verdicts. */
  readonly model: Model;
  /** Decodes an image; what it returns judges it, best detection first. Throws InvalidImageError. */
  readonly decode: (encoded: Uint8Array) => Promise<() => Promise<readonly Detection[]>>;
  readonly release: () => Promise<void>;
}

export interface JudgeOptions {
  readonly modelPath: string;
  /** Finds the pear for the classifier at `modelPath`; null: that model judges alone. */
  readonly preprocessorPath: string | null;
  readonly overrides: ModelOverrides;
  readonly runtime: Runtime;
}

/** Loads what the options name. Throws StartupError where it cannot serve. */
export async function openJudge(options: JudgeOptions, limits: DecodeLimits): Promise<Judge> {
  const { modelPath, preprocessorPath, overrides, runtime } = options;
  const finder = preprocessorPath === null ? null : await openFinder(preprocessorPath, overrides, runtime);
  // With two stages the threshold is the finder's: what it has found gets a verdict.
  const own = finder === null ? overrides : { ...overrides, confidenceThreshold: null };
  const key = 'model.model_path';
  const network = await Network.load(
    await readModel(modelPath, own, key),
    { key, needsNames: true },
    runtime,
  );
  const detector = await Detector.over(network);
  const classifier = await Classifier.over(network);
  if (classifier !== null) {
    return finder === null ? classifierAlone(classifier, limits) : twoStages(finder, classifier, limits);
  }
  if (detector === null) throw new Error(`no judge for ${network.reading.kind}`);
  if (finder !== null) {
    throw new StartupError(
      `the model ${network.spec.name} finds pears itself (${network.reading.kind}), so none can be found for it`,
      'set model.preprocessor_path to null, or model.model_path to a classifier',
    );
  }
  return detectorAlone(detector, limits);
}

async function openFinder(
  path: string,
  { confidenceThreshold }: ModelOverrides,
  runtime: Runtime,
): Promise<Detector> {
  const key = 'model.preprocessor_path';
  const file = await readModel(path, { classes: null, imgSize: null, confidenceThreshold }, key);
  const network = await Network.load(file, { key, needsNames: false }, runtime);
  const detector = await Detector.over(network);
  if (detector !== null) return detector;
  throw new StartupError(
    `the model ${network.spec.name} is a classifier and finds no pear`,
    'set model.preprocessor_path to a detector, or to null',
  );
}

function detectorAlone(detector: Detector, limits: DecodeLimits): Judge {
  const { network } = detector;
  return {
    model: modelOf(network.spec),
    decode: async (encoded) => {
      const picture = await decodeFramed(encoded, network.framing, limits);
      return () => detector.find(picture);
    },
    release: () => network.release(),
  };
}

function classifierAlone(classifier: Classifier, limits: DecodeLimits): Judge {
  const { network } = classifier;
  return {
    model: modelOf(network.spec),
    decode: async (encoded) => {
      const picture = await decodeFramed(encoded, network.framing, limits);
      return async () => {
        const verdict = await classifier.judge(picture);
        return verdict === null ? [] : [{ ...verdict, box: null }];
      };
    },
    release: () => network.release(),
  };
}

function twoStages(finder: Detector, classifier: Classifier, limits: DecodeLimits): Judge {
  // The whole picture is decoded for the crop, so the samples that OpenCV would take cost nothing more.
  const interpolation = finder.network.spec.input.interpolation ?? 'opencv-linear';
  const finderFraming = { ...finder.network.framing, interpolation };
  return {
    model: modelOf(classifier.network.spec, finder.network.spec),
    decode: async (encoded) => {
      const whole = await decodeWhole(encoded, limits);
      const picture = await framePicture(whole, finderFraming);
      return async () => {
        const [pear] = await finder.find(picture);
        if (pear === undefined) return [];
        const cut = await framePicture(whole, classifier.network.framing, regionOf(pear.box, whole));
        const verdict = await classifier.judge(cut);
        return verdict === null ? [] : [{ ...verdict, box: pear.box }];
      };
    },
    release: async () => {
      await finder.network.release();
      await classifier.network.release();
    },
  };
}

/** `others`: what else has a part in its verdicts. */
function modelOf(spec: ModelSpec, ...others: readonly ModelSpec[]): Model {
  const { name, sha256, classes } = spec;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([spec, ...others]))
    .digest('hex');
  return { name, sha256, fingerprint, classes: classes ?? [] };
}
