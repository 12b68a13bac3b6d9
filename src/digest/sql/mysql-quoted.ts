const PLAIN = /^[a-zA-Z_\u0080-\uffff][\w$\u0080-\uffff]*$/;

/** A word or backticked name of a canonical text, without its quotes: the case is kept. */
export const mysqlNameOf = (token: string): string => {
  if (!token.startsWith('`')) return token;
  const end = token.length > 1 && token.endsWith('`') ? token.length - 1 : token.length;
  return token.slice(1, end).replaceAll('``', '`');
};

/** A name as one would write it: in backticks where it needs them. */
export const writeMysqlName = (name: string): string => (PLAIN.test(name) ? name : `\`${name.replaceAll('`', '``')}\``);

export const writeMysqlTarget = (schema: string, name: string): string => {
  if (schema === '') return writeMysqlName(name);
  return name === '' ? writeMysqlName(schema) : `${writeMysqlName(schema)}.${writeMysqlName(name)}`;
};
