/** A node of libpg-query's tree: plain JSON, made by the parser, read only. */
export type Node = Readonly<Record<string, unknown>>;

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The inner node of `{ Type: {…} }` if it is of that type. */
export const inner = (value: unknown, type: string): Node | null => {
  const node = isNode(value) ? value[type] : null;
  return isNode(node) ? node : null;
};

/** A possibly qualified name: the strings of a list of String nodes, of a List node, or of one String node. */
export const nameParts = (value: unknown): string[] => {
  const list = inner(value, 'List');
  const items = list ? listOf(list['items']) : Array.isArray(value) ? value : [value];
  const parts: string[] = [];
  for (const item of items) {
    const string = inner(item, 'String');
    if (string) parts.push(textOf(string['sval']));
  }
  return parts;
};
