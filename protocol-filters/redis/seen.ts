import type { Target } from '../../src/exchange/digest.ts';
import type { Access } from '../../src/exchange/operation-facts.ts';
import { About, commandVerb } from './command-verbs.ts';
import { COMMANDS } from './commands.ts';

const BY_TEXT = new Map(COMMANDS.map((info) => [info.text, info]));
const ALL = { type: 'key', schema: '', name: '' } as const;

/** What a command does as far as its digest tells: of several keys that has the first one's pattern. */
export function seen(operation: string, targets: readonly Target[]): readonly Access[] | null {
  const info = BY_TEXT.get(operation);
  if (info === undefined) return null;
  const { verb, about, unresolved } = commandVerb(info);
  if (unresolved !== '') return null;
  const of = (type: string): Access[] =>
    targets.flatMap(({ name, operations }) => operations.map((word) => ({ verb: word, type, schema: '', name })));
  switch (about) {
    case About.keys:
      return targets.length > 0 ? of('key') : null;
    case About.channels:
      return targets.length > 0 ? of('channel') : [{ verb, type: 'channel', schema: '', name: '' }];
    case About.channelPatterns:
      return [{ verb, type: 'channel', schema: '', name: '' }];
    case About.database:
      return [{ verb, ...ALL }];
    case About.databases:
      if (verb === 'flush') return [{ verb, ...ALL }];
      return [
        { verb, type: '', schema: '', name: '' },
        ...(['read', 'write'] as const).map((each) => ({ verb: each, ...ALL })),
      ];
    case About.script:
      return [{ verb, type: 'script', schema: '', name: '' }, ...of('key')];
    default:
      return [{ verb, type: '', schema: '', name: '' }, ...of('key')];
  }
}
