import * as z from 'zod';
import type { CelConstType, CelExpr } from '../policy/rbac/cel/cel-expr.ts';
import { message } from './field-types.ts';
import { exactlyOne, given } from './rbac-values-schema.ts';

/**
 * A CEL expression as Envoy's files hold it: google.api.expr.v1alpha1.Expr in proto JSON. Whole numbers of 64 bits may
 * stand as text, and must where they are beyond 2^53.
 */

const digits = (signed: boolean) =>
  z
    .union([z.int().transform(String), z.string().regex(signed ? /^-?\d{1,19}$/ : /^\d{1,20}$/)])
    .superRefine((text, context) => {
      const fits = signed
        ? BigInt.asIntN(64, BigInt(text)) === BigInt(text)
        : BigInt.asUintN(64, BigInt(text)) === BigInt(text);
      if (!fits) context.addIssue({ code: 'custom', message: 'does not fit in 64 bits', input: text });
    });

const seconds = z.string().regex(/^-?\d{1,12}(\.\d{1,9})?s$/);
const rfc3339 = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/);

const CONSTANTS: Readonly<Record<string, CelConstType>> = {
  null_value: 'null',
  bool_value: 'bool',
  int64_value: 'int',
  uint64_value: 'uint',
  double_value: 'double',
  string_value: 'string',
  bytes_value: 'bytes',
  duration_value: 'duration',
  timestamp_value: 'timestamp',
};

const constant = message({
  null_value: z.union([z.null(), z.literal('NULL_VALUE'), z.literal(0)]).optional(),
  bool_value: z.boolean().optional(),
  int64_value: digits(true).optional(),
  uint64_value: digits(false).optional(),
  double_value: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]).optional(),
  string_value: z.string().max(65_536).optional(),
  bytes_value: z.base64().max(65_536).optional(),
  duration_value: seconds.optional(),
  timestamp_value: rfc3339.optional(),
})
  .refine((one) => given(one).length === 1, exactlyOne(Object.keys(CONSTANTS)))
  .transform((one): CelExpr => {
    const [name = ''] = given(one);
    return { is: 'const', type: CONSTANTS[name]!, text: String((one as Record<string, unknown>)[name]) };
  });

const KINDS = ['const_expr', 'ident_expr', 'select_expr', 'call_expr', 'list_expr', 'struct_expr'] as const;
const identifier = () => z.string().min(1).max(256);

/** `id` is a number for error messages. */
const id = z.union([z.int(), z.string().regex(/^-?\d{1,19}$/)]).optional();

const mapEntry = z.lazy(() => message({ id, map_key: celExpr, value: celExpr }, 'field_key optional_entry'));

export const celExpr: z.ZodType<CelExpr> = z.lazy(() =>
  message(
    {
      id,
      const_expr: constant.optional(),
      ident_expr: message({ name: identifier() }).optional(),
      select_expr: message({ operand: celExpr, field: identifier(), test_only: z.boolean().default(false) }).optional(),
      call_expr: message({
        target: celExpr.optional(),
        function: identifier(),
        args: z.array(celExpr).max(32).default([]),
      }).optional(),
      list_expr: message({ elements: z.array(celExpr).max(1024).default([]) }, 'optional_indices').optional(),
      struct_expr: message({ entries: z.array(mapEntry).max(1024).default([]) }, 'message_name').optional(),
      comprehension_expr: z
        .never({ error: 'is a loop (all, exists, map, filter), which conditions may not have; Envoy runs none either' })
        .optional(),
    },
    '',
  )
    .refine(({ id: _, ...one }) => given(one).length === 1, exactlyOne(KINDS))
    .transform((one): CelExpr => {
      if (one.const_expr) return one.const_expr;
      if (one.ident_expr) return { is: 'name', name: one.ident_expr.name };
      if (one.select_expr)
        return {
          is: 'select',
          of: one.select_expr.operand,
          field: one.select_expr.field,
          test: one.select_expr.test_only,
        };
      if (one.list_expr) return { is: 'list', of: one.list_expr.elements };
      if (one.struct_expr)
        return { is: 'map', of: one.struct_expr.entries.map(({ map_key, value }) => [map_key, value] as const) };
      const { target, function: name, args } = one.call_expr!;
      return { is: 'call', name, args: target === undefined ? args : [target, ...args] };
    }),
);
