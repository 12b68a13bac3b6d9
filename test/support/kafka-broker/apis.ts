import { type Api, api } from './call.ts';
import { commitsApis } from './commits-api.ts';
import { configsApis } from './configs-api.ts';
import { fetchApis } from './fetch-api.ts';
import { groupsApis } from './groups-api.ts';
import { metadataApis } from './metadata-api.ts';
import { offsetsApis } from './offsets-api.ts';
import { produceApis } from './produce-api.ts';
import { saslApis } from './sasl.ts';
import { schemaOf } from './schema.ts';
import { topicsApis } from './topics-api.ts';
import { transactionsApis } from './transactions-api.ts';

interface VersionsRequest {
  readonly clientSoftwareName: string;
  readonly clientSoftwareVersion: string;
}

const versionsApis = {
  ApiVersions: api<VersionsRequest>([0, 4], ({ clientSoftwareName, clientSoftwareVersion }, { broker, connection }) => {
    connection.entry.software ||= `${clientSoftwareName} ${clientSoftwareVersion}`.trim();
    const apiKeys = [...APIS].map(([name, { versions }]) => {
      const [minVersion, maxVersion] = broker.versionsOf(name, versions);
      return { apiKey: schemaOf('request', name).key, minVersion, maxVersion };
    });
    return { apiKeys: apiKeys.toSorted((a, b) => a.apiKey - b.apiKey) };
  }),
};

/** All that the brokers answer, by name. */
export const APIS: ReadonlyMap<string, Api> = new Map(
  Object.entries({
    ...versionsApis,
    ...saslApis,
    ...metadataApis,
    ...produceApis,
    ...fetchApis,
    ...offsetsApis,
    ...groupsApis,
    ...commitsApis,
    ...transactionsApis,
    ...topicsApis,
    ...configsApis,
  }),
);
