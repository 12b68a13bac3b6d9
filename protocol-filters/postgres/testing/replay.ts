import { play, type Script, told } from './story.ts';

/** What a recorded session tells, as `.events` files have it: asides and settings, then one line an exchange. */
export function tellScript(script: Script): string {
  const on = play(script);
  const { harness } = on;
  const { user, database, application, serverVersion, kind } = harness.facts;
  const lines = [
    `session user=${user} database=${database} application=${application} server=${serverVersion} kind=${kind}`,
    `dials ${harness.connects.map((key) => (key === '' ? 'cluster' : 'issuer of a key')).join(', ')}`,
    ...harness.opaqueReasons.map((reason) => `opaque ${reason}`),
    ...countsOf(harness.asides),
    ...told(on),
  ];
  return `${lines.join('\n')}\n`;
}

function countsOf(asides: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const aside of asides) {
    const kind = aside.split(' ').slice(0, 2).join(' ');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `aside ${kind} ${count}`);
}
