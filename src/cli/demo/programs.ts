import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** Path of a program in PATH or where administrators' programs are; null if there is none. */
export function programPath(name: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).concat('/usr/sbin', '/usr/local/sbin', '/sbin');
  for (const folder of folders) {
    if (folder === '') continue;
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // the next one
    }
  }
  return null;
}
