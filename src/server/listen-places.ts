import type { ListenerConfig } from '../config/snapshot.ts';
import { addressOf } from '../net/address.ts';
import type { OpenDoor } from '../net/door-book.ts';
import type { DoorConfig } from '../net/listener-doors.ts';
import { doorPlaces } from './door-places.ts';

/** Where a listener is listened for. */
export const placesOf = ({ address, additionalAddresses, tcpBacklogSize }: ListenerConfig): DoorConfig[] =>
  [address, ...additionalAddresses].map((one) => ({
    address: addressOf(one),
    options: {
      ...(tcpBacklogSize === null ? {} : { backlog: tcpBacklogSize }),
      ...(one.kind === 'pipe' && one.mode !== undefined ? { pipeMode: one.mode } : {}),
    },
    upstream: null,
  }));

/** And where for one of its doors. */
export const placesOfDoor = (config: ListenerConfig, { upstream, port }: OpenDoor): DoorConfig[] =>
  doorPlaces(config, port).map((one) => ({
    address: addressOf(one),
    options: config.tcpBacklogSize === null ? {} : { backlog: config.tcpBacklogSize },
    upstream,
  }));
