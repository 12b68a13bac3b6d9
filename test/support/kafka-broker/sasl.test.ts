import { afterEach, beforeEach, expect, test } from 'vitest';
import { KafkaWire, sized } from '../kafka-wire.ts';
import { poll } from '../poll.ts';
import { type KafkaCluster, startKafkaBroker } from './index.ts';

const plain = (user: string, password: string): Buffer => Buffer.from(`\0${user}\0${password}`);

let cluster: KafkaCluster;
let wire: KafkaWire;

beforeEach(async () => {
  cluster = await startKafkaBroker({ sasl: { users: { ada: 'one', eve: 'two' }, sessionLifetimeMs: 100 } });
  wire = await KafkaWire.connect(cluster.brokers[0]!.port);
});

afterEach(async () => {
  wire.close();
  await cluster.stop();
});

const login = async (user: string, password: string) => {
  await wire.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
  return wire.ask('SaslAuthenticate', 2, { authBytes: plain(user, password) });
};

test('nothing but its versions is told before the login', async () => {
  await wire.ask('ApiVersions', 3);
  wire.send('Metadata', 9, { topics: null });
  await wire.whenClosed();
  expect(cluster.faults).toMatchObject([{ what: 'Metadata v9 before authentication' }]);
});

test('a login, once more in time, and the end of its time', async () => {
  expect(await login('ada', 'one')).toMatchObject({ errorCode: 0, sessionLifetimeMs: 100n });
  expect(await login('ada', 'one')).toMatchObject({ errorCode: 0 });
  expect(await wire.ask('Metadata', 9, { topics: null })).toMatchObject({ controllerId: 1 });
  expect(cluster.journal.connections).toMatchObject([{ principal: 'ada' }]);
  await poll('the session ends', async () => {
    if (!wire.closed) wire.send('Heartbeat', 0, { groupId: 'g' });
    return wire.closed;
  });
  expect(cluster.faults).toMatchObject([{ what: 'Heartbeat v0 before authentication' }]);
});

test('a wrong password is told, then the connection ends', async () => {
  expect(await login('ada', 'two')).toMatchObject({ errorCode: 58 });
  await wire.whenClosed();
  expect(cluster.journal.errors).toEqual({ SaslAuthenticate: { SASL_AUTHENTICATION_FAILED: 1 } });
});

test('who has logged in cannot become another', async () => {
  await login('ada', 'one');
  expect(await login('eve', 'two')).toMatchObject({ errorCode: 58 });
  await wire.whenClosed();
});

test('a mechanism that there is not', async () => {
  expect(await wire.ask('SaslHandshake', 1, { mechanism: 'GSSAPI' })).toEqual({
    errorCode: 33,
    mechanisms: ['PLAIN', 'SCRAM-SHA-256'],
  });
  await wire.whenClosed();
});

test('bare tokens after a handshake of version 0', async () => {
  await wire.ask('SaslHandshake', 0, { mechanism: 'PLAIN' });
  wire.raw(sized(plain('ada', 'one')));
  expect((await wire.next()).frame).toEqual(Buffer.alloc(0));
  await wire.ask('Metadata', 9, { topics: null });
  expect(cluster.journal.requests).toEqual({ 'SaslHandshake v0': 1, 'Metadata v9': 1 });
});

test('a wrong bare token ends the connection without a word', async () => {
  await wire.ask('SaslHandshake', 0, { mechanism: 'PLAIN' });
  wire.raw(sized(plain('ada', 'two')));
  await wire.whenClosed();
  expect(wire.receivedBytes).toBeLessThan(50);
});
