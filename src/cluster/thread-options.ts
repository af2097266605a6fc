// What the inference thread of a worker is told, and who proves a model for it, from the configuration and the settings.
import type { Config } from '../config/schema.js';
import type { JudgeOptions } from '../detector/inference/judge-options.js';
import type { ThreadOptions } from '../detector/inference/thread-messages.js';
import type { Settings } from '../settings/settings.js';

/** `modelPath`: of the model that is to serve; what the configuration says of the model's reading holds for every one. */
export function judgeOptions({ model, limits }: Config, modelPath: string): JudgeOptions {
  return {
    modelPath,
    preprocessorPath: model.preprocessor_path,
    runtime: { threads: model.threads, memoryArena: model.memory_arena },
    overrides: {
      classes: model.classes,
      imgSize: model.img_size,
      confidenceThreshold: model.confidence_threshold,
    },
    maxModelBytes: limits.max_model_bytes,
  };
}

/** Nothing is loaded but what the settings name, where that has been loaded before. */
export function threadOptions(config: Config, { modelPath, fingerprint }: Settings): ThreadOptions {
  const { limits, cluster } = config;
  return {
    ...judgeOptions(config, modelPath),
    expectedFingerprint: fingerprint,
    maxImageBytes: limits.max_image_bytes,
    maxImagePixels: limits.max_image_pixels,
    decodeTimeoutMs: limits.request_timeout_ms,
    niceness: cluster.judging_niceness,
  };
}
