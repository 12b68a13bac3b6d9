import type { OperationFacts } from '../exchange/operation-facts.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import type { RbacResult } from '../policy/rbac/engine.ts';

/** Operations that a connection asks for again and again; more of them are judged anew each time. */
const PLACES = 32;

/**
 * What an engine has said of operations of one connection: facts are known by identity, as protocol filters keep them with
 * the digest. Only for engines whose word depends on nothing but these, the session's facts and the connection's metadata.
 */
export class RbacMemory {
  readonly #facts: (OperationFacts | null)[] = [];
  readonly #kinds: string[] = [];
  readonly #results: RbacResult[] = [];
  #next = 0;
  #version = -1;
  #spaces = -1;
  #user = '';
  #database = '';
  #application = '';

  /** Forgets everything where the rules, the session's facts or the number of metadata's namespaces are others. */
  under(version: number, { user, database, application }: SessionFacts, spaces: number): void {
    const same =
      version === this.#version &&
      spaces === this.#spaces &&
      user === this.#user &&
      database === this.#database &&
      application === this.#application;
    if (same) return;
    this.#version = version;
    this.#spaces = spaces;
    this.#user = user;
    this.#database = database;
    this.#application = application;
    this.#facts.fill(null);
  }

  find(facts: OperationFacts, kind: string): RbacResult | null {
    const at = this.#facts.indexOf(facts);
    return at >= 0 && this.#kinds[at] === kind ? this.#results[at]! : null;
  }

  keep(facts: OperationFacts, kind: string, result: RbacResult): void {
    const known = this.#facts.indexOf(facts);
    const at = known >= 0 ? known : this.#next++ % PLACES;
    this.#facts[at] = facts;
    this.#kinds[at] = kind;
    this.#results[at] = result;
  }
}
