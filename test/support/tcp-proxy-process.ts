// A process of its own with a data plane before one upstream port: `node tcp-proxy-process.ts PORT`. Prints its own port.
// It ends with its stdin. `{"active":n,"overflow":n}` for each line that it reads.
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/net/clock.ts';
import { SocketNetwork } from '../../src/net/socket-network.ts';
import { clusterConfig, listenerConfig, planeOn, snapshotOf } from './plane-parts.ts';

const upstream = Number(process.argv[2]);
const { plane, stats } = planeOn(new SocketNetwork(), systemClock);
await plane.apply({
  ...snapshotOf({ maxConnections: 10_000 }),
  clusters: [clusterConfig({ endpoints: [{ address: { kind: 'ip', host: '127.0.0.1', port: upstream }, weight: 1 }] })],
  listeners: [listenerConfig({ listener: { address: { kind: 'ip', host: '127.0.0.1', port: 0 } } })],
});
console.log(/\d+$/.exec(plane.listeners()[0]!.address)![0]);
const input = createInterface({ input: process.stdin });
input.on('line', () => {
  const overflow = stats.value('listener.front.downstream_cx_overflow');
  const failed = stats.value('cluster.db.upstream_cx_connect_fail');
  console.log(JSON.stringify({ active: plane.active, overflow, failed }));
});
input.on('close', () => process.exit(0));
