import { load } from '../config/load.ts';
import type { PolicyVocabulary } from '../exchange/operation-facts.ts';
import type { ProtocolFilter } from '../exchange/protocol-filter.ts';
import type { PolicyCommand } from './args.ts';
import { type ConfigIo, printProblems } from './check.ts';
import { readExchanges, type Seen } from './policy/seen.ts';
import { fetchSeen } from './policy/seen-api.ts';
import { printSuggestion, Suggester } from './policy/suggest.ts';
import { printTrial, Trial } from './policy/trial.ts';

/** What the commands need of the world beside a configuration. */
export interface PolicyIo extends ConfigIo {
  readonly protocols: readonly ProtocolFilter[];
}

/** `sluice policy suggest`, `sluice policy test`. Exit codes: 0, 1 = would deny or nothing seen or unreadable, 2 = bad file. */
export const runPolicy = (command: PolicyCommand, io: PolicyIo): Promise<number> =>
  command.action === 'suggest' ? suggest(command, io) : test(command, io);

async function suggest(
  { admin, from, byApplication, shadow }: Extract<PolicyCommand, { action: 'suggest' }>,
  io: PolicyIo,
): Promise<number> {
  const suggester = new Suggester({
    byApplication,
    shadow,
    vocabularyOf: (protocol) => io.protocols.find(({ name }) => name === protocol)?.vocabulary ?? null,
  });
  let other = 0;
  try {
    if (from !== null) await eachExchange(from, (seen) => suggester.add(seen));
    else {
      const answer = await fetchSeen(`http://${admin}`);
      for (const seen of answer.seen) suggester.add(seen);
      other = answer.other;
    }
  } catch (error) {
    io.stderr.write(`sluice policy suggest: ${(error as Error).message}\n`);
    return 1;
  }
  const suggestion = suggester.finish();
  if (suggestion.policies.length === 0) {
    const why = suggestion.left[0]?.why;
    io.stderr.write(`sluice policy suggest: nothing was seen that policies could allow${why ? ` (${why})` : ''}\n`);
    return 1;
  }
  io.stdout.write(printSuggestion(suggestion, other));
  return 0;
}

async function test(
  { config, against, json }: Extract<PolicyCommand, { action: 'test' }>,
  io: PolicyIo,
): Promise<number> {
  const loaded = await load({ file: config }, io.filters, { readFile: io.readFile });
  if (!loaded.ok) return printProblems(loaded.problems, io.stderr);
  const byType = new Map<string, { name: string; vocabulary: PolicyVocabulary }>(
    io.protocols.flatMap(({ typeUrl, name, vocabulary }) => (vocabulary ? [[typeUrl, { name, vocabulary }]] : [])),
  );
  const trial = new Trial(loaded.snapshot, (typeUrl) => byType.get(typeUrl) ?? null);
  let lines = 0;
  try {
    lines = await eachExchange(against, (seen) => trial.add(seen));
  } catch (error) {
    io.stderr.write(`sluice policy test: ${(error as Error).message}\n`);
    return 1;
  }
  const result = trial.result();
  if (lines === 0) {
    io.stderr.write(`sluice policy test: ${against} has no exchanges: it takes Sluice's JSON access log\n`);
    return 1;
  }
  io.stdout.write(json ? `${JSON.stringify(result)}\n` : printTrial(config, result));
  return result.denied > 0 ? 1 : 0;
}

/** How many there were. */
async function eachExchange(file: string, take: (seen: Seen) => void): Promise<number> {
  let count = 0;
  for await (const seen of readExchanges(file)) {
    if (seen === null) continue;
    count++;
    take(seen);
  }
  return count;
}
