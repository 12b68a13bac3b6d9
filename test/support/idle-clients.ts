/**
 * Many logged-in, idle Postgres connections, held by a process of their own so that they are in nobody's memory figures.
 * Run as a program: `node idle-clients.ts PORT COUNT` prints `COUNT` once all are logged in, and holds them until stdin ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startupMessage } from './postgres-bytes.ts';

/** Logins under way at once. */
const AT_ONCE = 100;
const READY_FOR_QUERY = 0x5a;

/** Holds `count` connections to 127.0.0.1:port until stop(). Rejects when a login fails. */
export async function holdIdleClients(port: number, count: number): Promise<{ stop(): Promise<void> }> {
  const child = spawn(process.execPath, [import.meta.filename, String(port), String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (Number(String(said)) !== count) throw new Error(`idle clients: ${count} logins through port ${port} failed`);
  return {
    stop: async () => {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
    },
  };
}

const STARTUP = startupMessage({ user: 'postgres', database: 'postgres', application_name: 'idle' });

function login(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(STARTUP));
    let seen = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      // ReadyForQuery is the last message of a login, six bytes.
      if (seen.length < 6 || seen[seen.length - 6] !== READY_FOR_QUERY) return;
      socket.off('data', onData);
      resolve(socket);
    };
    socket.on('data', onData);
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('closed before the login was done')));
  });
}

if (import.meta.main) {
  const [port, count] = process.argv.slice(2).map(Number) as [number, number];
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, () => login(port)))));
  }
  process.stdout.write(`${count}\n`);
  process.stdin.resume().on('end', () => process.exit(0));
}
