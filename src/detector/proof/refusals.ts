// What people are told of a model that was tried and may not serve.
import { ModelRefusedError } from '../../errors.js';
import { oneLine } from './output-tail.js';
import type { ProofEnd } from './proof-process.js';

/** Reasons hold words of the file and of ONNX Runtime, of any length. */
const charactersMax = 1500;

/** The limits that may have ended it. */
export interface ProofLimits {
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
}

export function refusalOf(
  end: Exclude<ProofEnd, { type: 'proved' }>,
  name: string,
  { timeoutMs, maxMemoryBytes }: ProofLimits,
): ModelRefusedError {
  const refusal = (problem: string, cure: string) =>
    new ModelRefusedError(oneLine(problem).slice(0, charactersMax), cure);
  switch (end.type) {
    case 'refused':
      return refusal(end.problem, end.cure);
    case 'late':
      return refusal(
        `the model ${name} took longer than ${timeoutMs} ms to be loaded and to judge a few pictures`,
        'take a smaller model, or raise limits.model_proof_timeout_ms',
      );
    case 'large':
      return refusal(
        `the model ${name} took more than ${Math.floor(maxMemoryBytes / 1024 / 1024)} MiB of memory to be loaded and to judge a few pictures`,
        'take a smaller model, or raise limits.max_model_memory_bytes',
      );
    case 'stopped':
      return refusal(`the model ${name} was not tried to the end, since the server stops`, 'try again');
    case 'crashed': {
      // Nobody of ours has sent it.
      const hint = end.how === 'SIGKILL' ? ', as the system does where memory runs out' : '';
      const said = end.said === '' ? '' : `; it said last: ${end.said}`;
      return refusal(
        `the model ${name} ended the process that tried it (${end.how}${hint})${said}`,
        'export it again, or with an older opset; such a file must not be served',
      );
    }
    case 'failed':
      return refusal(
        `the model ${name} could not be tried in a process of its own: ${end.reason}`,
        'try again; where that does not help, look at the limits of processes and memory of the machine',
      );
    default:
      return end satisfies never;
  }
}
