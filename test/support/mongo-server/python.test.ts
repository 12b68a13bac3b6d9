import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { which } from '../../../scripts/debian-packages.mjs';
import { type MongoServer, startMongoServer } from './server.ts';

/** A second opinion: the driver of Python, which has its own idea of the protocol. Debian's package is of 2020, PyPI's of today. */
const SCRIPT = `
import json, sys
from pymongo import MongoClient, ReturnDocument, InsertOne, UpdateOne, DeleteMany, version
from pymongo.errors import PyMongoError, BulkWriteError
said = []
for compressor in (None, 'zlib'):
    more = {'compressors': compressor} if compressor else {}
    client = MongoClient('127.0.0.1', int(sys.argv[1]), directConnection=True, username='ann', password='not-a-secret',
                         appname='report', serverSelectionTimeoutMS=30000, **more)
    db = client['python_%s' % compressor]
    people = db.people
    people.insert_many([{'_id': n, 'n': n} for n in range(25)])
    said.append(len(list(people.find({'n': {'$gt': 4}}, batch_size=6).sort('n', -1))))
    done = people.update_many({'n': {'$lt': 3}}, {'$set': {'small': True}})
    said.append([done.matched_count, done.modified_count])
    said.append(people.find_one_and_update({'_id': 1}, {'$inc': {'n': 1}}, return_document=ReturnDocument.AFTER))
    mixed = people.bulk_write([InsertOne({'_id': 50}), UpdateOne({'_id': 50}, {'$set': {'n': 5}}), DeleteMany({'n': {'$gt': 20}})])
    said.append([mixed.inserted_count, mixed.modified_count, mixed.deleted_count])
    said.append(sorted([row['n'] for row in people.aggregate([{'$group': {'_id': '$small', 'n': {'$sum': 1}}}])]))
    with client.start_session() as session:
        with session.start_transaction():
            people.insert_one({'_id': 60}, session=session)
            said.append([people.count_documents({}, session=session), people.count_documents({})])
    try:
        people.insert_many([{'_id': 60}, {'_id': 61}], ordered=False)
    except BulkWriteError as error:
        said.append([error.details['nInserted'], error.details['writeErrors'][0]['code']])
    for wrong in (lambda: db.command('nosuchcommand'), lambda: people.update_one({'_id': 1}, {'$nosuch': {'a': 1}})):
        try:
            wrong()
        except PyMongoError as error:
            said.append(error.code)
    with people.watch() as stream:
        people.insert_one({'_id': 70})
        said.append(next(stream)['operationType'])
    client.close()
print(json.dumps(said))
`;

let server: MongoServer;
/** Why it cannot run here; '' = it can. */
let missing = '';
/** Debian's Python has Debian's packages; the one in front may be another. */
const PYTHONS = [process.env['PYTHON'], '/usr/bin/python3', which('python3')];
let python = '';

async function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

beforeAll(async () => {
  server = await startMongoServer({ replicaSet: { name: 'rs' }, users: [{ user: 'ann', pwd: 'not-a-secret' }] });
  for (const program of PYTHONS) {
    if (program === undefined || program === null || !existsSync(program)) continue;
    if ((await run(program, ['-c', 'import pymongo'])).code !== 0) continue;
    python = program;
    return;
  }
  missing = 'pymongo is not installed (Debian package python3-pymongo)';
});
beforeEach((ctx) => {
  if (missing !== '') ctx.skip(missing);
});
afterAll(() => server.stop());

test('the driver of Python: login, reads, writes, cursors, a transaction, errors, a change stream; plain and zlib', async () => {
  const { code, stdout, stderr } = await run(python, ['-c', SCRIPT, String(server.port)]);
  expect(code, stderr).toBe(0);
  const once = [20, [3, 3], { _id: 1, n: 2, small: true }, [1, 1, 4], [3, 19], [23, 22], [1, 11000], 59, 9, 'insert'];
  expect(JSON.parse(stdout)).toEqual([...once, ...once]);
  expect(server.journal.closed).toEqual([]);
  const inserts = server.journal.commands.filter(({ name }) => name === 'insert');
  expect(new Set(inserts.map(({ compressor }) => compressor))).toEqual(new Set([null, 2]));
});
