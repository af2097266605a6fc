// The Python server's answers, byte for byte: no terminator, its keys, its separators. Where ours differ, the name of
// the test says how.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

let server: LocalServer;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1', '--server.reply_terminator', '');
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

const model = '"file_name": "pear-starter-int8.onnx", "result": 2, "error_code": 0';
const table: readonly (readonly [what: string, request: string, answer: string])[] = [
  [
    'a stop',
    '{"cmd": 3, "request_data": null}',
    '{"cmd": 4, "response_data": [{"result": 2, "error_code": 0}], "request_data": null}',
  ],
  [
    'a classification',
    '{"cmd": 1, "request_data": ["normal-01.jpg", "defective-01.jpg"]}',
    '{"cmd": 2, "response_data": [{"file_name": "normal-01.jpg", "result": 1, "error_code": 0}, {"file_name": "defective-01.jpg", "result": 0, "error_code": 0}], "request_data": null}',
  ],
  [
    'the current model',
    '{"cmd": 34, "request_data": null}',
    `{"cmd": 35, "response_data": [{${model}}], "request_data": null}`,
  ],
  [
    'the list of models',
    '{"cmd": 36, "request_data": null}',
    `{"cmd": 37, "response_data": [{${model}}, {"file_name": "pear-starter.onnx", "result": 2, "error_code": 0}], "request_data": null}`,
  ],
  [
    'a change of the model, named by its weights',
    '{"cmd": 38, "request_data": ["pear-starter-int8.pt"]}',
    '{"cmd": 39, "response_data": [{"file_name": "pear-starter-int8.pt", "result": 2, "error_code": 0}], "request_data": null}',
  ],
  [
    'a change to a model that is not there',
    '{"cmd": 38, "request_data": ["best.pt"]}',
    '{"cmd": 39, "response_data": [{"file_name": "best.pt", "result": 1, "error_code": 2}], "request_data": null}',
  ],
  [
    'the deletion of the model in use',
    '{"cmd": 40, "request_data": ["pear-starter-int8.pt"]}',
    '{"cmd": 41, "response_data": [{"file_name": "pear-starter-int8.pt", "result": 1, "error_code": 1}], "request_data": null}',
  ],
  [
    'the deletion of a model that is not there',
    '{"cmd": 40, "request_data": ["best.pt"]}',
    '{"cmd": 41, "response_data": [{"file_name": "best.pt", "result": 1, "error_code": 2}], "request_data": null}',
  ],
  [
    'a change to an image folder that is not there',
    '{"cmd": 48, "request_data": ["nowhere"]}',
    '{"cmd": 49, "response_data": [{"file_name": "nowhere", "result": 1, "error_code": 2}], "request_data": null}',
  ],
  [
    'the current image folder',
    '{"cmd": 50, "request_data": null}',
    '{"cmd": 51, "response_data": [{"file_name": "models/samples", "result": 2, "error_code": 0}], "request_data": null}',
  ],
  [
    'a change to a model folder that is not there',
    '{"cmd": 52, "request_data": ["nowhere"]}',
    '{"cmd": 53, "response_data": [{"file_name": "nowhere", "result": 1, "error_code": 2}], "request_data": null}',
  ],
  [
    'the current model folder',
    '{"cmd": 54, "request_data": null}',
    '{"cmd": 55, "response_data": [{"file_name": "models", "result": 2, "error_code": 0}], "request_data": null}',
  ],
  [
    'a request without cmd',
    '{"request_data": null}',
    '{"cmd": null, "response_data": [{"file_name": null, "result": null, "error_code": 1, "message": "cmd must be an integer"}], "request_data": null}',
  ],
  [
    'an unknown command, whose code was 1 and is 3',
    '{"cmd": 255, "request_data": []}',
    '{"cmd": null, "response_data": [{"file_name": null, "result": null, "error_code": 3, "message": "there is no command 255"}], "request_data": null}',
  ],
  [
    'a missing image, which had a verdict and code 0 and has none and code 2',
    '{"cmd": 1, "request_data": ["nowhere.jpg"]}',
    '{"cmd": 2, "response_data": [{"file_name": "nowhere.jpg", "result": null, "error_code": 2}], "request_data": null}',
  ],
  [
    'a download, which was tried from anywhere and has code 5 until its host is allowed',
    '{"cmd": 32, "request_data": ["https://example.org/best.onnx"]}',
    '{"cmd": 33, "response_data": [{"file_name": "best.onnx", "result": 1, "error_code": 5}], "request_data": null}',
  ],
];

describe('answered as the Python server did:', () => {
  for (const [what, request, answer] of table) {
    test(what, async () => {
      assert.equal(await Wire.conversation(server.port, request), answer);
    });
  }

  test('all of them on one connection, with nothing between the answers', async () => {
    const received = await Wire.conversation(server.port, table.map(([, request]) => request).join('\n'));
    assert.equal(received, table.map(([, , answer]) => answer).join(''));
  });
});
