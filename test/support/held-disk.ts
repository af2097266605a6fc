// A disk that hangs: reading folders waits until the test lets it go on.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

/** From now on; what is returned ends it, for what waits, too. */
export function holdFolders(t: TestContext): () => void {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const { readdir } = fs.promises;
  const waiting = async (...args: Parameters<typeof readdir>) => {
    await held;
    return readdir(...args);
  };
  const mocked = t.mock.method(fs.promises, 'readdir', waiting);
  syncBuiltinESMExports();
  const release = () => {
    mocked.mock.restore();
    syncBuiltinESMExports();
    goOn();
  };
  t.after(release);
  return release;
}
