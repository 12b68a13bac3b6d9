import { Worker } from './link.fixture.ts';
import { dialSocket } from './socket-channel.ts';

// A worker process: records without end, a little on each turn of the loop, until it is killed.
const worker = new Worker(dialSocket(process.argv[2]!), { incarnation: Number(process.argv[3]) });
setInterval(() => worker.record(37), 1);
