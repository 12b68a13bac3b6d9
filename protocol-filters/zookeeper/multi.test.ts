import { describe, expect, test } from 'vitest';
import { zookeeperOptions } from './config.ts';
import { ask, asked, join, NOTHING, Op, reply, results, STAT, strings, text, textStat } from './testing/builders.ts';
import { BEGUN, envoy, own, pieces, play, tells } from './testing/story.ts';

const created = (path: string): readonly [number, Buffer] => [Op.create, text(path)];
const WRITES = [ask.create('/a/1'), ask.create('/a/2'), ask.setData('/b', 'x'), ask.check('/c', 4), ask.delete('/a/3')];

describe('multi', () => {
  tells(
    'that is done: its operations, each once, and what they changed',
    [
      ['>', asked(1, ask.multi(WRITES))],
      [
        '<',
        reply(
          1,
          0,
          results(created('/a/1'), created('/a/2'), [Op.setData, STAT], [Op.check, NOTHING], [Op.delete, NOTHING]),
        ),
      ],
    ],
    ['multi | multi create /a/*, setData /b, check /c, delete /a/* | ok | affected 4 | batch of 5'],
    (on) => {
      expect(on.harness.ended[1]!.digest!.targets).toEqual([
        { schema: '', name: '/a/*', operations: ['create', 'delete'] },
        { schema: '', name: '/b', operations: ['write'] },
        { schema: '', name: '/c', operations: ['read'] },
      ]);
      // As Envoy, which counts the operations of a multi with those outside.
      expect(['multi', 'create', 'setdata', 'check', 'delete'].map((op) => envoy(on, `${op}_rq`))).toEqual([
        1, 2, 1, 1, 1,
      ]);
      expect([envoy(on, 'create_resp'), envoy(on, 'multi_resp')]).toEqual([0, 1]);
      expect(['create', 'check'].map((op) => own(on, `multi.${op}.operations`))).toEqual([2, 1]);
      expect(own(on, 'multis_failed')).toBe(0);
    },
  );

  tells(
    'that failed: the operation to blame, and nothing was changed',
    [
      ['>', asked(1, ask.multi(WRITES))],
      ['<', reply(1, 0, results(0, 0, -103, -2, -2))],
    ],
    ['multi | multi create /a/*, setData /b, check /c, delete /a/* | error | BADVERSION | batch of 5'],
    (on) => {
      expect([own(on, 'multis_failed'), own(on, 'error.BADVERSION.multi.responses')]).toEqual([1, 1]);
      expect(['setData', 'create', 'check'].map((op) => own(on, `multi.${op}.errors`))).toEqual([1, 0, 0]);
    },
  );

  tells(
    'that is refused as a whole',
    [
      ['>', asked(1, ask.multi([ask.create('/a')]))],
      ['<', reply(1, -4)],
    ],
    ['multi | multi create /a | error | CONNECTIONLOSS | batch of 1'],
  );

  tells(
    'without an operation',
    [
      ['>', asked(1, ask.multi([]))],
      ['<', reply(1, 0, results())],
    ],
    ['multi | multi | ok'],
  );

  tells(
    'of all that may stand in it',
    [
      ['>', asked(1, ask.multi([ask.create2('/a'), ask.createContainer('/b'), ask.createTTL('/c', null, 9n)]))],
      [
        '<',
        reply(1, 0, results([Op.create2, textStat('/a')], [Op.create2, textStat('/b')], [Op.create2, textStat('/c')])),
      ],
    ],
    ['multi | multi create2 /a, createContainer /b, createTTL /c | ok | affected 3 | batch of 3'],
  );

  tells(
    'read: what is there is returned; what is not is counted, and the client’s call goes well',
    [
      [
        '>',
        asked(
          1,
          ask.multiRead([ask.getData('/a'), ask.getChildren('/b')]),
          ask.multiRead([ask.getData('/a'), ask.getData('/z')]),
        ),
      ],
      [
        '<',
        join(
          reply(1, 0, results([Op.getData, textStat('x')], [Op.getChildren, strings('c', 'd')])),
          reply(2, 0, results([Op.getData, textStat('x')], -101)),
        ),
      ],
    ],
    [
      'multiRead | multiRead getData /a, getChildren /b | ok | returned 2 | batch of 2',
      'multiRead | multiRead getData /a, getData /z | ok | returned 1 | batch of 2 | pipelined',
    ],
    (on) => {
      expect(envoy(on, 'getdata_rq')).toBe(0);
      expect([own(on, 'multi.getData.operations'), own(on, 'multi.getData.errors')]).toEqual([3, 1]);
      expect(own(on, 'error.NONODE.multiRead.responses')).toBe(1);
    },
  );
});

test('ZK-02 ten thousand operations: each is counted, some are named, memory stays', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => ask.create(`/${'abcdefghijklmnopqrstuvwxyz'[i % 26]}/${i}`));
  for (const cut of [undefined, pieces([4001, 5, 1])]) {
    const on = play(
      [
        ...BEGUN,
        ['>', asked(1, ask.multi(many))],
        ['<', reply(1, 0, results(...many.map((_, i) => created(`/x/${i}`))))],
      ],
      {},
      cut,
    );
    const x = on.harness.ended[1]!;
    expect([x.batchSize, x.rowsAffected, x.outcome]).toEqual([10_000, 10_000, 0]);
    expect(x.text).toBe(`multi ${[...'abcdefghijklmnop'].map((letter) => `create /${letter}/*`).join(', ')}, …`);
    expect(x.digest!.confidence).toBe('partial');
  }
});

test('the shapes of multis are bounded: beyond, their operations alone are named', () => {
  const options = { options: { ...zookeeperOptions.parse({}), path_patterns: 4 } };
  const shapes = ['ab', 'ba', 'ac', 'ca', 'bc', 'cb'].map((pair) =>
    [...pair].map((letter) => ask.create(`/${letter}`)),
  );
  const on = play([...BEGUN, ['>', asked(1, ...[...shapes, ...shapes].map((shape) => ask.multi(shape)))]], options);
  const texts = on.harness.ended.slice(1).map((x) => x.text);
  expect(texts.slice(0, 6)).toEqual([
    'multi create /a, create /b',
    'multi create /b, create /a',
    'multi create /a, create /c',
    'multi create /c, create /a',
    'multi create',
    'multi create',
  ]);
  expect(texts.slice(6)).toEqual(texts.slice(0, 6));
});
