import { isUtf8 } from 'node:buffer';

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Why a path is none that servers take (PathUtils.validatePath), '' = it is one. Nobody brings paths into another form, so one
 * node has one path; what a server would refuse is not judged by its bytes (threats ZK-04). `grows`: the server writes a
 * number behind it (sequential nodes), and it may end with a slash.
 */
export function pathFault(buf: Buffer, start: number, end: number, grows: boolean): string {
  if (end <= start || buf[start] !== SLASH) return 'the path does not begin with /';
  if (end - start > 1 && buf[end - 1] === SLASH && !grows) return 'the path ends with /';
  let part = start + 1;
  for (let at = start + 1; at <= end; at++) {
    const byte = at < end ? buf[at]! : SLASH;
    if (byte !== SLASH) {
      if (byte < 0x1f) return 'the path holds a control character';
      continue;
    }
    const length = at - part;
    if (length === 0 && at < end) return 'the path has an empty part';
    const isDots = (length === 1 || length === 2) && buf[part] === DOT && buf[at - 1] === DOT;
    if (isDots && !(grows && at === end)) return 'the path has a part . or ..';
    part = at + 1;
  }
  if (!isUtf8(buf.subarray(start, end))) return 'the path is not valid UTF-8';
  return isOdd(buf.toString('utf8', start, end)) ? 'the path holds a character that is none of a path' : '';
}

/** C1 controls, surrogates (all that lies above U+FFFF), private use, and what is no character: the bounds are ZooKeeper's. */
const isOdd = (path: string): boolean => /[\u0080-\u009e\ud801-\uf8fe\ufff1-\ufffe]/.test(path);
