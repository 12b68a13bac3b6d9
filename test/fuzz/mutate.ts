export interface FuzzLine {
  readonly who: '>' | '<';
  readonly bytes: Buffer;
}

/** 0 ≤ n < bound, from the run's seed. */
export type Pick = (bound: number) => number;

type Mutation = (lines: FuzzLine[], pick: Pick, other: readonly FuzzLine[]) => void;

const at = (lines: FuzzLine[], pick: Pick): number => pick(lines.length);
const set = (lines: FuzzLine[], index: number, bytes: Buffer): void => {
  lines[index] = { who: lines[index]!.who, bytes };
};

/** What can happen to a recorded session. Each changes the list it is given. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flip: (lines, pick) => {
    const i = at(lines, pick);
    const bytes = Buffer.from(lines[i]!.bytes);
    if (bytes.length > 0) bytes[pick(bytes.length)]! ^= 1 << pick(8);
    set(lines, i, bytes);
  },
  overwrite: (lines, pick) => {
    const i = at(lines, pick);
    const bytes = Buffer.from(lines[i]!.bytes);
    if (bytes.length > 0) bytes[pick(bytes.length)] = pick(256);
    set(lines, i, bytes);
  },
  truncate: (lines, pick) => {
    const i = at(lines, pick);
    set(lines, i, lines[i]!.bytes.subarray(0, pick(lines[i]!.bytes.length + 1)));
  },
  splice: (lines, pick, other) => {
    const i = at(lines, pick);
    const { bytes } = lines[i]!;
    const from = other[pick(other.length)]!.bytes;
    const start = pick(from.length + 1);
    const cut = pick(bytes.length + 1);
    set(lines, i, Buffer.concat([bytes.subarray(0, cut), from.subarray(start, start + pick(64)), bytes.subarray(cut)]));
  },
  duplicate: (lines, pick) => {
    const i = at(lines, pick);
    lines.splice(i, 0, lines[i]!);
  },
  remove: (lines, pick) => {
    if (lines.length > 1) lines.splice(at(lines, pick), 1);
  },
  /** A number of four bytes, wherever it stands, is one more or one less. */
  length: (lines, pick) => {
    const i = at(lines, pick);
    const bytes = Buffer.from(lines[i]!.bytes);
    if (bytes.length < 4) return;
    const where = pick(2) === 0 ? Math.min(1, bytes.length - 4) : pick(bytes.length - 3);
    bytes.writeUInt32BE((bytes.readUInt32BE(where) + (pick(2) === 0 ? 1 : 0xffffffff)) >>> 0, where);
    set(lines, i, bytes);
  },
  reorder: (lines, pick) => {
    const [i, j] = [at(lines, pick), at(lines, pick)];
    const kept = lines[i]!;
    lines[i] = lines[j]!;
    lines[j] = kept;
  },
  /** The other side says it. */
  crossOver: (lines, pick) => {
    const i = at(lines, pick);
    const { who, bytes } = lines[i]!;
    lines[i] = { who: who === '>' ? '<' : '>', bytes };
  },
  /** Goes on as another session does. */
  follow: (lines, pick, other) => {
    const cut = pick(lines.length) + 1;
    lines.splice(cut, lines.length, ...other.slice(pick(other.length)));
  },
};
