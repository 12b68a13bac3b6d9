import { bodySection, opMsgOf } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { closes, ends, FINE, type MongoRow, no, ok, on, raw, TOUCHES } from './support/mongodb.ts';

const body = (command: Record<string, unknown>) => bodySection({ ...command, $db: 'shop' });

export const row: MongoRow = {
  id: 'MG-02',
  title: 'flag bits',
  rules: ['R3', 'R4', 'R6'],
  cases: [
    on(
      'a checksum, right',
      ok(FINE, { checksum: true }),
      no(TOUCHES, { checksum: true }),
      ok(FINE, { checksum: true }),
    ),
    on('a checksum, wrong', ok(FINE), closes(FINE, { checksum: 1 })),
    on('a wrong checksum on what is denied', closes(TOUCHES, { checksum: 7 })),
    on('a checksum shaped as the beginning of a section', closes(FINE, { checksum: 0x05_00_00_00 })),
    on('the bit of a checksum without one', ends(opMsgOf([body(FINE)], { flags: 1 }))),
    ...[2, 3, 7, 8, 14, 15].map((bit) =>
      on(`bit ${bit}, which has to be understood`, ok(FINE), closes(FINE, { flags: 1 << bit })),
    ),
    ...[17, 20, 30, 31].map((bit) =>
      on(
        `bit ${bit}, which may be passed over`,
        no(TOUCHES, { flags: (1 << bit) | 0 }),
        ok(FINE, { flags: (1 << bit) | 0 }),
      ),
    ),
    on('exhaustAllowed hides nothing', no({ find: 'secret' }, { flags: 1 << 16 }), ok(FINE, { flags: 1 << 16 })),
    on('trailing bytes behind the sections', ends(opMsgOf([body(FINE), Buffer.from([0, 0, 0, 0])]))),
    on('bytes of a section behind a body', raw('closes', opMsgOf([body(FINE), Buffer.of(1)]))),
  ],
};
