/** What a protocol knows beside the columns, by OpenTelemetry's names or `sluice.…`. */
export type ExchangeAttributes = readonly (readonly [key: string, value: string | number])[];

/** UTF-16 units of Exchange.attributes. A longer text is left out, not cut: half an object says nothing. */
export const MAX_ATTRIBUTES_TEXT = 1024;
const MAX_ATTRIBUTES = 32;
const MAX_KEY = 128;
const MAX_VALUE = 256;
/** An attribute's name, as OpenTelemetry writes them: nothing else becomes a key in a sink. */
const KEY = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;
const NONE: ExchangeAttributes = [];

/**
 * The attributes of a text that may be anything: strings and finite numbers under keys that are names. What is neither is
 * left out, and a text that is no JSON object has none.
 */
export function attributesOf(text: string): ExchangeAttributes {
  if (text === '' || text.length > MAX_ATTRIBUTES_TEXT) return NONE;
  const attributes: (readonly [string, string | number])[] = [];
  for (const [key, value] of Object.entries(objectOf(text))) {
    if (attributes.length === MAX_ATTRIBUTES) break;
    if (key.length > MAX_KEY || !KEY.test(key)) continue;
    // As UTF-8 has it: JSON can say half a surrogate pair, and so can the cut.
    if (typeof value === 'string') attributes.push([key, Buffer.from(value.slice(0, MAX_VALUE)).toString()]);
    else if (typeof value === 'number' && Number.isFinite(value)) attributes.push([key, value]);
  }
  return attributes;
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
