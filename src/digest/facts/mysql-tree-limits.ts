import { isVariant, variantOf } from './mysql-tree-nodes.ts';
import { isNode, type Node } from './sql-tree.ts';

/** Nodes of a condition looked at. */
const NODES = 10_000;

/** Does it change or read only what meets a condition? One that names no column (`where 1 = 1`) is none. */
export function hasCondition(statement: unknown): boolean {
  const [kind, node] = variantOf(statement);
  if (!isNode(node)) return false;
  switch (kind) {
    case 'Update':
    case 'Delete':
      return namesColumn(node['selection']);
    case 'Explain':
      return hasCondition(node['statement']);
    case 'Query':
      return bodyHasCondition(node['body']);
    default:
      return false;
  }
}

function bodyHasCondition(body: unknown): boolean {
  const stack = [body];
  while (stack.length > 0) {
    const [kind, node] = variantOf(stack.pop());
    if (!isNode(node)) return false;
    if (kind === 'SetOperation') stack.push(node['left'], node['right']);
    else if (kind === 'Query') stack.push(node['body']);
    else if (kind !== 'Select' || !namesColumn(node['selection'])) return false;
  }
  return true;
}

function namesColumn(condition: unknown): boolean {
  const stack = [condition];
  for (let looked = 0; stack.length > 0 && looked < NODES; looked++) {
    const value = stack.pop();
    if (Array.isArray(value)) stack.push(...value);
    else if (isNode(value))
      for (const key in value) {
        if (key === 'Identifier' || key === 'CompoundIdentifier') return true;
        if (key !== 'span') stack.push(value[key]);
      }
  }
  return stack.length > 0;
}

/** Where in `text`, in bytes, the number stands that is the statement's row limit; -1 = none is, or it is no number. */
export function limitSpan(statement: unknown, text: string): number {
  const [, node] = variantOf(statement);
  if (!isNode(node)) return -1;
  const limit = limitOf(node);
  const value = isNode(limit) ? limit['Value'] : null;
  const inner = isNode(value) ? value['value'] : null;
  if (!isNode(value) || !isNode(inner) || inner['Number'] === undefined) return -1;
  const start = isNode(value['span']) ? value['span']['start'] : null;
  if (!isNode(start) || start['line'] !== 1 || typeof start['column'] !== 'number') return -1;
  return offsetOf(text, start['column'] - 1);
}

function limitOf(node: Node): unknown {
  if (isNode(node['limit'])) return node['limit'];
  const clause = node['limit_clause'];
  if (!isNode(clause)) return null;
  for (const key in clause) {
    const inner = clause[key];
    if (isVariant(key) && isNode(inner)) return inner['limit'];
  }
  return null;
}

/** Bytes before the character with this number. */
function offsetOf(text: string, characters: number): number {
  let bytes = 0;
  let left = characters;
  for (const character of text) {
    if (left-- <= 0) break;
    bytes += Buffer.byteLength(character);
  }
  return bytes;
}
