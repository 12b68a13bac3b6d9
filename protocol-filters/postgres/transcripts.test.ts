import { testRecordedSessions } from '../../test/support/recorded-sessions.ts';
import { postgres } from './index.ts';

// No session of a transcript has issued the key that is cancelled in another: a gate lets only those pass that it knows.
testRecordedSessions(postgres, 16, (name, script) => (name === 'pg-cancel' ? null : script));
