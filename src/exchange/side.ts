/** The two ends of a proxied connection, as array indices: the client's side and the server's (Envoy's words). */
export const Side = { downstream: 0, upstream: 1 } as const;
export type Side = (typeof Side)[keyof typeof Side];

export const otherSide = (side: Side): Side => (side === Side.downstream ? Side.upstream : Side.downstream);
export const sideName = (side: Side): 'downstream' | 'upstream' =>
  side === Side.downstream ? 'downstream' : 'upstream';
