import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, problemsOf } from './workspace.js';

const where = (line: number): string => `(config/server_config.yaml, line ${line})`;

describe('A configuration of the Python server', () => {
  it('loads as it is, with a note for each key that is ignored or read differently', () => {
    const file = `server:
  host: "0.0.0.0"
  port: 9090
  max_connections: 5
  buffer_size: 1024
  encoding: "utf-8"
model:
  model_path: "D:/weights/best (1).pt"
  img_path: "../photos"
  device: cuda
  num_classes: 2
  confidence_threshold: 0.9
  img_size: 640
  classes:
    - 'defected_pear'
    - 'normal_pear'
logging:
  level: "INFO"
  format: "%(asctime)s - %(levelname)s - %(message)s"
  file: "logs/pear_detection.log"
ERROR_CODE:
  no_error: 0
  anything: {else: [1]}
`;
    const { config, notes } = load({ file });
    assert.deepEqual(notes, [
      `server.buffer_size: ignored; it belongs to the Python server and means nothing here ${where(5)}`,
      `model.device: ignored; it belongs to the Python server and means nothing here ${where(10)}`,
      `model.num_classes: ignored; it belongs to the Python server and means nothing here ${where(11)}`,
      `ERROR_CODE: ignored; it belongs to the Python server and means nothing here ${where(21)}`,
      `model.model_path: PyTorch models are not read; "D:/weights/best (1).onnx" is used ${where(8)}`,
      `logging.format: a format of Python is ignored; "auto" is used ${where(19)}`,
    ]);
    assert.equal(config.server.max_connections, 5);
    assert.equal(config.model.model_path, 'D:/weights/best (1).onnx');
    assert.deepEqual(config.model.classes, ['defected_pear', 'normal_pear']);
    assert.deepEqual(config.logging, { level: 'info', format: 'auto', file: 'logs/pear_detection.log' });
  });

  it('may name its model .pt or .pth in any capitals; .onnx stays', () => {
    const path = (given: string): string =>
      load({ file: `model: {model_path: ${given}}` }).config.model.model_path;
    assert.equal(path('a/b.pth'), 'a/b.onnx');
    assert.equal(path('B.PT'), 'B.onnx');
    assert.equal(path('a.pt.onnx'), 'a.pt.onnx');
    assert.equal(path('apt'), 'apt');
  });

  it('may have no preprocessor', () => {
    for (const value of ['null', '""', '']) {
      assert.equal(
        load({ file: `model:\n  preprocessor_path: ${value}` }).config.model.preprocessor_path,
        null,
      );
    }
  });

  it('may have one, named .pt like the model', () => {
    const { config, notes } = load({ file: 'model: {preprocessor_path: weights/yolo.pt}' });
    assert.equal(config.model.preprocessor_path, 'weights/yolo.onnx');
    assert.match(notes[0] ?? '', /^model\.preprocessor_path: PyTorch models are not read/);
  });

  it('may have a square size as a pair; others are mistakes', () => {
    assert.equal(load({ file: 'model: {img_size: [320, 320]}' }).config.model.img_size, 320);
    for (const size of ['[640, 480]', '[640]', '[1, 1]']) {
      assert.match(problemsOf({ file: `model: {img_size: ${size}}` })[0] ?? '', /^model\.img_size: \[?\d/);
    }
  });

  it("may use Python's names of log levels, in any case", () => {
    const levels = {
      DEBUG: 'debug',
      Info: 'info',
      WARNING: 'warn',
      warn: 'warn',
      CRITICAL: 'fatal',
      FATAL: 'fatal',
      NOTSET: 'trace',
    };
    for (const [given, level] of Object.entries(levels)) {
      assert.equal(load({ file: `logging: {level: ${given}}` }).config.logging.level, level);
    }
  });

  it("may use Python's names of encodings", () => {
    const names = {
      'UTF-8': 'utf-8',
      utf8: 'utf-8',
      utf_8: 'utf-8',
      latin_1: 'latin1',
      iso8859_15: 'iso-8859-15',
      'ISO-8859-1': 'latin1',
      euc_kr: 'euc-kr',
      cp1252: 'windows-1252',
      koi8_r: 'koi8-r',
    };
    for (const [given, encoding] of Object.entries(names)) {
      assert.equal(load({ env: { PEAR_SERVER__ENCODING: given } }).config.server.encoding, encoding);
    }
  });

  it('is understood in the environment and on the command line, too', () => {
    const { config, notes } = load({
      env: { PEAR_SERVER__BUFFER_SIZE: '1024' },
      argv: ['--model.model_path=x.pt'],
    });
    assert.equal(config.model.model_path, 'x.onnx');
    assert.equal(notes.length, 2);
  });
});
