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

/** The detector of two stages. */
interface Finder {
  readonly detector: Detector;
  /** Whose boxes are pears; null: those of each class. */
  readonly pearClass: number | null;
}

async function openFinder(
  path: string,
  { confidenceThreshold }: ModelOverrides,
  runtime: Runtime,
): Promise<Finder> {
  const key = 'model.preprocessor_path';
  const file = await readModel(path, { classes: null, imgSize: null, confidenceThreshold }, key);
  // The whole picture is decoded for the crop, so the samples that OpenCV would take cost nothing more.
  const purpose = { key, needsNames: false, interpolation: 'opencv-linear' } as const;
  const network = await Network.load(file, purpose, runtime);
  const detector = await Detector.over(network);
  if (detector !== null) return { detector, ...pearClassOf(network.spec) };
  throw new StartupError(
    `the model ${network.spec.name} is a classifier and finds no pear`,
    'set model.preprocessor_path to a detector, or to null',
  );
}

function pearClassOf({ name, classes, pearClass }: ModelSpec): Pick<Finder, 'pearClass'> {
  if (pearClass === null) return { pearClass: null };
  const index = classes?.indexOf(pearClass) ?? -1;
  if (index !== -1) return { pearClass: index };
  throw new StartupError(
    `the model ${name} has no class ${pearClass}; ${classes === null ? 'it does not name its classes' : `it has ${classes.join(', ')}`}`,
    'correct pear_class, or list classes, in the .yaml file beside the model',
  );
}

function detectorAlone(detector: Detector, limits: DecodeLimits): Judge {
  const { network } = detector;
  return {
    model: modelOf(network.spec, [detector.description]),
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
    model: modelOf(network.spec, [classifier.description]),
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

function twoStages(
  { detector: finder, pearClass }: Finder,
  classifier: Classifier,
  limits: DecodeLimits,
): Judge {
  return {
    model: modelOf(
      classifier.network.spec,
      [
        `${finder.description}; pears are its boxes of ${finder.network.spec.pearClass ?? 'each class'}`,
        classifier.description,
      ],
      finder.network.spec,
    ),
    decode: async (encoded) => {
      const whole = await decodeWhole(encoded, limits);
      const picture = await framePicture(whole, finder.network.framing);
      return async () => {
        const found = await finder.find(picture);
        const pear = found.find(({ classIndex }) => pearClass === null || classIndex === pearClass);
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
function modelOf(spec: ModelSpec, readAs: readonly string[], ...others: readonly ModelSpec[]): Model {
  const { name, sha256, classes } = spec;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([spec, ...others]))
    .digest('hex');
  return { name, sha256, fingerprint, classes: classes ?? [], readAs };
}
