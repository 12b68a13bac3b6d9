import { isUtf8 } from 'node:buffer';
import type { Args } from './args.ts';
import type { Conversation } from './conversation.ts';
import type { Extra } from './pending.ts';
import { Special } from './special.ts';
import { isWord } from './wire.ts';

/** What a client says about itself, and when the server has agreed to it. Passwords are never looked at. */

/** Who everybody is until a login, where the server asks for none. */
export const DEFAULT_USER = 'default';
/** Bytes of a name that are kept. */
const MAX_NAME = 128;

const textOf = (args: Args, index: number): string => {
  if (index >= args.held) return '';
  const start = args.start[index]!;
  const length = Math.min(args.length[index]!, MAX_NAME);
  return Buffer.from(args.buf.buffer, args.buf.byteOffset + start, length).toString('utf8');
};

/** Is a held argument this word? */
export const argumentIs = (args: Args, index: number, word: string): boolean =>
  args.whole(index) && isWord(args.buf, args.start[index]!, args.start[index]! + args.length[index]!, word);

/**
 * Of AUTH, HELLO and MIGRATE: may the argument be a password? Of MIGRATE it errs on the side of yes: an option's word that is
 * also somebody's name hides what stands behind it.
 */
export function maySecret(special: number, args: Args, index: number): boolean {
  switch (special) {
    case Special.auth:
      return index === 2 || args.argc === 2;
    case Special.hello:
      return index >= 4 && isHelloPassword(args, index);
    default:
      return argumentIs(args, index - 1, 'auth') || behindAuth2(args, index);
  }
}

/** Options are read in their order, as the server does: a name may be called AUTH. Where there is no option it says yes. */
function isHelloPassword(args: Args, index: number): boolean {
  let at = 2;
  while (at < index) {
    const isAuth = argumentIs(args, at, 'auth');
    if (isAuth && index === at + 2) return true;
    if (isAuth) at += 3;
    else if (argumentIs(args, at, 'setname')) at += 2;
    else return argumentIs(args, index - 2, 'auth');
  }
  return false;
}

const behindAuth2 = (args: Args, index: number): boolean =>
  argumentIs(args, index - 1, 'auth2') || argumentIs(args, index - 2, 'auth2');

/**
 * Does it claim a name that policies could not tell from another: longer than is kept, or no UTF-8? Names that nobody shows in
 * full must not open what another one's may.
 */
export function hasOddName(special: number, args: Args): boolean {
  switch (special) {
    case Special.auth:
      return args.argc === 3 && isOdd(args, 1);
    case Special.setName:
      return args.argc === 3 && isOdd(args, 2);
    case Special.hello:
      return isOddHello(args);
    default:
      return false;
  }
}

/**
 * A HELLO that may fail behind its AUTH: servers up to 7.0 obey option by option, and an error then says nothing of who is logged
 * in. Only one AUTH, and names that CLIENT SETNAME takes, are let through.
 */
function isOddHello(args: Args): boolean {
  let logins = 0;
  let at = 2;
  while (at < args.argc) {
    if (argumentIs(args, at, 'auth') && at + 2 < args.argc) {
      if (++logins > 1 || isOdd(args, at + 1)) return true;
      at += 3;
    } else if (argumentIs(args, at, 'setname') && at + 1 < args.argc) {
      if (isOdd(args, at + 1) || !isPrintable(args, at + 1)) return true;
      at += 2;
    } else return true;
  }
  return false;
}

/** What a client may be called: ASCII from `!` to `~`. */
function isPrintable(args: Args, index: number): boolean {
  const start = args.start[index]!;
  for (let at = start; at < start + args.length[index]!; at++)
    if (args.buf[at]! < 0x21 || args.buf[at]! > 0x7e) return false;
  return true;
}

function isOdd(args: Args, index: number): boolean {
  if (!args.whole(index) || args.size[index]! > MAX_NAME) return true;
  const start = args.start[index]!;
  return !isUtf8(args.buf.subarray(start, start + args.length[index]!));
}

/** What a request claims, for when its reply confirms it. */
export function readClaims(special: number, args: Args, extra: Extra): void {
  switch (special) {
    case Special.auth:
      extra.user = args.argc === 2 ? DEFAULT_USER : textOf(args, 1);
      return;
    case Special.select:
      extra.database = textOf(args, 1);
      return;
    case Special.setName:
      extra.application = textOf(args, 2);
      return;
    case Special.setInfo:
      if (argumentIs(args, 2, 'lib-name')) extra.library = textOf(args, 3);
      else if (argumentIs(args, 2, 'lib-ver')) extra.libraryVersion = textOf(args, 3);
      return;
    case Special.hello:
      readHello(args, extra);
      return;
  }
}

function readHello(args: Args, extra: Extra): void {
  if (argumentIs(args, 1, '2')) extra.proto = 2;
  else if (argumentIs(args, 1, '3')) extra.proto = 3;
  for (let at = 2; at < args.argc; ) {
    if (argumentIs(args, at, 'auth')) {
      extra.user = textOf(args, at + 1);
      at += 3;
    } else if (argumentIs(args, at, 'setname')) {
      extra.application = textOf(args, at + 1);
      at += 2;
    } else return;
  }
}

/** HELLO's reply, key by key. */
export class Hello {
  #key = '';
  server = '';
  version = '';
  proto = 0;

  clear(): void {
    this.#key = this.server = this.version = '';
    this.proto = 0;
  }

  element(index: number, text: string, value: number): void {
    if (index % 2 === 0) this.#key = text;
    else if (this.#key === 'server') this.server = text;
    else if (this.#key === 'version') this.version = text;
    else if (this.#key === 'proto') this.proto = value;
  }

  /** `7.0.15`, or `valkey 8.0.1`. */
  get serverVersion(): string {
    return this.server === 'redis' || this.server === '' ? this.version : `${this.server} ${this.version}`;
  }
}

/** The server has agreed to AUTH, SELECT, CLIENT SETNAME, CLIENT SETINFO, or to a HELLO whose reply was not read. */
export function confirmClaims(talk: Conversation, special: number, extra: Extra): void {
  const { host } = talk;
  const { registry, own } = talk.bound.stats;
  switch (special) {
    case Special.auth:
      registry.inc(own.logins);
      talk.isAnonymous = false;
      if (host.facts.user !== extra.user) host.confirm({ user: extra.user });
      return;
    case Special.select:
      if (host.facts.database !== extra.database) host.confirm({ database: extra.database });
      return;
    case Special.setName:
      if (host.facts.application !== extra.application) host.confirm({ application: extra.application });
      return;
    case Special.hello:
      agreeHello(talk, extra, extra.proto);
      return;
    case Special.setInfo: {
      talk.library = extra.library || talk.library;
      talk.libraryVersion = extra.libraryVersion || talk.libraryVersion;
      const driver = talk.libraryVersion === '' ? talk.library : `${talk.library}/${talk.libraryVersion}`;
      if (host.facts.driver !== driver) host.confirm({ driver });
      return;
    }
  }
}

/** The server has agreed to HELLO, and has said who it is. */
export function confirmHello(talk: Conversation, extra: Extra | null, hello: Hello): void {
  talk.host.confirm({ serverVersion: hello.serverVersion });
  agreeHello(talk, extra, hello.proto);
}

function agreeHello(talk: Conversation, extra: Extra | null, proto: number): void {
  const { registry, own } = talk.bound.stats;
  if (proto === 3 && talk.resp === 2) registry.inc(own.resp3_sessions);
  if (proto === 2 || proto === 3) talk.resp = proto;
  const isLogin = extra !== null && extra.user !== '';
  // Without a login it is refused to whom the server does not know.
  const user = isLogin ? extra.user : talk.isAnonymous ? DEFAULT_USER : '';
  const application = extra === null ? '' : extra.application;
  if (isLogin) registry.inc(own.logins);
  if (user === '' && application === '') return;
  if (user !== '') talk.isAnonymous = false;
  talk.host.confirm({ ...(user !== '' && { user }), ...(application !== '' && { application }) });
}

/** AUTH or SELECT without a reply: nobody knows any more. */
export function doubtClaims(talk: Conversation, special: number): void {
  if (special === Special.auth || special === Special.hello) {
    talk.isAnonymous = false;
    talk.host.confirm({ user: '' });
  } else if (special === Special.select) talk.host.confirm({ database: '' });
}
