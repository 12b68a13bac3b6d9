import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Path of a sibling module that is a process of its own: `.ts` in the checkout, `.js` in the package. */
export const entry = (name: string): string =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url));
