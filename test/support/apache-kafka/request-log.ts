import { readFile } from 'node:fs/promises';

/** One line of Kafka's own request log: what the broker was asked, by whom, and what it answered. */
export interface RequestLogged {
  readonly broker: number;
  /** `PRODUCE`, as the schema's name of the key: `LIST_OFFSETS`. */
  readonly api: string;
  readonly version: number;
  readonly clientId: string;
  readonly correlationId: number;
  /** `127.0.0.1:9092-127.0.0.1:54321-0-1`: the broker's address, the peer's, and a number. */
  readonly connection: string;
  /** `CLIENT`, or `INTERNAL` where another broker asked. */
  readonly listener: string;
  /** `User:ada` */
  readonly principal: string;
  /** `kafkajs/2.2.4`; `unknown/unknown` where it was never said. */
  readonly software: string;
  /** Fields of the request and of the reply, without records. */
  readonly request: unknown;
  readonly response: unknown;
}

/** Those of clients that the log at `file` holds so far. A line that is being written is left for later. */
export async function requestsLogged(file: string, broker: number): Promise<RequestLogged[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      const found = /^Completed request:(\{.*\})$/.exec(line);
      return found === null ? [] : [read(found[1]!, broker)];
    })
    .filter(({ listener }) => listener === 'CLIENT');
}

interface Line {
  readonly requestHeader: {
    readonly requestApiKeyName: string;
    readonly requestApiVersion: number;
    readonly clientId: string | null;
    readonly correlationId: number;
  };
  readonly request: unknown;
  readonly response: unknown;
  readonly connection: string;
  readonly listener: string;
  readonly principal: string;
  readonly clientInformation: { readonly softwareName: string; readonly softwareVersion: string };
}

function read(json: string, broker: number): RequestLogged {
  const { requestHeader: header, clientInformation: client, ...line } = JSON.parse(json) as Line;
  return {
    broker,
    api: header.requestApiKeyName,
    version: header.requestApiVersion,
    clientId: header.clientId ?? '',
    correlationId: header.correlationId,
    connection: line.connection,
    listener: line.listener,
    principal: line.principal,
    software: `${client.softwareName}/${client.softwareVersion}`,
    request: line.request,
    response: line.response,
  };
}
