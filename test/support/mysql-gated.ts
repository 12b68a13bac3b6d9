import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { digests } from './filter-env.ts';
import type { Gated } from './gated.ts';

/**
 * What each of these agrees on, or says, closes an enforced connection, or is taken from it, or waits
 * for an answer that was recorded later: the bypass corpus has them. */
const NOT_LET_THROUGH =
  /compress|ssl|local-infile|import-file|^raw-commands$|^raw-long-data$|^mariadb-(?:execute|returning|stream)$/;

const TAKEN = (C.compress | C.zstdCompressionAlgorithm | C.ssl | C.capabilityExtension | C.localFiles) >>> 0;

/** MySQL: as recorded, but for the greeting, which offers less, and the login, which claims less. */
export const gatedMysql: Gated = (name, lines) => {
  if (NOT_LET_THROUGH.test(name)) return null;
  const greeting = lines.findIndex(({ who }) => who === '<');
  const login = lines.findIndex(({ who }) => who === '>');
  return lines.map((line, i) => {
    const bytes = Buffer.from(line.bytes);
    if (i === greeting && bytes[4] === 10) {
      const behind = bytes.indexOf(0, 5) + 1;
      const low = behind + 13;
      bytes.writeUInt16LE(bytes.readUInt16LE(low) & ~TAKEN & 0xffff, low);
      bytes.writeUInt16LE(bytes.readUInt16LE(low + 5) & (~TAKEN >>> 16), low + 5);
    }
    if (i === login) bytes[4]! &= ~C.localFiles;
    return { ...line, bytes };
  });
};

/** MySQL's grammar is loaded when the first statement asks for it; a gate holds that statement, and a script cannot wait. */
export const mysqlParserReady = (): Promise<void> =>
  new Promise((resolve) => {
    const text = Buffer.from('select a from loaded');
    const mode = {
      dialect: 'mysql',
      ansiQuotes: false,
      noBackslashEscapes: false,
      flavour: 'mysql',
      version: 80_000,
    } as const;
    const { statements } = digests.read(mode, text, 0, text.length);
    if (digests.settle(statements[0]!.digest, resolve)) resolve();
  });
