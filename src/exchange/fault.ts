/**
 * What a peer can do to the decoder. A value, never an exception: it is the return value, the metric label and the log
 * field at once. In the tap gear a fault turns the session opaque (bytes flow on, nothing more is claimed); in the
 * gate gear it closes the connection.
 */
export const FAULTS = [
  'truncated', // a field ran past its frame
  'oversized', // a length above the ceiling
  'undersized', // a length below the floor
  'unknown_type', // a message type the protocol does not have
  'out_of_order', // a legal message in a state that does not allow it
  'foreign_protocol', // the first bytes belong to another protocol
  'unsupported_version', // a protocol version we do not decode
  'encrypted', // the peers agreed on TLS or GSS: unreadable by their own will
  'ambiguous', // two readings of the same bytes
  'unexpected_reply', // a reply that nobody waits for
  'too_many_in_flight', // the ring of open turns is at its cap
  'internal', // our own bug: the boundary of the connection caught it
] as const;
export type Fault = (typeof FAULTS)[number];
