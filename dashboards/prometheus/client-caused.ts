/**
 * Values of `error_type` that say something about the client, not about the service: they are no failures in the
 * availability SLI. Each is a part of one fully anchored RE2 expression. What stands nowhere here counts against the
 * service: connection and resource classes (08, 53, 57P), deadlocks and serialization failures (40), internal errors (XX),
 * statement timeouts of MySQL (3024, 1969), Redis' OOM, LOADING, READONLY, CLUSTERDOWN and their like, MongoDB's WriteConflict
 * (112), MaxTimeMSExpired (50), CursorNotFound (43), NotWritablePrimary (10107), interruptions and time-outs, ZooKeeper's
 * CONNECTIONLOSS, SESSIONEXPIRED, NOTREADONLY, Kafka's NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, REQUEST_TIMED_OUT. Codes of all systems meet here: MongoDB's of five digits that look like one
 * of the SQLSTATEs below are refusals of a field or a stage, and so the client's as well.
 */
export const CLIENT_CAUSED: readonly (readonly [pattern: string, why: string])[] = [
  ['denied', 'a policy refused it'],
  ['cancelled|57014', 'the client took it back (in Postgres also statement_timeout, which has the same code)'],

  // SQLSTATE, five characters. 25006 stays a failure: writing to a server that became read-only is what clients see of a
  // failover.
  ['0A...', 'feature not supported'],
  ['22...', 'data exception: division by zero, bad text for a type'],
  ['23...', 'a constraint held: 23505 and its like'],
  ['25(?:00[0-57-9]|P0.)', 'wrong state of the transaction'],
  ['26...|34...', 'no such prepared statement, no such cursor'],
  ['28...', 'authorization: wrong user or password'],
  ['3[DF]...', 'no such database, no such schema'],
  ['42...', 'syntax error, no such table, no privilege'],
  ['44...', 'a view’s check option held'],
  ['P000[1-4]', 'raised by the application’s own functions'],

  // MySQL and MariaDB, four digits.
  ['10(?:22|4[4-9]|5[0-5]|6[0-69])', 'access denied, no such database or column, duplicate key (1062), syntax (1064)'],
  ['1091|1109|1110|1136|1138|114[2367]|1149', 'no such table, no privilege, wrong number of columns'],
  ['1169|1216|1217|145[12]|1557|1586', 'a constraint held'],
  ['1227|1235|1241|1242|126[45]|1292|1305|131[78]', 'wrong values and arguments; 1317: the client took it back'],
  ['136[456]|1370|1406|1411|1644|1690|1698', 'wrong values; SIGNAL of the application; access denied'],
  ['3819|4025', 'a CHECK constraint held'],

  // Redis and Valkey: the first word of the error. A plain ERR is nearly always a mistake in the command.
  ['ERR|WRONGTYPE|EXECABORT|NOSCRIPT|CROSSSLOT', 'a mistake in the command'],
  ['BUSYGROUP|NOGROUP|BUSYKEY|INDEXBUSY', 'there is one, or there is none'],
  ['NOAUTH|WRONGPASS|NOPERM|DENIED', 'not allowed'],

  // MongoDB: numbers, as its error_codes.yml has them.
  [
    '2|9|14|16|2[0678]|31|40|4[78]|5[2-79]',
    'bad values and types, illegal operations, no such namespace or index; 59: no such command',
  ],
  ['13|18|334', 'not authorized, wrong user or password, no such mechanism'],
  [
    '6[678]|7[23]|8[56]|115|121|16[68]|197|211|224|263|323',
    'immutable fields, options, indexes, a validator, a thing that is not supported',
  ],
  ['225|251|256', 'a transaction that is over'],
  ['10334|11000|17280|17419|17420', 'a duplicate key (11000), a document or a key that is too large'],
  ['4032[0-9]|4041[45]|40573|5102[0-9]', 'a stage, an operator, a field that is not there'],

  // ZooKeeper: names.
  ['NONODE|NODEEXISTS|BADVERSION|NOTEMPTY|NOCHILDRENFOREPHEMERALS|NOWATCHER', 'what the tree says'],
  [
    'BADARGUMENTS|INVALIDACL|AUTHFAILED|EPHEMERALONLOCALSESSION|RECONFIGDISABLED|QUOTAEXCEEDED',
    'a mistake, or not allowed',
  ],

  // Kafka: names. What belongs to the life of a group or a transaction is a client's next step and no failure; leaders and
  // coordinators that are elsewhere are what clients see of a failover, and stay failures.
  ['[A-Z_]+_AUTHORIZATION_FAILED|SASL_AUTHENTICATION_FAILED', 'not allowed, wrong user or password'],
  [
    'UNSUPPORTED_[A-Z_]+|ILLEGAL_SASL_STATE|SECURITY_DISABLED|POLICY_VIOLATION',
    'a thing that is not supported or allowed',
  ],
  [
    'UNKNOWN_TOPIC_(?:OR_PARTITION|ID)|TOPIC_ALREADY_EXISTS|GROUP_ID_NOT_FOUND|RESOURCE_NOT_FOUND|OFFSET_OUT_OF_RANGE',
    'no such topic, group or offset; there is one',
  ],
  [
    'INVALID_(?:TOPIC_EXCEPTION|REQUIRED_ACKS|GROUP_ID|SESSION_TIMEOUT|COMMIT_OFFSET_SIZE|TIMESTAMP|PARTITIONS|REPLICATION_FACTOR|REPLICA_ASSIGNMENT|CONFIG|REQUEST|RECORD|PRINCIPAL_TYPE|REGULAR_EXPRESSION)',
    'wrong values',
  ],
  ['MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE|OFFSET_METADATA_TOO_LARGE', 'more than the topic takes'],
  [
    'REBALANCE_IN_PROGRESS|ILLEGAL_GENERATION|UNKNOWN_MEMBER_ID|MEMBER_ID_REQUIRED|FENCED_(?:INSTANCE_ID|MEMBER_EPOCH)|STALE_MEMBER_EPOCH|UNRELEASED_INSTANCE_ID|NON_EMPTY_GROUP|GROUP_SUBSCRIBED_TO_TOPIC|INCONSISTENT_GROUP_PROTOCOL',
    'the life of a consumer group',
  ],
  [
    'FETCH_SESSION_ID_NOT_FOUND|INVALID_FETCH_SESSION_EPOCH|CONCURRENT_TRANSACTIONS|PRODUCER_FENCED|INVALID_PRODUCER_EPOCH|INVALID_TXN_STATE|DUPLICATE_SEQUENCE_NUMBER',
    'sessions and producers that were replaced, a retry of what is there',
  ],
];

/** The whole expression, for `error_type!~"…"`. Holds neither quotes nor backslashes. */
export const clientCaused = (): string => CLIENT_CAUSED.map(([pattern]) => pattern).join('|');
