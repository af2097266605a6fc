import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ClassNames } from '#src/cli/eval/class-names.js';
import { labelledPhotos } from '#src/cli/eval/labels/labelled-photos.js';
import { StartupError } from '#src/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'pear-labels-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** Photos are told by their names only. */
function photos(name: string, files: readonly string[]): string {
  const of = join(folder, name);
  mkdirSync(of, { recursive: true });
  for (const file of files) {
    mkdirSync(dirname(join(of, file)), { recursive: true });
    writeFileSync(join(of, file), '');
  }
  return of;
}

const three = photos('three', ['a.jpg', 'sub/b.png', 'c, d.webp', 'note.txt']);
let count = 0;
function read(text: string, extension: string, classes = '') {
  const file = join(folder, `labels-${++count}.${extension}`);
  writeFileSync(file, text);
  return labelledPhotos(three, file, new ClassNames(classes));
}
const short = (text: string, extension: string, classes?: string) =>
  read(text, extension, classes).photos.map(({ name, label, boxes }) => [name, label, boxes]);

describe('without a file of labels', () => {
  test('each photo counts once: links to folders are not followed, and bad links are no photos', () => {
    const of = photos('linked', ['a.jpg', 'sub/b.jpg']);
    for (const [target, name] of [
      ['.', 'loop'],
      ['self.jpg', 'self.jpg'],
      ['nowhere', 'gone.jpg'],
      [of, 'sub/up'],
      ['a.jpg', 'sub/c.jpg'],
      [join(of, 'a.jpg'), 'd.jpg'],
    ] as const)
      symlinkSync(target, join(of, name));
    const { photos: found } = labelledPhotos(of, undefined, new ClassNames(''));
    assert.deepEqual(
      found.map(({ name }) => name),
      ['a.jpg', 'd.jpg', 'sub/b.jpg'],
    );
  });

  test('the innermost folder that says something counts, then the name of the file', () => {
    const of = photos('named', [
      'defect-1/a.jpg',
      'bruise/normal-1.jpg',
      'x/empty.jpg',
      'x/b.jpg',
      'normal/y/c.jpeg',
    ]);
    const labels = labelledPhotos(of, undefined, new ClassNames('bruise')).photos;
    assert.deepEqual(
      labels.map(({ name, label }) => [name, label]),
      [
        ['bruise/normal-1.jpg', 'bruise'],
        ['defect-1/a.jpg', 'defective'],
        ['normal/y/c.jpeg', 'normal'],
        ['x/b.jpg', undefined],
        ['x/empty.jpg', 'no pear'],
      ],
    );
  });

  test('a pipe is no photo, nor a folder with such a name', () => {
    const of = photos('pipe', ['normal-1.jpg', 'folder.jpg/text.txt']);
    execFileSync('mkfifo', [join(of, 'normal-2.jpg')]);
    assert.equal(labelledPhotos(of, undefined, new ClassNames()).photos.length, 1);
  });

  test('a folder that is missing or has no photos is named', () => {
    assert.throws(
      () => labelledPhotos(join(folder, 'none'), undefined, new ClassNames()),
      /none cannot be read/,
    );
    assert.throws(
      () => labelledPhotos(photos('bare', []), undefined, new ClassNames()),
      /no photos below .*bare/,
    );
  });
});

describe('labels in CSV', () => {
  test('are a line a photo, with quotes where a name holds a comma; an empty class is no pear', () => {
    assert.deepEqual(
      short('file,class\r\n"c, d.webp",Bruise\r\n\r\n./sub/b.png,\r\n', 'csv', 'bruise=defective'),
      [
        ['c, d.webp', 'defective', undefined],
        ['sub/b.png', 'no pear', undefined],
      ],
    );
  });

  test('are a line a box; no pear has none, and of others without one nobody has said', () => {
    const text =
      '\u{feff}class;file;left;top;right;bottom\nnormal;a.jpg;1;2;3;4.5\nnormal;a.jpg;5;6;7;8\n;sub/b.png;;;;\nnormal;c, d.webp;;;;';
    assert.deepEqual(short(text, 'csv'), [
      [
        'a.jpg',
        'normal',
        [
          [1, 2, 3, 4.5],
          [5, 6, 7, 8],
        ],
      ],
      ['sub/b.png', 'no pear', []],
      ['c, d.webp', 'normal', undefined],
    ]);
  });

  test('tell how many photos they do not name', () => {
    assert.equal(read('file,class\na.jpg,normal\n', 'csv').unnamed, 2);
  });

  const mistakes = [
    ['', 'csv is empty; the first line names the columns'],
    ['file,colour\n', 'line 1: there is no column "colour"'],
    ['file,left,top\n', 'line 1: a column is missing'],
    ['file,class\na.jpg,normal\n"a.jpg\n', 'line 3: a double quote is not closed'],
    ['file,class\n"a\n.jpg",x\n,normal\n', 'line 4: the file is missing'],
    ['file,class\na.jpg,normal,more\n', 'line 2: it has 3 cells'],
    [
      'file,class\na.jpg,normal\na.jpg,defective\n',
      'line 3: a.jpg stands already in .*line 2, with another class',
    ],
    ['file,left,top,right,bottom\na.jpg,1,2,1,4\n', 'line 2: 1,2,1,4 is no box; a box is left, top'],
    ['file,left,top,right,bottom\na.jpg,1,2,,4\n', 'line 2: 1,2,,4 is no box'],
    ['file,class\n\nz.jpg,normal\n', 'line 3: there is no photo z.jpg below'],
    ['file,class\n../three/a.jpg,normal\n', 'line 2: there is no photo ../three/a.jpg below'],
    ['file,class\na.jpg,normal\n./a.jpg,normal\n', 'line 3: ./a.jpg stands already in .*line 2'],
    ['file,class\n', 'names no photos'],
  ] as const;
  for (const [text, message] of mistakes) {
    test(`tell: ${message}`, () => {
      assert.throws(() => read(text, 'csv'), complaint(message));
    });
  }
});

describe('labels in JSON', () => {
  test('are a list of photos; what is left out nobody has said', () => {
    const list = [
      { file: 'a.jpg', class: 'normal_pear', boxes: [[1, 2, 3, 4]] },
      { file: 'sub/b.png', class: null },
      { file: 'c, d.webp' },
    ];
    assert.deepEqual(short(JSON.stringify(list), 'json'), [
      ['a.jpg', 'normal', [[1, 2, 3, 4]]],
      ['sub/b.png', 'no pear', undefined],
      ['c, d.webp', undefined, undefined],
    ]);
  });

  const coco = (categories: readonly string[], label?: string) => ({
    categories: categories.map((name, index) => ({ id: index + 1, name })),
    images: [
      { id: 7, file_name: 'a.jpg', ...(label === undefined ? {} : { label }) },
      { id: 8, file_name: 'sub/b.png' },
    ],
    annotations: [
      { image_id: 7, category_id: 1, bbox: [10, 20, 30, 40], area: 1200 },
      { image_id: 7, category_id: 2, bbox: [1, 1, 1, 1] },
      { image_id: 7, category_id: 1, bbox: [5, 5, 0, 3] },
    ],
  });

  test('are COCO: boxes of the category pear, the label of the image; no box means no pear', () => {
    assert.deepEqual(short(JSON.stringify(coco(['pear', 'defect'], 'defective')), 'json'), [
      ['a.jpg', 'defective', [[10, 20, 40, 60]]],
      ['sub/b.png', 'no pear', []],
    ]);
    assert.equal(short(JSON.stringify(coco(['pear', 'defect'])), 'json')[0]?.[1], undefined);
  });

  test('are COCO whose categories are classes: one that all boxes have is the label', () => {
    const same = short(JSON.stringify(coco(['normal_pear', 'normal-2'])), 'json');
    assert.deepEqual(same[0]?.[1], undefined);
    const { annotations, ...rest } = coco(['normal_pear', 'other']);
    const one = { ...rest, annotations: annotations.slice(0, 1) };
    assert.deepEqual(short(JSON.stringify(one), 'json')[0]?.[1], 'normal');
  });

  const mistakes = [
    ['[\n{"file": "a.jpg",\n}]', 'json, line 3: this is no JSON'],
    ['[\n{"file": "a.jpg"}', 'json, line 2: this is no JSON'],
    ['[{"file": "a.jpg"},\n{"file": "sub/b.png",\n "boxes": [[1,2,3,4],\n[1,2,3]]}]', 'line 4: 1.boxes.1'],
    ['[{"file": "a.jpg",\n"boxes": [[5,2,3,4]]}]', 'line 2: 0.boxes.0: a box is left, top'],
    ['[{"file": "a.jpg",\n"colour": "red"}]', 'line 1: 0: Unrecognized key'],
    ['[{"file": "a.jpg"},\n{"file": "z.jpg"}]', 'line 2: there is no photo z.jpg'],
    ['{"images": []}', 'line 1: categories'],
    [
      '{"categories": [], "images": [],\n"annotations": [{"category_id": 1, "bbox": [1,1,1,1],\n"image_id": 9}]}',
      'line 3: no image has the id 9',
    ],
  ] as const;
  for (const [text, message] of mistakes) {
    test(`tell: ${message}`, () => {
      assert.throws(() => read(text, 'json'), complaint(message));
    });
  }

  test('and nothing else are read', () => {
    assert.throws(() => read('', 'txt'), complaint('is neither .json nor .csv'));
    assert.throws(
      () => labelledPhotos(three, join(folder, 'no.csv'), new ClassNames()),
      complaint('no.csv cannot be read'),
    );
  });
});

function complaint(message: string) {
  return (error: unknown) => {
    assert.ok(error instanceof StartupError);
    assert.match(`${error.message}; ${error.cure}`, new RegExp(message));
    return true;
  };
}
