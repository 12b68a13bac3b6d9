import { deflateSync } from 'node:zlib';
import { opCompressed, opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { COMPRESSORS, closes, ends, FINE, type MongoRow, no, ok, on, TOUCHES } from './support/mongodb.ts';

const touches = opMsg({ ...TOUCHES, $db: 'shop' });
const size = touches.length - 16;

export const row: MongoRow = {
  id: 'MG-05',
  title: 'OP_COMPRESSED',
  rules: ['R3', 'R4', 'R5', 'R6', 'R12'],
  cases: [
    ...COMPRESSORS.map((by) => on(`a denied delete in ${by}`, ok(FINE, { by }), no(TOUCHES, { by }), ok(FINE))),
    ...COMPRESSORS.map((by) =>
      on(`a denied drop in ${by}, between others`, no({ drop: 'secret' }, { by }), ok(FINE, { by })),
    ),
    ...COMPRESSORS.map((by) =>
      on(`one byte more than ${by} gives is declared`, ends(opCompressed(touches, by, { uncompressedSize: size + 1 }))),
    ),
    ...COMPRESSORS.map((by) =>
      on(`one byte less than ${by} gives is declared`, ends(opCompressed(touches, by, { uncompressedSize: size - 1 }))),
    ),
    on('a wrapper in a wrapper', ends(opCompressed(opCompressed(touches, 'zlib'), 'zlib'))),
    on('a wrapper of noop in one of noop', ends(opCompressed(opCompressed(touches, 'noop'), 'noop'))),
    ...[4, 5, 127, 255].map((compressorId) =>
      on(`compressor ${compressorId}`, ends(opCompressed(touches, 'noop', { compressorId }))),
    ),
    on('what says zlib and is snappy', ends(opCompressed(touches, 'snappy', { compressorId: 2 }))),
    on('what says noop and is zlib', ends(opCompressed(touches, 'zlib', { compressorId: 0 }))),
    on('an inner opcode of an answer', ends(opCompressed(touches, 'noop', { opcode: 1 }))),
    on('an inner opcode that there is not', ends(opCompressed(touches, 'noop', { opcode: 4711 }))),
    on('an inner opcode that is left out', ends(opCompressed(touches, 'noop', { opcode: 2006 }))),
    on('a negative size', ends(opCompressed(touches, 'zlib', { uncompressedSize: -1 }))),
    on(
      'a bomb',
      ends(
        opCompressed(touches, 'zlib', {
          compressed: deflateSync(Buffer.alloc(40_000_000)),
          uncompressedSize: 40_000_000,
        }),
      ),
    ),
    on('nothing inside', ends(opCompressed(touches, 'zlib', { compressed: Buffer.alloc(0) }))),
    ...COMPRESSORS.map((by) =>
      on(`hello in ${by}, which nobody compresses`, closes({ hello: 1, $db: 'admin' }, { by })),
    ),
    on(
      'a login, compressed',
      closes({ saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0a\0b'), $db: 'admin' }, { by: 'zlib' }),
    ),
    on('a checksum inside', ok(FINE, { by: 'zlib', checksum: true }), no(TOUCHES, { by: 'zlib', checksum: true })),
    on('a wrong checksum inside', closes(FINE, { by: 'snappy', checksum: 9 })),
    on(
      'a sequence inside',
      no({ insert: 'secret' }, { by: 'zstd', sequences: [{ identifier: 'documents', documents: [{ _id: 4 }] }] }),
    ),
  ],
};
