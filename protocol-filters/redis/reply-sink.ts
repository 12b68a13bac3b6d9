import type { PushKind } from './push-kind.ts';
import type { Told } from './told.ts';

/** How much of a reply its reader wants to know. */
export const Watch = {
  /** Its type, its text if it is a line, its first level's size. */
  whole: 0,
  /** Each element of its first level too, with the first bytes of its text. */
  elements: 1,
  /** What begins here is no RESP: reading ends before it. */
  stop: 2,
} as const;
export type Watch = (typeof Watch)[keyof typeof Watch];

/** What is done with replies as they come. Whoever wants no more of them calls stop(). */
export interface ReplySink {
  /** The first byte of a reply is there (behind its attributes). */
  onReplyBegins(type: number): Watch;
  /** Where `tellsSize` is set: what the reply's first line declares: bytes of a string (else -1), or elements of an aggregate (else -1). */
  onReplySize?(bytes: number, count: number): void;
  /** An element of the first level of a watched reply is whole. `bytes`: what it took on the wire. */
  onElement(element: Told, index: number, bytes: number): void;
  /** The reply is whole. `bytes`: all it took on the wire, attributes and elements included. */
  onReply(reply: Told, bytes: number): void;
  /** A push stood within a reply: servers up to 7.0 put them between the elements of EXEC's. No part of the reply. */
  onNestedPush(kind: PushKind, bytes: number): void;
}
