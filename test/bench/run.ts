/**
 * `npm run bench [-- --quick] [--protocol NAME,…] [--only LOAD,…] [--setups NAME,…] [--rounds N] [--seconds N]
 * [--json FILE]`: what Sluice costs, as ratios in one run on one machine. A real database, HAProxy (one thread, TCP
 * mode), PgBouncer where installed, Sluice with tcp_proxy alone and Sluice with the protocol's filter (one worker); all
 * runs interleaved.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { installPackages } from '../../scripts/debian-packages.mjs';
import { kafkaSubject } from './kafka/subject.ts';
import { interleave } from './measure.ts';
import { mongodbSubject } from './mongodb/subject.ts';
import { mysqlSubject } from './mysql/subject.ts';
import { postgresSubject } from './postgres/subject.ts';
import { redisSubject } from './redis/subject.ts';
import { loadTable, type Runs, type TargetRow, targetTable } from './report.ts';
import { isAvailable, type Setup, type SetupName, startSetup } from './setups.ts';
import type { Bench, Load, Subject } from './subject.ts';
import { zookeeperSubject } from './zookeeper/subject.ts';

const SUBJECTS: readonly Subject[] = [
  postgresSubject,
  mysqlSubject,
  redisSubject,
  mongodbSubject,
  zookeeperSubject,
  kafkaSubject,
];

const say = (text: string) => process.stdout.write(`${text}\n`);
const options = readOptions();

interface Measured {
  readonly results: ReadonlyMap<string, Runs>;
  readonly targets: readonly TargetRow[];
}

const measured = new Map<string, Measured>();
const startedAt = performance.now();
say(`Node ${process.versions.node}, ${cpus().length} cores, Linux ${release()}`);
say(
  `${options.rounds} interleaved rounds of ${options.seconds} s; medians, and (lowest–highest); = means no difference\n`,
);
for (const subject of SUBJECTS) {
  if (!options.protocols(subject.name)) continue;
  const missing = installPackages([...subject.packages, 'haproxy'], say);
  for (const [name, why] of Object.entries(missing)) say(`without ${name}: ${why}`);
  if (subject.packages.some((name) => name in missing)) say(`${subject.name} is left out\n`);
  else measured.set(subject.name, await benchmark(subject));
}
say('against the targets');
say(targetTable([...measured.values()].flatMap(({ targets }) => targets)));
say(`\n${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(toJson(), null, 2)}\n`);

async function benchmark(subject: Subject): Promise<Measured> {
  const own: readonly SetupName[] = ['direct', 'haproxy', ...subject.peers, 'tcp_proxy', subject.name];
  const names = own.filter((name) => isAvailable(name) && options.setups(name));
  const upstream = await subject.start();
  const setups: Setup[] = [];
  const results = new Map<string, Runs>();
  const bench: Bench = {
    quick: options.quick,
    setups,
    results,
    async measure(load) {
      const runs = await interleave(setups, load, options.seconds, options.rounds);
      results.set(load.name, runs);
      say(`${loadTable(load.title, runs, load.bytesPerQuery)}\n`);
    },
  };
  try {
    for (const name of names) setups.push(await startSetup(name, upstream.port));
    say(`${upstream.title}\n`);
    await warmUp(setups, subject.loads);
    for (const load of subject.loads)
      if (options.wants(load.name) && (load.quick || !options.quick)) await bench.measure(load);
    for (const extra of subject.extras) {
      const found = options.wants(extra.name) ? await extra.run(bench) : '';
      if (found !== '') say(found);
    }
  } finally {
    await Promise.all(setups.map((setup) => setup.stop()));
    await upstream.stop();
  }
  return { results, targets: subject.targets(results) };
}

/** Lets just-in-time compilers see small and large traffic before anything is measured. */
async function warmUp(setups: readonly Setup[], loads: readonly Load[]): Promise<void> {
  for (const setup of setups) {
    if (setup.name === 'direct') continue;
    for (const load of loads) if (load.warmsUp) await load.run({ port: setup.port }, 1);
  }
}

function toJson(): object {
  const protocols = [...measured].map(([name, { results, targets }]) => [
    name,
    { loads: Object.fromEntries([...results].map(([load, runs]) => [load, Object.fromEntries(runs)])), targets },
  ]);
  const { quick, rounds, seconds } = options;
  return { quick, rounds, seconds, node: process.versions.node, protocols: Object.fromEntries(protocols) };
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      protocol: { type: 'string' },
      only: { type: 'string' },
      setups: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const number = (text: string | undefined, usual: number) =>
    text === undefined ? usual : Math.max(1, Number.parseInt(text, 10));
  const among = (text: string | undefined) => (name: string) => text === undefined || text.split(',').includes(name);
  return {
    quick: values.quick,
    json: values.json,
    rounds: number(values.rounds, values.quick ? 1 : 5),
    seconds: number(values.seconds, values.quick ? 1 : 3),
    protocols: among(values.protocol),
    wants: among(values.only),
    // PgBouncer is for orientation: no ratio stands on it.
    setups: (name: string) => (values.setups ? among(values.setups)(name) : !values.quick || name !== 'pgbouncer'),
  };
}
