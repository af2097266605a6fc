// Who judges an image: a detector or a classifier alone, or a detector that finds the pear and a classifier that judges
// what was cut out. Decoding and judging are two steps, so that the next image is decoded while one is judged.
import { StartupError } from '../../errors.js';
import { decodeFramed, decodeWhole, framePicture, type DecodeLimits } from '../images/image-decoder.js';
import { regionOf } from '../images/frame.js';
import type { Model, ModelFile, ModelSpec } from '../models/model-spec.js';
import { Classifier } from './classifier.js';
import { Detector } from './detector.js';
import { modelKeys, readJudgeFiles, type JudgeFiles } from './judge-files.js';
import type { JudgeOptions } from './judge-options.js';
import { Network } from './network.js';
import type { Runtime } from './runtime.js';
import type { Detection } from './thread-answer.js';

export interface Judge {
  /** The model whose classes are the verdicts. */
  readonly model: Model;
  /** SHA-256 of the bytes that it was made of, and of what was asked for. */
  readonly contents: string;
  /** Decodes an image; what it returns judges it, best detection first. Throws InvalidImageError. */
  readonly decode: (encoded: Uint8Array) => Promise<() => Promise<readonly Detection[]>>;
  /** Shows an image to every network, also to those that judging it would not have asked. Throws InternalError. */
  readonly tryOut: (encoded: Uint8Array) => Promise<void>;
  readonly release: () => Promise<void>;
}

type Judging = Omit<Judge, 'model' | 'contents'> & { readonly readAs: readonly string[] };

/** Loads what the options name. Throws StartupError where it cannot serve. */
export async function openJudge(options: JudgeOptions, limits: DecodeLimits): Promise<Judge> {
  // All is read, and compared with what is expected, before anything is loaded.
  const files = await readJudgeFiles(options);
  const { readAs, ...judging } = await openJudging(files, options.runtime, limits);
  const { name, sha256, classes } = files.model.spec;
  const { fingerprint, contents } = files;
  return { model: { name, sha256, fingerprint, classes: classes ?? [], readAs }, contents, ...judging };
}

async function openJudging(files: JudgeFiles, runtime: Runtime, limits: DecodeLimits): Promise<Judging> {
  const finder = files.finder === null ? null : await openFinder(files.finder, runtime);
  const network = await Network.load(files.model, { key: modelKeys.model, needsNames: true }, runtime);
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

async function openFinder(file: ModelFile, runtime: Runtime): Promise<Finder> {
  const { finder: key } = modelKeys;
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

function detectorAlone(detector: Detector, limits: DecodeLimits): Judging {
  const { network } = detector;
  const decode: Judge['decode'] = async (encoded) => {
    const picture = await decodeFramed(encoded, network.framing, limits);
    return () => detector.find(picture);
  };
  return {
    readAs: [detector.description],
    decode,
    tryOut: async (encoded) => {
      await (
        await decode(encoded)
      )();
    },
    release: () => network.release(),
  };
}

function classifierAlone(classifier: Classifier, limits: DecodeLimits): Judging {
  const { network } = classifier;
  const decode: Judge['decode'] = async (encoded) => {
    const picture = await decodeFramed(encoded, network.framing, limits);
    return async () => {
      const verdict = await classifier.judge(picture);
      return verdict === null ? [] : [{ ...verdict, box: null }];
    };
  };
  return {
    readAs: [classifier.description],
    decode,
    tryOut: async (encoded) => {
      await (
        await decode(encoded)
      )();
    },
    release: () => network.release(),
  };
}

function twoStages(
  { detector: finder, pearClass }: Finder,
  classifier: Classifier,
  limits: DecodeLimits,
): Judging {
  return {
    readAs: [
      `${finder.description}; pears are its boxes of ${finder.network.spec.pearClass ?? 'each class'}`,
      classifier.description,
    ],
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
    tryOut: async (encoded) => {
      const whole = await decodeWhole(encoded, limits);
      await finder.find(await framePicture(whole, finder.network.framing));
      await classifier.judge(await framePicture(whole, classifier.network.framing));
    },
    release: async () => {
      await finder.network.release();
      await classifier.network.release();
    },
  };
}
