import { createHash } from 'node:crypto';
import type { RbacConfig } from './rbac/rbac-config.ts';

const DIGITS = 12;

/**
 * A name of what policies say: 12 hex digits of the SHA-256 of their checked configuration, whatever the order of its keys. The
 * same in every worker, after every restart, and wherever the same is configured. For plain data; undefined is as if not there.
 */
export const snapshotName = (config: unknown): string =>
  createHash('sha256').update(JSON.stringify(config, sortedKeys)).digest('hex').slice(0, DIGITS);

/** Of an RBAC filter: its rules, and nothing of how they are counted or applied. */
export const rulesSnapshotName = ({ enforced, shadow }: RbacConfig): string => snapshotName({ enforced, shadow });

function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
