import { Facts } from './link.fixture.ts';

// A facts process, until it is killed.
await new Facts().receiver.listen(process.argv[2]!);
process.stdout.write('listening\n');
