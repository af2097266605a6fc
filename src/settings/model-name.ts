// How clients name a model: the name of its file in the model folder. Clients of the Python server name weights of
// PyTorch (`.pt`, `.pth`) and mean the model that was exported from them.

/** 1 to 120 characters that are safe in a path: no separator, nothing hidden, no space that a terminal would not show. */
const stem = String.raw`(?![. ])[\p{L}\p{M}\p{N}._\-+() ]{1,120}(?<! )`;
const fileName = new RegExp(`^${stem}\\.onnx$`, 'u');
const clientName = new RegExp(`^${stem}\\.(?:onnx|pth?)$`, 'u');

/** Whether a client may name a model so. */
export function isModelName(name: string): boolean {
  return clientName.test(name.normalize('NFC'));
}

/** Whether a file of this name can be named by clients; others are not offered. */
export function isModelFile(name: string): boolean {
  return fileName.test(name.normalize('NFC'));
}

/** The file that `name` means, in Unicode's composed form (NFC). */
export function modelFileOf(name: string): string {
  return name.normalize('NFC').replace(/\.pth?$/, '.onnx');
}
