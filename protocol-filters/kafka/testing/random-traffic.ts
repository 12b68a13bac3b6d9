import { seeded } from '../../../src/net/simulated.ts';
import { apiName, type Field, schemaOf, within } from '../../../test/support/kafka-broker/schema.ts';
import { recordBatch, requestFrame, responseFrame } from '../../../test/support/kafka-wire.ts';
import { APIS, ApiKey } from '../schema/api.ts';

type Value = null | boolean | number | bigint | string | Buffer | Value[] | Fields;
interface Fields {
  [name: string]: Value;
}

export interface Exchanged {
  readonly key: number;
  readonly api: string;
  readonly version: number;
  readonly id: number;
  readonly request: Buffer;
  /** Null: acks=0. */
  readonly reply: Fields | null;
}

const BROKERS = 6;
export const hostOf = (id: number): string => `b${id}.upstream`;
export const portOf = (id: number): number => 9090 + id;

/** In 0…below. */
export type Random = (below: number) => number;
export function randomOf(seed: number): Random {
  const next = seeded(seed);
  return (below) => Math.floor(next() * below);
}

/** Requests of all kinds with their replies, written by the strict broker's encoder, which shares nothing with the filter. */
export function randomTraffic(count: number, random: Random): Exchanged[] {
  return Array.from({ length: count }, (_, i) => one(i + 1, random));
}

/** In the versions that both know. */
const KNOWN = APIS.flatMap(({ key, since, until }) => {
  const name = apiName(key);
  if (name === undefined) return [];
  const [from, to] = schemaOf('request', name).versions;
  return [{ key, name, since: Math.max(since, from), until: Math.min(until, to) }];
}).filter(({ since, until }) => since <= until);

/** More often than others: what clients say, and what names brokers. */
const OFTEN = [ApiKey.metadata, ApiKey.findCoordinator, ApiKey.describeCluster, ApiKey.produce, ApiKey.fetch];

function one(id: number, random: Random): Exchanged {
  const often = OFTEN[random(OFTEN.length * 2)];
  const { key, name, since, until } = KNOWN.find((each) => each.key === often) ?? KNOWN[random(KNOWN.length)]!;
  const version = since + random(until - since + 1);
  const maker = new Maker(version, random);
  const asked = maker.struct(schemaOf('request', name).fields);
  const reply = maker.struct(schemaOf('response', name).fields);
  if (key === ApiKey.produce) asked['acks'] = random(3) - 1;
  // 35 is told in version 0; what a handshake of version 0 agrees to are tokens.
  if (key === ApiKey.apiVersions) reply['errorCode'] = 0;
  if (key === ApiKey.saslHandshake) reply['errorCode'] = 33;
  const clientId = random(5) === 0 ? null : `client-${random(3)}`;
  return {
    key,
    api: name,
    version,
    id: id * 7,
    request: requestFrame(name, version, asked, { correlationId: id * 7, clientId }),
    reply: key === ApiKey.produce && asked['acks'] === 0 ? null : reply,
  };
}

export const replyFrame = ({ api, version, id, reply }: Exchanged, rename?: Rename): Buffer =>
  responseFrame(api, version, id, rename ? (renamed(reply!, rename) as Fields) : reply!);

class Maker {
  readonly #version: number;
  readonly #random: Random;

  constructor(version: number, random: Random) {
    this.#version = version;
    this.#random = random;
  }

  struct(fields: readonly Field[]): Fields {
    const made: Fields = {};
    const present = fields.filter((field) => within(this.#version, field.versions));
    for (const field of present) made[field.name] = this.#value(field);
    if (isAddress(made)) this.#address(made, present);
    return made;
  }

  #address(made: Fields, present: readonly Field[]): void {
    const id = this.#random(BROKERS + 1);
    for (const name of ['nodeId', 'brokerId']) if (name in made) made[name] = id === 0 ? -1 : id;
    made['host'] = id === 0 ? '' : hostOf(id);
    const isUnsigned = present.some(({ name, type }) => name === 'port' && type === 'uint16');
    made['port'] = id > 0 ? portOf(id) : isUnsigned ? 0 : -1;
  }

  #value(field: Field): Value {
    if (within(this.#version, field.nullable) && this.#random(4) === 0) return null;
    if (field.array) return Array.from({ length: this.#random(4) }, () => this.#one(field));
    return this.#one(field);
  }

  #one(field: Field): Value {
    const random = this.#random;
    switch (field.type) {
      case 'struct':
        return isOfClients(field.name)
          ? { ...this.struct(field.fields), host: 'app.local', port: 80 }
          : this.struct(field.fields);
      case 'string':
        return ['', 'orders', 'billing', `t${random(30)}`, 'x'.repeat(random(200))][random(5)]!;
      case 'bytes':
        return Buffer.alloc(random(100), random(256));
      case 'records':
        return recordBatch({ records: Array.from({ length: 1 + random(4) }, () => ({ key: 'k', value: 'v' })) });
      case 'uuid':
        return (1 + random(20)).toString(16).padStart(32, '0');
      case 'bool':
        return random(2) === 1;
      case 'int64':
        return BigInt(random(2000) - 1);
      case 'float64':
        return random(100) / 8;
      case 'int8':
        return random(4);
      case 'int16':
      case 'uint16':
        return random(3) === 0 ? random(120) : 0;
      default:
        return random(5) === 0 ? random(0x7fff_ffff) : random(6) - 1;
    }
  }
}

/** What clients of Kafka Streams offer to each other. */
const isOfClients = (name: string): boolean => /userEndpoint$/i.test(name);
const isAddress = (fields: Fields): boolean => typeof fields['host'] === 'string' && typeof fields['port'] === 'number';

export type Rename = (host: string, port: number) => { readonly host: string; readonly port: number };

/** A copy with other addresses of brokers. */
function renamed(value: Value, rename: Rename): Value {
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  const out: Fields = {};
  for (const [name, each] of Object.entries(value)) out[name] = isOfClients(name) ? each : renamed(each, rename);
  if (isAddress(out) && out['host'] !== '') Object.assign(out, rename(out['host'] as string, out['port'] as number));
  return out;
}
