import { BsonCursor } from './bson/bson-cursor.ts';
import { Bson } from './bson/bson-type.ts';
import { isName, isTrue } from './bson/bson-values.ts';
import type { Conversation } from './conversation.ts';
import type { Elements } from './elements.ts';
import { leadsPast, versionOf } from './hello-reply.ts';
import { placeOf, textIn, textOf } from './identity.ts';
import type { Request } from './in-flight.ts';
import { Mechanism, NO_MECHANISM } from './mechanisms.ts';
import type { Message } from './message.ts';
import { isSet } from './query-stats.ts';
import type { Reply } from './reply.ts';
import { Special } from './special.ts';

const walk = new BsonCursor();

/** The server has answered hello: it knows who the client is, and has said who it is itself. */
export function afterHello(talk: Conversation, request: Request, { body }: Message, reply: Reply): void {
  if (reply.failed) return;
  const { host, bound } = talk;
  const { facts } = host;
  const { extra } = request;
  const application = extra?.application ?? facts.application;
  const driver = extra?.driver ?? facts.driver;
  // What buildInfo has said is more exact.
  const serverVersion = facts.serverVersion === '' ? versionOf(body) : facts.serverVersion;
  if (application !== facts.application || driver !== facts.driver || serverVersion !== facts.serverVersion)
    host.confirm({ application, driver, serverVersion });
  if (request.waits || talk.hellos > 1) talk.becomesMonitor();
  if (!talk.isCompressed) countCompressor(talk, body);
  if (extra !== null && extra.mechanism !== NO_MECHANISM) afterSpeculation(talk, request, body);
  if (extra !== null) extra.application = extra.driver = null; // what follows unasked repeats nothing
  if (bound.options.rewrite_hello === undefined && leadsPast(body, bound.ownAddresses(facts.localAddress)))
    bound.bypassHint();
}

/** Of the compressors that both have, drivers take the first. */
function countCompressor(talk: Conversation, body: Elements): void {
  const place = placeOf(body, 'compression');
  if (place < 0 || body.type[place] !== Bson.array || !body.isHeld(place)) return;
  walk.over(body.buf, body.valueStart[place]!, body.valueEnd[place]!);
  if (!walk.next()) return;
  talk.isCompressed = true;
  talk.bound.stats.agreed(textIn(walk.buf, walk.type, walk.valueStart, walk.valueEnd));
}

/** hello with speculativeAuthenticate: where the server goes along, its part of the login stands in the reply. */
function afterSpeculation(talk: Conversation, request: Request, body: Elements): void {
  const extra = request.extra!;
  const place = placeOf(body, 'speculativeAuthenticate');
  if (place >= 0 && body.type[place] === Bson.document && body.isHeld(place)) {
    talk.login.begin(extra);
    let [isDone, user] = [extra.mechanism === Mechanism['MONGODB-X509'], ''];
    walk.over(body.buf, body.valueStart[place]!, body.valueEnd[place]!);
    while (walk.next()) {
      const { buf, nameStart, nameEnd } = walk;
      if (isName(buf, nameStart, nameEnd, 'done')) isDone = isTrue(walk.type, buf, walk.valueStart);
      else if (isName(buf, nameStart, nameEnd, 'user')) user = textIn(buf, walk.type, walk.valueStart, walk.valueEnd);
    }
    if (isDone) succeed(talk, user);
  }
  extra.mechanism = NO_MECHANISM; // refused or not, it is over with this reply
}

/** saslStart, saslContinue, authenticate: true with `done: true`, or at once. */
export function afterLogin(talk: Conversation, request: Request, { body }: Message, reply: Reply): void {
  const { login, bound } = talk;
  if (request.special !== Special.saslContinue && request.extra !== null) login.begin(request.extra);
  if (reply.failed) {
    bound.stats.login(login.mechanism === NO_MECHANISM ? Mechanism.other : login.mechanism, false);
    login.end();
  } else if (request.special === Special.authenticate) succeed(talk, textOf(body, 'user'));
  else if (isSet(body, placeOf(body, 'done'))) succeed(talk, '');
}

/** `user`: as the server says it, '' where it does not. */
function succeed({ login, bound, host, gate }: Conversation, user: string): void {
  if (gate !== null) gate.loggedIn = true;
  const name = user === '' ? login.user : user;
  bound.stats.login(login.mechanism === NO_MECHANISM ? Mechanism.other : login.mechanism, true);
  login.end();
  if (name !== host.facts.user) host.confirm({ user: name });
}

/**
 * logout is of one database, and the server may know the user by another: while policies are enforced it does not make one
 * nobody, whom no policy names.
 */
export function afterLogout({ login, host, gate }: Conversation): void {
  login.end();
  if (gate?.enforces === true) return;
  if (host.facts.user !== '') host.confirm({ user: '' });
}
