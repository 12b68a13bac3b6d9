import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/** The few words that starting a broker takes, written by hand: nothing that is tested has a part in it. */

const APIS = { metadata: 3, alterUserScramCredentials: 51, updateFeatures: 57 } as const;
const ITERATIONS = 4096;
const ANSWER_LIMIT_MS = 2000;

/** How many brokers the one at `port` knows of; 0 when it does not answer. Metadata v1. */
export async function brokersKnown(port: number): Promise<number> {
  const reply = await ask(port, header(APIS.metadata, 1), int32(0)); // of no topics
  return reply === null ? 0 : reply.readInt32BE(4);
}

/** A user who may log in by SCRAM; by the port where brokers talk to each other. AlterUserScramCredentials v0. */
export async function addScramUser(port: number, name: string, password: string): Promise<void> {
  for (const [mechanism, hash, bytes] of [
    [1, 'sha256', 32],
    [2, 'sha512', 64],
  ] as const) {
    const salt = randomBytes(16);
    const salted = pbkdf2Sync(password, salt, ITERATIONS, bytes, hash);
    const reply = await ask(
      port,
      header(APIS.alterUserScramCredentials, 0),
      Buffer.of(0), // tagged fields of the header
      Buffer.of(1, 2), // no deletions, one upsertion
      compact(Buffer.from(name)),
      Buffer.of(mechanism),
      int32(ITERATIONS),
      compact(salt),
      compact(salted),
      Buffer.of(0, 0),
    );
    if (reply === null) throw new Error('the broker did not answer AlterUserScramCredentials');
    // Behind the correlation id, the header's tagged fields, the throttle time, the count and the user's name.
    const code = reply.readInt16BE(4 + 1 + 4 + 1 + 1 + Buffer.byteLength(name));
    if (code !== 0) throw new Error(`AlterUserScramCredentials: error ${code}`);
  }
}

/** What a formatted cluster has switched on: `group.version` 1 is the new protocol of groups. UpdateFeatures v1. */
export async function switchOn(port: number, features: Readonly<Record<string, number>>): Promise<void> {
  const updates = Object.entries(features).map(([name, level]) =>
    Buffer.concat([compact(Buffer.from(name)), Buffer.of(0, level, 1, 0)]),
  );
  const reply = await ask(
    port,
    header(APIS.updateFeatures, 1),
    Buffer.of(0),
    int32(ANSWER_LIMIT_MS),
    Buffer.of(updates.length + 1),
    ...updates,
    Buffer.of(0, 0), // not only to see whether it would do
  );
  if (reply === null) throw new Error('the broker did not answer UpdateFeatures');
  const code = reply.readInt16BE(4 + 1 + 4);
  if (code !== 0) throw new Error(`UpdateFeatures: error ${code}`);
}

/** Without a client id. */
const header = (api: number, version: number): Buffer => {
  const bytes = Buffer.alloc(10);
  bytes.writeInt16BE(api, 0);
  bytes.writeInt16BE(version, 2);
  bytes.writeInt16BE(-1, 8);
  return bytes;
};

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Up to 126 bytes. */
const compact = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(bytes.length + 1), bytes]);

/** The reply's frame without its length; null where there is none in time. */
function ask(port: number, ...parts: readonly Buffer[]): Promise<Buffer | null> {
  return new Promise((resolve) => {
    let got = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1');
    const done = (reply: Buffer | null) => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(ANSWER_LIMIT_MS, () => done(null));
    socket.on('error', () => done(null));
    socket.on('close', () => resolve(null));
    socket.on('data', (bytes) => {
      got = Buffer.concat([got, bytes]);
      if (got.length >= 4 && got.length >= 4 + got.readInt32BE(0)) done(got.subarray(4));
    });
    const request = Buffer.concat(parts);
    socket.write(Buffer.concat([int32(request.length), request]));
  });
}
