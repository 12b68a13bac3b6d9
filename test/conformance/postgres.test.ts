import { postgres } from '../../protocol-filters/postgres/index.ts';
import { testProtocol } from './protocol-suite.ts';

// A gate lets only cancellation keys pass that it has seen issued.
testProtocol(postgres, (name, script) => (name === 'pg-cancel' ? null : script));
