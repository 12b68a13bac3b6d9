/** `npm run record -- postgres`: records the golden transcripts of a protocol from a real server. */
const RECORDERS: Readonly<Record<string, () => Promise<{ record(): Promise<void> }>>> = {
  postgres: () => import('./record-postgres.ts'),
};

const name = process.argv[2] ?? '';
const load = RECORDERS[name];
if (load === undefined) {
  process.stderr.write(`usage: npm run record -- PROTOCOL, one of: ${Object.keys(RECORDERS).join(', ')}\n`);
  process.exit(2);
}
await (await load()).record();
