// What the inference thread of a worker is told, from the configuration and the settings.
import type { Config } from '../config/schema.js';
import type { ThreadOptions } from '../detector/inference/thread-messages.js';

/** `modelPath`: of the model that is to serve; what the configuration says of the model's reading holds for every one. */
export function threadOptions({ model, limits, cluster }: Config, modelPath: string): ThreadOptions {
  return {
    modelPath,
    preprocessorPath: model.preprocessor_path,
    runtime: { threads: model.threads, memoryArena: model.memory_arena },
    overrides: {
      classes: model.classes,
      imgSize: model.img_size,
      confidenceThreshold: model.confidence_threshold,
    },
    maxImageBytes: limits.max_image_bytes,
    maxImagePixels: limits.max_image_pixels,
    decodeTimeoutMs: limits.request_timeout_ms,
    niceness: cluster.judging_niceness,
  };
}
