import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { checkAnswerBytes } from './authz-answer.ts';
import type { FilterCase } from './parts.ts';

/** What one client saw: what came back, and whether its connection was closed under it. */
export interface Seen {
  readonly got: string;
  readonly closed: boolean;
}

/** How long a client waits for an echo that may never come. */
const PATIENCE_MS = 300;
/** How long it waits for what is known to come: the machine may be busy with others' work. */
const KNOWN_MS = 15_000;

/**
 * Plays a case's clients against a port. They hang up at the end, all together. `wanted`: what each saw when the case
 * was recorded, and so what is worth waiting for.
 */
export async function play(
  { sends = ['x'], clients = 1 }: FilterCase,
  port: number,
  wanted: readonly Seen[] = [],
): Promise<Seen[]> {
  const players = [];
  for (let i = 0; i < clients; i++) {
    const player = await Player.connect(port, wanted[i]);
    for (const text of sends) await player.say(text);
    players.push(player);
  }
  for (const player of players) await player.settle();
  const seen = players.map(({ got, closed }) => ({ got, closed }));
  for (const player of players) player.leave();
  return seen;
}

class Player {
  got = '';
  closed = false;
  #expected = 0;
  readonly #socket: Socket;
  readonly #wanted: Seen | undefined;

  private constructor(socket: Socket, wanted: Seen | undefined) {
    this.#socket = socket;
    this.#wanted = wanted;
    socket.on('data', (bytes) => {
      this.got += bytes.toString();
    });
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        this.closed = true;
      });
  }

  static async connect(port: number, wanted: Seen | undefined): Promise<Player> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Player(socket, wanted);
  }

  async say(text: string): Promise<void> {
    if (this.closed) return;
    this.#expected += text.length;
    this.#socket.write(text);
    const isKnown = this.#wanted && (this.#wanted.closed || this.#wanted.got.length >= this.#expected);
    const until = performance.now() + (isKnown ? KNOWN_MS : PATIENCE_MS);
    while (!this.closed && this.got.length < this.#expected && performance.now() < until) await shortly();
    // What is answered and closed at once comes as two events.
    await shortly();
  }

  /** A close that was recorded may still be under way. */
  async settle(): Promise<void> {
    const until = performance.now() + KNOWN_MS;
    while (this.#wanted?.closed && !this.closed && performance.now() < until) await shortly();
  }

  leave(): void {
    this.#socket.destroy();
  }
}

const shortly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Authorization services that say yes with metadata, no, fail, and never answer. `requests`: the bytes that they got. */
export async function startAuthz(): Promise<{
  readonly ports: Readonly<Record<'allows' | 'denies' | 'fails' | 'slow', number>>;
  readonly requests: Buffer[];
  stop(): void;
}> {
  const requests: Buffer[] = [];
  const servers: Server[] = [];
  const serve = async (how: 'allows' | 'denies' | 'fails' | 'slow'): Promise<number> => {
    const server = new Server();
    servers.push(server);
    const asIs = (bytes: Buffer): Buffer => bytes;
    server.addService(
      {
        check: {
          path: '/envoy.service.auth.v3.Authorization/Check',
          requestStream: false,
          responseStream: false,
          requestSerialize: asIs,
          requestDeserialize: asIs,
          responseSerialize: asIs,
          responseDeserialize: asIs,
        },
      },
      {
        check: (
          { request }: { request: Buffer },
          done: (error: { code: number } | null, answer?: Buffer) => void,
        ): void => {
          requests.push(request);
          if (how === 'fails') done({ code: status.INTERNAL });
          else if (how !== 'slow') done(null, checkAnswerBytes(how === 'allows'));
        },
      },
    );
    return new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  };
  const ports = {
    allows: await serve('allows'),
    denies: await serve('denies'),
    fails: await serve('fails'),
    slow: await serve('slow'),
  };
  return {
    ports,
    requests,
    stop: () => {
      for (const server of servers) server.forceShutdown();
    },
  };
}
