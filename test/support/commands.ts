// Every command: who may use it, arguments that are fine and change nothing, and arguments of the wrong form.
import { request } from './replies.js';

export type NeededRole = 'none' | 'viewer' | 'operator' | 'admin';

export interface CommandSample {
  readonly cmd: number;
  readonly name: string;
  readonly role: NeededRole;
  readonly right: unknown;
  /** Too few, too many, and of the wrong type. */
  readonly wrong: readonly unknown[];
}

const none = [[1], ['x'], [null], [{}], [[]], ['x', 'y']];
const wrongModelNames = [
  ...[
    'model.txt',
    'a.gguf',
    'a',
    '',
    '.onnx',
    '.pt',
    'a.ONNX',
    '../a.onnx',
    'a/b.onnx',
    '/a.onnx',
    'a\\b.onnx',
  ],
  ...['.hidden.onnx', ' a.onnx', 'a .onnx', 'a\0.onnx', 'a\n.onnx', 'a,b.onnx', `${'a'.repeat(121)}.onnx`],
];
const oneModel = [null, [], ['a.onnx', 'b.onnx'], [1], [null], [['a.onnx']], [{ name: 'a.onnx' }]];
const models = [...oneModel, ...wrongModelNames.map((name) => [name])];
const folders = [null, [], ['a', 'b'], [1], [null], [''], ['a\0b'], [['a']], [{ folder: 'a' }]];
const url = 'https://example.org/models/a.onnx';

export const commands: readonly CommandSample[] = [
  {
    cmd: 0x01,
    name: 'classification',
    role: 'operator',
    right: ['missing.jpg'],
    wrong: [
      ...[null, [], [1], [null], [true], [['a.jpg']], [{}], [{ file_name: 'a.jpg' }], ['a.jpg', 1]],
      ...['', 'a', 'a.gif', 'a.jpg ', 'a.jpg.txt', 'a.jpg/', 'ajpg', 'a.bmp', 'a.tif'].map((name) => [name]),
    ],
  },
  { cmd: 0x03, name: 'stop classification', role: 'operator', right: null, wrong: none },
  {
    cmd: 0x10,
    name: 'authenticate',
    role: 'none',
    right: ['token'],
    wrong: [null, [], ['a', 'b'], [1], [null], [['a']]],
  },
  {
    cmd: 0x20,
    name: 'download model',
    role: 'admin',
    right: [url],
    wrong: [
      ...[null, [], [5], [null], [url, 'abc'], [url, 5], [url, null], [url, 'g'.repeat(64)]],
      ...[[url, 'a'.repeat(65)], [url, 'a'.repeat(64), 'x'], [[url]], [{ url }], [url, url]],
      ...['not-a-valid-url', '', 'ftp://example.org/a.onnx', 'file:///a.onnx', 'a.onnx'].map((text) => [
        text,
      ]),
      ...['https://example.org/', 'https://example.org/a.txt', 'https://example.org/.onnx'].map((text) => [
        text,
      ]),
    ],
  },
  { cmd: 0x22, name: 'current model', role: 'viewer', right: null, wrong: none },
  { cmd: 0x24, name: 'list models', role: 'viewer', right: null, wrong: none },
  { cmd: 0x26, name: 'change model', role: 'admin', right: ['missing.onnx'], wrong: models },
  { cmd: 0x28, name: 'delete model', role: 'admin', right: ['missing.onnx'], wrong: models },
  { cmd: 0x30, name: 'change image folder', role: 'admin', right: ['missing'], wrong: folders },
  { cmd: 0x32, name: 'current image folder', role: 'viewer', right: null, wrong: none },
  { cmd: 0x34, name: 'change model folder', role: 'admin', right: ['missing'], wrong: folders },
  { cmd: 0x36, name: 'current model folder', role: 'viewer', right: null, wrong: none },
  {
    cmd: 0x40,
    name: 'list connections',
    role: 'admin',
    right: [{ host: 'nowhere' }],
    wrong: [
      ...[[1], ['x'], [null], [[]], [{}, {}], [{ nope: 1 }], [{ role: 'admin' }], [{ bytes: 5 }]],
      ...[{ limit: 0 }, { limit: -1 }, { limit: 1.5 }, { limit: '5' }, { limit: null }].map((query) => [
        query,
      ]),
      ...[{ host: 5 }, { worker: null }, { address: [] }, { identity: 1 }].map((query) => [query]),
      ...[{ state: 'nope' }, { state: 1 }, { cursor: 5 }, { cursor: 'foreign' }].map((query) => [query]),
    ],
  },
  {
    cmd: 0x42,
    name: 'disconnect peers',
    role: 'admin',
    right: ['nobody/1.x.1'],
    wrong: [null, [], [1], [null], [['a']], [{}], ['a', 1]],
  },
  { cmd: 0x44, name: 'server status', role: 'viewer', right: null, wrong: none },
];

/** What tells whether anything was changed: the model that serves, the models there are, both folders. */
export const settings = [0x22, 0x24, 0x32, 0x36].map((cmd) => request(cmd, null)).join('');
