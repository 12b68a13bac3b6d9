/**
 * A CEL expression as Envoy's files hold it (google.api.expr.v1alpha1.Expr), as plain data: checked, without positions,
 * and without comprehensions, which Envoy does not run either. A call's target is its first argument.
 */
export type CelExpr =
  | { readonly is: 'const'; readonly type: CelConstType; readonly text: string }
  | { readonly is: 'name'; readonly name: string }
  /** `of.field`; `test`: has(of.field). */
  | { readonly is: 'select'; readonly of: CelExpr; readonly field: string; readonly test: boolean }
  | { readonly is: 'call'; readonly name: string; readonly args: readonly CelExpr[] }
  | { readonly is: 'list'; readonly of: readonly CelExpr[] }
  | { readonly is: 'map'; readonly of: readonly (readonly [CelExpr, CelExpr])[] };

/** `text` as proto JSON has it: digits, base64, an RFC 3339 time, seconds with an s. */
export type CelConstType = 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'duration' | 'timestamp';

const partsOf = (expr: CelExpr): readonly CelExpr[] => {
  switch (expr.is) {
    case 'select':
      return [expr.of];
    case 'call':
      return expr.args;
    case 'list':
      return expr.of;
    case 'map':
      return expr.of.flat();
    default:
      return [];
  }
};

/** Names of variables in it. */
export function celNames(expr: CelExpr, into = new Set<string>()): ReadonlySet<string> {
  if (expr.is === 'name') into.add(expr.name);
  for (const part of partsOf(expr)) celNames(part, into);
  return into;
}

/** Fields and text constants in it. */
export function celTexts(expr: CelExpr, into = new Set<string>()): ReadonlySet<string> {
  if (expr.is === 'select') into.add(expr.field);
  if (expr.is === 'const' && expr.type === 'string') into.add(expr.text);
  for (const part of partsOf(expr)) celTexts(part, into);
  return into;
}
