import type { DirectResponseConfig } from '../config/direct-response-schema.ts';
import { type FilterBuilder, FilterStatus } from '../net/filter.ts';

/** Envoy's direct_response: says its bytes to whoever comes, and closes. */
export function directResponse({ response }: DirectResponseConfig): FilterBuilder {
  const bytes = Buffer.from(response, 'base64');
  return ({ connection, injectWrite }) => ({
    name: 'envoy.filters.network.direct_response',
    onNewConnection() {
      if (bytes.length > 0) injectWrite(bytes, 0, bytes.length, false, false);
      connection.close('flush', 'direct_response');
      return FilterStatus.StopIteration;
    },
  });
}
