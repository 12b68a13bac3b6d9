/**
 * A scripted Postgres server for tests with thousands of connections, where a real one would need a process each: it
 * answers the login of anybody, and every simple query with an empty result. Run as a program it prints its port.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { loginReply, message, READY_IDLE } from './postgres-bytes.ts';

const EMPTY = Buffer.concat([message('C', 'SELECT 0\0'), READY_IDLE]);
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/** In this process; `listen()` on it is done. */
export async function createLoginServer(): Promise<{ server: Server; port: number }> {
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => serve(socket, ++connections));
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

function serve(socket: Socket, id: number): void {
  let kept: Buffer = Buffer.alloc(0);
  let isIn = false;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    for (;;) {
      // Before the login a message has no type byte.
      const at = isIn ? 1 : 0;
      if (kept.length < at + 4) return;
      const end = at + kept.readInt32BE(at);
      if (kept.length < end) return;
      const type = kept[0];
      const code = kept.length >= 8 ? kept.readInt32BE(4) : 0;
      kept = kept.subarray(end);
      if (isIn) {
        if (type === 0x51) socket.write(EMPTY); // Query
        if (type === 0x58) socket.end(); // Terminate
      } else if (code === SSL_REQUEST || code === GSS_REQUEST) socket.write('N');
      else {
        isIn = true;
        socket.write(loginReply(id, id));
      }
    }
  });
}

/** In a process of its own; killed with `stop()`, and ends by itself when this process does. */
export async function startLoginServer(): Promise<{ port: number; stop(): void }> {
  const child: ChildProcess = spawn(process.execPath, [import.meta.filename], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout!, 'data');
  return { port: Number(String(line)), stop: () => child.kill('SIGKILL') };
}

if (import.meta.main) {
  const { port } = await createLoginServer();
  process.stdout.write(`${port}\n`);
  process.stdin.resume().on('end', () => process.exit(0));
}
