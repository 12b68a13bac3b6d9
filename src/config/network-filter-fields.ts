import * as z from 'zod';
import { message } from './field-types.ts';

/** Envoy's RuntimeFeatureFlag. Runtime keys are accepted and never set: the default is the value. */
export const runtimeFlag = () =>
  message({ default_value: z.boolean().default(true), runtime_key: z.string().min(1).max(256) }).transform(
    (flag) => flag.default_value,
  );
