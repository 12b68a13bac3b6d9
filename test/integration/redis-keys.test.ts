import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../protocol-filters/redis/commands.ts';
import { agrees, tellKeys } from '../../protocol-filters/redis/testing/key-oracle.ts';
import { needs } from '../support/needs.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';
import { ArgumentLists, argumentsOf, seeded, serverKeys } from '../support/redis-arguments.ts';

const LISTS = 20;

let server: RealRedis;
beforeEach(async (context) => {
  needs(context, 'redis');
  server ??= await startRealRedis();
});
afterAll(() => server?.stop());

test('finds the keys that the server finds, in argument lists nobody has seen', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const lists = await ArgumentLists.from(server, seeded(seed));
  const wrong: object[] = [];
  let asked = 0;
  for (const { name, container, keySpecs, origin } of COMMANDS) {
    if (container || keySpecs.length === 0 || origin !== 'server') continue;
    for (let i = 0; i < LISTS; i++) {
      const words = i % 2 === 0 ? lists.valid(name) : lists.odd(name);
      if (words.length < 2) continue;
      const args = argumentsOf(words);
      const keys = await serverKeys(server, words);
      const found = keys?.map(({ index, flags }) => `${args[index]} ${flags}`).join(', ');
      const said = found === undefined ? '!' : found || '-';
      const ours = tellKeys(args);
      if (!agrees(name, args, said, ours)) wrong.push({ list: words.join(' '), server: said, ours });
      asked++;
    }
  }
  expect(wrong, `seed ${seed}`).toEqual([]);
  expect(asked).toBeGreaterThan(3000);
});

test('the committed table and golden lists are what this server gives', async () => {
  const script = new URL('../../scripts/generate-redis-commands.ts', import.meta.url).pathname;
  await promisify(execFile)(process.execPath, [script, '--check']);
});

describe('where COMMAND GETKEYS and the commands themselves differ, we follow the commands', () => {
  const bad = ['+1', '01', ' 1', '1x', '-1', '4294967297'];
  test.each(bad)('%j is no number of keys', async (count) => {
    await expect(server.ask('eval', 'return 1', count, 'k')).rejects.toThrow(/ERR/);
    expect(tellKeys(['eval', 'return 1', count, 'k'])).toBe('?');
  });

  test('GEORADIUS obeys the last of two STOREs: its keys are not certain', async () => {
    await server.ask('geoadd', 'places', 1, 1, 'here');
    const words = ['georadius', 'places', '1', '1', '9', 'km', 'store', 'first', 'store', 'last'];
    await server.ask(...words);
    expect(await server.ask('exists', 'first')).toBe(0);
    expect(await server.ask('exists', 'last')).toBe(1);
    expect(tellKeys(words)).toMatch(/\?$/);
  });

  test('SORT obeys the last of two STOREs', async () => {
    await server.ask('rpush', 'list', 2, 1);
    const words = ['sort', 'list', 'store', 'sorted-1', 'store', 'sorted-2'];
    await server.ask(...words);
    expect(await server.ask('exists', 'sorted-1')).toBe(0);
    expect(tellKeys(words)).toBe('list RO access, sorted-2 OW update');
  });
});
