/** A field's value: int64 is a bigint, uuid 32 hex digits, bytes and records a Buffer. */
export type Value = null | boolean | number | bigint | string | Buffer | Value[] | Message;
/** Values by the schema's names in lowerCamel. */
export interface Message {
  [name: string]: Value | undefined;
}
/** Under it stand the tagged fields that the tables do not know: `{ tag: number, data: Buffer }[]`. */
export const UNKNOWN_TAGS = 'unknownTags';
