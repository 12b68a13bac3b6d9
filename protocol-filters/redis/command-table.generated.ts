/** What `COMMAND` of Redis 7.0.15 tells, to be read by rowsOf(). Written by scripts/generate-redis-commands.ts. */
export const REDIS_COMMANDS = `
acl | 6.0.0 | -2 |  | slow |
  cat | 6.0.0 | -2 | noscript loading stale | slow |
  deluser | 6.0.0 | -3 | admin noscript loading stale | admin slow dangerous |
  dryrun | 7.0.0 | -4 | admin noscript loading stale | admin slow dangerous |
  genpass | 6.0.0 | -2 | noscript loading stale | slow |
  getuser | 6.0.0 | 3 | admin noscript loading stale | admin slow dangerous |
  help | 6.0.0 | 2 | loading stale | slow |
  list | 6.0.0 | 2 | admin noscript loading stale | admin slow dangerous |
  load | 6.0.0 | 2 | admin noscript loading stale | admin slow dangerous |
  log | 6.0.0 | -2 | admin noscript loading stale | admin slow dangerous |
  save | 6.0.0 | 2 | admin noscript loading stale | admin slow dangerous |
  setuser | 6.0.0 | -3 | admin noscript loading stale | admin slow dangerous |
  users | 6.0.0 | 2 | admin noscript loading stale | admin slow dangerous |
  whoami | 6.0.0 | 2 | noscript loading stale | slow |
append | 2.0.0 | 3 | write denyoom fast | write string fast | RW insert at 1 range 0 1 0
asking | 3.0.0 | 1 | fast | fast connection |
auth | 1.0.0 | -2 | noscript loading stale fast no_auth allow_busy | fast connection |
bgrewriteaof | 1.0.0 | 1 | admin noscript no_async_loading | admin slow dangerous |
bgsave | 1.0.0 | -1 | admin noscript no_async_loading | admin slow dangerous |
bitcount | 2.6.0 | -2 | readonly | read bitmap slow | RO access at 1 range 0 1 0
bitfield | 3.2.0 | -2 | write denyoom | write bitmap slow | RW access update variable_flags at 1 range 0 1 0
bitfield_ro | 6.0.0 | -2 | readonly fast | read bitmap fast | RO access at 1 range 0 1 0
bitop | 2.6.0 | -4 | write denyoom | write bitmap slow | OW update at 2 range 0 1 0; RO access at 3 range -1 1 0
bitpos | 2.8.7 | -3 | readonly | read bitmap slow | RO access at 1 range 0 1 0
blmove | 6.2.0 | 6 | write denyoom noscript blocking | write list slow blocking | RW access delete at 1 range 0 1 0; RW insert at 2 range 0 1 0
blmpop | 7.0.0 | -5 | write blocking movablekeys | write list slow blocking | RW access delete at 2 count 0 1 1
blpop | 2.0.0 | -3 | write noscript blocking | write list slow blocking | RW access delete at 1 range -2 1 0
brpop | 2.0.0 | -3 | write noscript blocking | write list slow blocking | RW access delete at 1 range -2 1 0
brpoplpush | 2.2.0 | 4 | write denyoom noscript blocking | write list slow blocking | RW access delete at 1 range 0 1 0; RW insert at 2 range 0 1 0
bzmpop | 7.0.0 | -5 | write blocking movablekeys | write sortedset slow blocking | RW access delete at 2 count 0 1 1
bzpopmax | 5.0.0 | -3 | write noscript blocking fast | write sortedset fast blocking | RW access delete at 1 range -2 1 0
bzpopmin | 5.0.0 | -3 | write noscript blocking fast | write sortedset fast blocking | RW access delete at 1 range -2 1 0
client | 2.4.0 | -2 |  | slow |
  caching | 6.0.0 | 3 | noscript loading stale | slow connection |
  getname | 2.6.9 | 2 | noscript loading stale | slow connection |
  getredir | 6.0.0 | 2 | noscript loading stale | slow connection |
  help | 5.0.0 | 2 | loading stale | slow connection |
  id | 5.0.0 | 2 | noscript loading stale | slow connection |
  info | 6.2.0 | 2 | noscript loading stale | slow connection |
  kill | 2.4.0 | -3 | admin noscript loading stale | admin slow dangerous connection |
  list | 2.4.0 | -2 | admin noscript loading stale | admin slow dangerous connection |
  no-evict | 7.0.0 | 3 | admin noscript loading stale | admin slow dangerous connection |
  pause | 2.9.50 | -3 | admin noscript loading stale | admin slow dangerous connection |
  reply | 3.2.0 | 3 | noscript loading stale | slow connection |
  setname | 2.6.9 | 3 | noscript loading stale | slow connection |
  tracking | 6.0.0 | -3 | noscript loading stale | slow connection |
  trackinginfo | 6.2.0 | 2 | noscript loading stale | slow connection |
  unblock | 5.0.0 | -3 | admin noscript loading stale | admin slow dangerous connection |
  unpause | 6.2.0 | 2 | admin noscript loading stale | admin slow dangerous connection |
cluster | 3.0.0 | -2 |  | slow |
  addslots | 3.0.0 | -3 | admin stale no_async_loading | admin slow dangerous |
  addslotsrange | 7.0.0 | -4 | admin stale no_async_loading | admin slow dangerous |
  bumpepoch | 3.0.0 | 2 | admin stale no_async_loading | admin slow dangerous |
  count-failure-reports | 3.0.0 | 3 | admin stale | admin slow dangerous |
  countkeysinslot | 3.0.0 | 3 | stale | slow |
  delslots | 3.0.0 | -3 | admin stale no_async_loading | admin slow dangerous |
  delslotsrange | 7.0.0 | -4 | admin stale no_async_loading | admin slow dangerous |
  failover | 3.0.0 | -2 | admin stale no_async_loading | admin slow dangerous |
  flushslots | 3.0.0 | 2 | admin stale no_async_loading | admin slow dangerous |
  forget | 3.0.0 | 3 | admin stale no_async_loading | admin slow dangerous |
  getkeysinslot | 3.0.0 | 4 | stale | slow |
  help | 5.0.0 | 2 | loading stale | slow |
  info | 3.0.0 | 2 | stale | slow |
  keyslot | 3.0.0 | 3 | stale | slow |
  links | 7.0.0 | 2 | stale | slow |
  meet | 3.0.0 | -4 | admin stale no_async_loading | admin slow dangerous |
  myid | 3.0.0 | 2 | stale | slow |
  nodes | 3.0.0 | 2 | stale | slow |
  replicas | 5.0.0 | 3 | admin stale | admin slow dangerous |
  replicate | 3.0.0 | 3 | admin stale no_async_loading | admin slow dangerous |
  reset | 3.0.0 | -2 | admin noscript stale | admin slow dangerous |
  saveconfig | 3.0.0 | 2 | admin stale no_async_loading | admin slow dangerous |
  set-config-epoch | 3.0.0 | 3 | admin stale no_async_loading | admin slow dangerous |
  setslot | 3.0.0 | -4 | admin stale no_async_loading | admin slow dangerous |
  shards | 7.0.0 | 2 | stale | slow |
  slaves | 3.0.0 | 3 | admin stale | admin slow dangerous |
  slots | 3.0.0 | 2 | stale | slow |
command | 2.8.13 | -1 | loading stale | slow connection |
  count | 2.8.13 | 2 | loading stale | slow connection |
  docs | 7.0.0 | -2 | loading stale | slow connection |
  getkeys | 2.8.13 | -4 | loading stale | slow connection |
  getkeysandflags | 7.0.0 | -4 | loading stale | slow connection |
  help | 5.0.0 | 2 | loading stale | slow connection |
  info | 2.8.13 | -2 | loading stale | slow connection |
  list | 7.0.0 | -2 | loading stale | slow connection |
config | 2.0.0 | -2 |  | slow |
  get | 2.0.0 | -3 | admin noscript loading stale | admin slow dangerous |
  help | 5.0.0 | 2 | loading stale | slow |
  resetstat | 2.0.0 | 2 | admin noscript loading stale | admin slow dangerous |
  rewrite | 2.8.0 | 2 | admin noscript loading stale | admin slow dangerous |
  set | 2.0.0 | -4 | admin noscript loading stale | admin slow dangerous |
copy | 6.2.0 | -3 | write denyoom | keyspace write slow | RO access at 1 range 0 1 0; OW update at 2 range 0 1 0
dbsize | 1.0.0 | 1 | readonly fast | keyspace read fast |
debug | 1.0.0 | -2 | admin noscript loading stale | admin slow dangerous |
decr | 1.0.0 | 2 | write denyoom fast | write string fast | RW access update at 1 range 0 1 0
decrby | 1.0.0 | 3 | write denyoom fast | write string fast | RW access update at 1 range 0 1 0
del | 1.0.0 | -2 | write | keyspace write slow | RM delete at 1 range -1 1 0
discard | 2.0.0 | 1 | noscript loading stale fast allow_busy | fast transaction |
dump | 2.6.0 | 2 | readonly | keyspace read slow | RO access at 1 range 0 1 0
echo | 1.0.0 | 2 | loading stale fast | fast connection |
eval | 2.6.0 | -3 | noscript stale skip_monitor no_mandatory_keys movablekeys | slow scripting | RW access update at 2 count 0 1 1
eval_ro | 7.0.0 | -3 | readonly noscript stale skip_monitor no_mandatory_keys movablekeys | slow scripting | RO access at 2 count 0 1 1
evalsha | 2.6.0 | -3 | noscript stale skip_monitor no_mandatory_keys movablekeys | slow scripting | RW access update at 2 count 0 1 1
evalsha_ro | 7.0.0 | -3 | readonly noscript stale skip_monitor no_mandatory_keys movablekeys | slow scripting | RO access at 2 count 0 1 1
exec | 1.2.0 | 1 | noscript loading stale skip_slowlog | slow transaction |
exists | 1.0.0 | -2 | readonly fast | keyspace read fast | RO at 1 range -1 1 0
expire | 1.0.0 | -3 | write fast | keyspace write fast | RW update at 1 range 0 1 0
expireat | 1.2.0 | -3 | write fast | keyspace write fast | RW update at 1 range 0 1 0
expiretime | 7.0.0 | 2 | readonly fast | keyspace read fast | RO access at 1 range 0 1 0
failover | 6.2.0 | -1 | admin noscript stale | admin slow dangerous |
fcall | 7.0.0 | -3 | noscript stale skip_monitor no_mandatory_keys movablekeys | slow scripting | RW access update at 2 count 0 1 1
fcall_ro | 7.0.0 | -3 | readonly noscript stale skip_monitor no_mandatory_keys movablekeys | slow scripting | RO access at 2 count 0 1 1
flushall | 1.0.0 | -1 | write | keyspace write slow dangerous |
flushdb | 1.0.0 | -1 | write | keyspace write slow dangerous |
function | 7.0.0 | -2 |  | slow |
  delete | 7.0.0 | 3 | write noscript | write slow scripting |
  dump | 7.0.0 | 2 | noscript | slow scripting |
  flush | 7.0.0 | -2 | write noscript | write slow scripting |
  help | 7.0.0 | 2 | loading stale | slow scripting |
  kill | 7.0.0 | 2 | noscript allow_busy | slow scripting |
  list | 7.0.0 | -2 | noscript | slow scripting |
  load | 7.0.0 | -3 | write denyoom noscript | write slow scripting |
  restore | 7.0.0 | -3 | write denyoom noscript | write slow scripting |
  stats | 7.0.0 | 2 | noscript allow_busy | slow scripting |
geoadd | 3.2.0 | -5 | write denyoom | write geo slow | RW update at 1 range 0 1 0
geodist | 3.2.0 | -4 | readonly | read geo slow | RO access at 1 range 0 1 0
geohash | 3.2.0 | -2 | readonly | read geo slow | RO access at 1 range 0 1 0
geopos | 3.2.0 | -2 | readonly | read geo slow | RO access at 1 range 0 1 0
georadius | 3.2.0 | -6 | write denyoom movablekeys | write geo slow | RO access at 1 range 0 1 0; OW update at STORE/6 range 0 1 0; OW update at STOREDIST/6 range 0 1 0
georadius_ro | 3.2.10 | -6 | readonly | read geo slow | RO access at 1 range 0 1 0
georadiusbymember | 3.2.0 | -5 | write denyoom movablekeys | write geo slow | RO access at 1 range 0 1 0; OW update at STORE/5 range 0 1 0; OW update at STOREDIST/5 range 0 1 0
georadiusbymember_ro | 3.2.10 | -5 | readonly | read geo slow | RO access at 1 range 0 1 0
geosearch | 6.2.0 | -7 | readonly | read geo slow | RO access at 1 range 0 1 0
geosearchstore | 6.2.0 | -8 | write denyoom | write geo slow | OW update at 1 range 0 1 0; RO access at 2 range 0 1 0
get | 1.0.0 | 2 | readonly fast | read string fast | RO access at 1 range 0 1 0
getbit | 2.2.0 | 3 | readonly fast | read bitmap fast | RO access at 1 range 0 1 0
getdel | 6.2.0 | 2 | write fast | write string fast | RW access delete at 1 range 0 1 0
getex | 6.2.0 | -2 | write fast | write string fast | RW access update at 1 range 0 1 0
getrange | 2.4.0 | 4 | readonly | read string slow | RO access at 1 range 0 1 0
getset | 1.0.0 | 3 | write denyoom fast | write string fast | RW access update at 1 range 0 1 0
hdel | 2.0.0 | -3 | write fast | write hash fast | RW delete at 1 range 0 1 0
hello | 6.0.0 | -1 | noscript loading stale fast no_auth allow_busy | fast connection |
hexists | 2.0.0 | 3 | readonly fast | read hash fast | RO at 1 range 0 1 0
hget | 2.0.0 | 3 | readonly fast | read hash fast | RO access at 1 range 0 1 0
hgetall | 2.0.0 | 2 | readonly | read hash slow | RO access at 1 range 0 1 0
hincrby | 2.0.0 | 4 | write denyoom fast | write hash fast | RW access update at 1 range 0 1 0
hincrbyfloat | 2.6.0 | 4 | write denyoom fast | write hash fast | RW access update at 1 range 0 1 0
hkeys | 2.0.0 | 2 | readonly | read hash slow | RO access at 1 range 0 1 0
hlen | 2.0.0 | 2 | readonly fast | read hash fast | RO at 1 range 0 1 0
hmget | 2.0.0 | -3 | readonly fast | read hash fast | RO access at 1 range 0 1 0
hmset | 2.0.0 | -4 | write denyoom fast | write hash fast | RW update at 1 range 0 1 0
hrandfield | 6.2.0 | -2 | readonly | read hash slow | RO access at 1 range 0 1 0
hscan | 2.8.0 | -3 | readonly | read hash slow | RO access at 1 range 0 1 0
hset | 2.0.0 | -4 | write denyoom fast | write hash fast | RW update at 1 range 0 1 0
hsetnx | 2.0.0 | 4 | write denyoom fast | write hash fast | RW insert at 1 range 0 1 0
hstrlen | 3.2.0 | 3 | readonly fast | read hash fast | RO at 1 range 0 1 0
hvals | 2.0.0 | 2 | readonly | read hash slow | RO access at 1 range 0 1 0
incr | 1.0.0 | 2 | write denyoom fast | write string fast | RW access update at 1 range 0 1 0
incrby | 1.0.0 | 3 | write denyoom fast | write string fast | RW access update at 1 range 0 1 0
incrbyfloat | 2.6.0 | 3 | write denyoom fast | write string fast | RW access update at 1 range 0 1 0
info | 1.0.0 | -1 | loading stale | slow dangerous |
keys | 1.0.0 | 2 | readonly | keyspace read slow dangerous |
lastsave | 1.0.0 | 1 | loading stale fast | admin fast dangerous |
latency | 2.8.13 | -2 |  | slow |
  doctor | 2.8.13 | 2 | admin noscript loading stale | admin slow dangerous |
  graph | 2.8.13 | 3 | admin noscript loading stale | admin slow dangerous |
  help | 2.8.13 | 2 | loading stale | slow |
  histogram | 7.0.0 | -2 | admin noscript loading stale | admin slow dangerous |
  history | 2.8.13 | 3 | admin noscript loading stale | admin slow dangerous |
  latest | 2.8.13 | 2 | admin noscript loading stale | admin slow dangerous |
  reset | 2.8.13 | -2 | admin noscript loading stale | admin slow dangerous |
lcs | 7.0.0 | -3 | readonly | read string slow | RO access at 1 range 1 1 0
lindex | 1.0.0 | 3 | readonly | read list slow | RO access at 1 range 0 1 0
linsert | 2.2.0 | 5 | write denyoom | write list slow | RW insert at 1 range 0 1 0
llen | 1.0.0 | 2 | readonly fast | read list fast | RO at 1 range 0 1 0
lmove | 6.2.0 | 5 | write denyoom | write list slow | RW access delete at 1 range 0 1 0; RW insert at 2 range 0 1 0
lmpop | 7.0.0 | -4 | write movablekeys | write list slow | RW access delete at 1 count 0 1 1
lolwut | 5.0.0 | -1 | readonly fast | read fast |
lpop | 1.0.0 | -2 | write fast | write list fast | RW access delete at 1 range 0 1 0
lpos | 6.0.6 | -3 | readonly | read list slow | RO access at 1 range 0 1 0
lpush | 1.0.0 | -3 | write denyoom fast | write list fast | RW insert at 1 range 0 1 0
lpushx | 2.2.0 | -3 | write denyoom fast | write list fast | RW insert at 1 range 0 1 0
lrange | 1.0.0 | 4 | readonly | read list slow | RO access at 1 range 0 1 0
lrem | 1.0.0 | 4 | write | write list slow | RW delete at 1 range 0 1 0
lset | 1.0.0 | 4 | write denyoom | write list slow | RW update at 1 range 0 1 0
ltrim | 1.0.0 | 4 | write | write list slow | RW delete at 1 range 0 1 0
memory | 4.0.0 | -2 |  | slow |
  doctor | 4.0.0 | 2 |  | slow |
  help | 4.0.0 | 2 | loading stale | slow |
  malloc-stats | 4.0.0 | 2 |  | slow |
  purge | 4.0.0 | 2 |  | slow |
  stats | 4.0.0 | 2 |  | slow |
  usage | 4.0.0 | -3 | readonly | read slow | RO at 2 range 0 1 0
mget | 1.0.0 | -2 | readonly fast | read string fast | RO access at 1 range -1 1 0
migrate | 2.6.0 | -6 | write movablekeys | keyspace write slow dangerous | RW access delete at 3 range 0 1 0; RW access delete incomplete at KEYS/-2 range -1 1 0
module | 4.0.0 | -2 |  | slow |
  help | 5.0.0 | 2 | loading stale | slow |
  list | 4.0.0 | 2 | admin noscript | admin slow dangerous |
  load | 4.0.0 | -3 | admin noscript no_async_loading | admin slow dangerous |
  loadex | 7.0.0 | -3 | admin noscript no_async_loading | admin slow dangerous |
  unload | 4.0.0 | 3 | admin noscript no_async_loading | admin slow dangerous |
monitor | 1.0.0 | 1 | admin noscript loading stale | admin slow dangerous |
move | 1.0.0 | 3 | write fast | keyspace write fast | RW access update at 1 range 0 1 0
mset | 1.0.1 | -3 | write denyoom | write string slow | OW update at 1 range -1 2 0
msetnx | 1.0.1 | -3 | write denyoom | write string slow | OW insert at 1 range -1 2 0
multi | 1.2.0 | 1 | noscript loading stale fast allow_busy | fast transaction |
object | 2.2.3 | -2 |  | slow |
  encoding | 2.2.3 | 3 | readonly | keyspace read slow | RO at 2 range 0 1 0
  freq | 4.0.0 | 3 | readonly | keyspace read slow | RO at 2 range 0 1 0
  help | 6.2.0 | 2 | loading stale | keyspace slow |
  idletime | 2.2.3 | 3 | readonly | keyspace read slow | RO at 2 range 0 1 0
  refcount | 2.2.3 | 3 | readonly | keyspace read slow | RO at 2 range 0 1 0
persist | 2.2.0 | 2 | write fast | keyspace write fast | RW update at 1 range 0 1 0
pexpire | 2.6.0 | -3 | write fast | keyspace write fast | RW update at 1 range 0 1 0
pexpireat | 2.6.0 | -3 | write fast | keyspace write fast | RW update at 1 range 0 1 0
pexpiretime | 7.0.0 | 2 | readonly fast | keyspace read fast | RO access at 1 range 0 1 0
pfadd | 2.8.9 | -2 | write denyoom fast | write hyperloglog fast | RW insert at 1 range 0 1 0
pfcount | 2.8.9 | -2 | readonly | read hyperloglog slow | RW access at 1 range -1 1 0
pfdebug | 2.8.9 | 3 | write denyoom admin | write hyperloglog admin slow dangerous | RW access at 2 range 0 1 0
pfmerge | 2.8.9 | -2 | write denyoom | write hyperloglog slow | RW access insert at 1 range 0 1 0; RO access at 2 range -1 1 0
pfselftest | 2.8.9 | 1 | admin | hyperloglog admin slow dangerous |
ping | 1.0.0 | -1 | fast | fast connection |
psetex | 2.6.0 | 4 | write denyoom | write string slow | OW update at 1 range 0 1 0
psubscribe | 2.0.0 | -2 | pubsub noscript loading stale | pubsub slow |
psync | 2.8.0 | -3 | admin noscript no_async_loading no_multi | admin slow dangerous |
pttl | 2.6.0 | 2 | readonly fast | keyspace read fast | RO access at 1 range 0 1 0
publish | 2.0.0 | 3 | pubsub loading stale fast | pubsub fast |
pubsub | 2.8.0 | -2 |  | slow |
  channels | 2.8.0 | -2 | pubsub loading stale | pubsub slow |
  help | 6.2.0 | 2 | loading stale | slow |
  numpat | 2.8.0 | 2 | pubsub loading stale | pubsub slow |
  numsub | 2.8.0 | -2 | pubsub loading stale | pubsub slow |
  shardchannels | 7.0.0 | -2 | pubsub loading stale | pubsub slow |
  shardnumsub | 7.0.0 | -2 | pubsub loading stale | pubsub slow |
punsubscribe | 2.0.0 | -1 | pubsub noscript loading stale | pubsub slow |
quit | 1.0.0 | -1 | noscript loading stale fast no_auth allow_busy | fast connection |
randomkey | 1.0.0 | 1 | readonly | keyspace read slow |
readonly | 3.0.0 | 1 | loading stale fast | fast connection |
readwrite | 3.0.0 | 1 | loading stale fast | fast connection |
rename | 1.0.0 | 3 | write | keyspace write slow | RW access delete at 1 range 0 1 0; OW update at 2 range 0 1 0
renamenx | 1.0.0 | 3 | write fast | keyspace write fast | RW access delete at 1 range 0 1 0; OW insert at 2 range 0 1 0
replconf | 3.0.0 | -1 | admin noscript loading stale allow_busy | admin slow dangerous |
replicaof | 5.0.0 | 3 | admin noscript stale no_async_loading | admin slow dangerous |
reset | 6.2.0 | 1 | noscript loading stale fast no_auth allow_busy | fast connection |
restore | 2.6.0 | -4 | write denyoom | keyspace write slow dangerous | OW update at 1 range 0 1 0
restore-asking | 3.0.0 | -4 | write denyoom asking | keyspace write slow dangerous | OW update at 1 range 0 1 0
role | 2.8.12 | 1 | noscript loading stale fast | admin fast dangerous |
rpop | 1.0.0 | -2 | write fast | write list fast | RW access delete at 1 range 0 1 0
rpoplpush | 1.2.0 | 3 | write denyoom | write list slow | RW access delete at 1 range 0 1 0; RW insert at 2 range 0 1 0
rpush | 1.0.0 | -3 | write denyoom fast | write list fast | RW insert at 1 range 0 1 0
rpushx | 2.2.0 | -3 | write denyoom fast | write list fast | RW insert at 1 range 0 1 0
sadd | 1.0.0 | -3 | write denyoom fast | write set fast | RW insert at 1 range 0 1 0
save | 1.0.0 | 1 | admin noscript no_async_loading no_multi | admin slow dangerous |
scan | 2.8.0 | -2 | readonly | keyspace read slow |
scard | 1.0.0 | 2 | readonly fast | read set fast | RO at 1 range 0 1 0
script | 2.6.0 | -2 |  | slow |
  debug | 3.2.0 | 3 | noscript | slow scripting |
  exists | 2.6.0 | -3 | noscript | slow scripting |
  flush | 2.6.0 | -2 | noscript | slow scripting |
  help | 5.0.0 | 2 | loading stale | slow scripting |
  kill | 2.6.0 | 2 | noscript allow_busy | slow scripting |
  load | 2.6.0 | 3 | noscript stale | slow scripting |
sdiff | 1.0.0 | -2 | readonly | read set slow | RO access at 1 range -1 1 0
sdiffstore | 1.0.0 | -3 | write denyoom | write set slow | OW update at 1 range 0 1 0; RO access at 2 range -1 1 0
select | 1.0.0 | 2 | loading stale fast | fast connection |
set | 1.0.0 | -3 | write denyoom | write string slow | RW access update variable_flags at 1 range 0 1 0
setbit | 2.2.0 | 4 | write denyoom | write bitmap slow | RW access update at 1 range 0 1 0
setex | 2.0.0 | 4 | write denyoom | write string slow | OW update at 1 range 0 1 0
setnx | 1.0.0 | 3 | write denyoom fast | write string fast | OW insert at 1 range 0 1 0
setrange | 2.2.0 | 4 | write denyoom | write string slow | RW update at 1 range 0 1 0
shutdown | 1.0.0 | -1 | admin noscript loading stale no_multi allow_busy | admin slow dangerous |
sinter | 1.0.0 | -2 | readonly | read set slow | RO access at 1 range -1 1 0
sintercard | 7.0.0 | -3 | readonly movablekeys | read set slow | RO access at 1 count 0 1 1
sinterstore | 1.0.0 | -3 | write denyoom | write set slow | RW update at 1 range 0 1 0; RO access at 2 range -1 1 0
sismember | 1.0.0 | 3 | readonly fast | read set fast | RO at 1 range 0 1 0
slaveof | 1.0.0 | 3 | admin noscript stale no_async_loading | admin slow dangerous |
slowlog | 2.2.12 | -2 |  | slow |
  get | 2.2.12 | -2 | admin loading stale | admin slow dangerous |
  help | 6.2.0 | 2 | loading stale | slow |
  len | 2.2.12 | 2 | admin loading stale | admin slow dangerous |
  reset | 2.2.12 | 2 | admin loading stale | admin slow dangerous |
smembers | 1.0.0 | 2 | readonly | read set slow | RO access at 1 range 0 1 0
smismember | 6.2.0 | -3 | readonly fast | read set fast | RO access at 1 range 0 1 0
smove | 1.0.0 | 4 | write fast | write set fast | RW access delete at 1 range 0 1 0; RW insert at 2 range 0 1 0
sort | 1.0.0 | -2 | write denyoom movablekeys | write set sortedset list slow dangerous | RO access at 1 range 0 1 0; RO access at ? ?; OW update at ? ?
sort_ro | 7.0.0 | -2 | readonly movablekeys | read set sortedset list slow dangerous | RO access at 1 range 0 1 0; RO access at ? ?
spop | 1.0.0 | -2 | write fast | write set fast | RW access delete at 1 range 0 1 0
spublish | 7.0.0 | 3 | pubsub loading stale fast | pubsub fast | not_key at 1 range 0 1 0
srandmember | 1.0.0 | -2 | readonly | read set slow | RO access at 1 range 0 1 0
srem | 1.0.0 | -3 | write fast | write set fast | RW delete at 1 range 0 1 0
sscan | 2.8.0 | -3 | readonly | read set slow | RO access at 1 range 0 1 0
ssubscribe | 7.0.0 | -2 | pubsub noscript loading stale | pubsub slow | not_key at 1 range -1 1 0
strlen | 2.2.0 | 2 | readonly fast | read string fast | RO at 1 range 0 1 0
subscribe | 2.0.0 | -2 | pubsub noscript loading stale | pubsub slow |
substr | 1.0.0 | 4 | readonly | read string slow | RO access at 1 range 0 1 0
sunion | 1.0.0 | -2 | readonly | read set slow | RO access at 1 range -1 1 0
sunionstore | 1.0.0 | -3 | write denyoom | write set slow | OW update at 1 range 0 1 0; RO access at 2 range -1 1 0
sunsubscribe | 7.0.0 | -1 | pubsub noscript loading stale | pubsub slow | not_key at 1 range -1 1 0
swapdb | 4.0.0 | 3 | write fast | keyspace write fast dangerous |
sync | 1.0.0 | 1 | admin noscript no_async_loading no_multi | admin slow dangerous |
time | 2.6.0 | 1 | loading stale fast | fast |
touch | 3.2.1 | -2 | readonly fast | keyspace read fast | RO at 1 range -1 1 0
ttl | 1.0.0 | 2 | readonly fast | keyspace read fast | RO access at 1 range 0 1 0
type | 1.0.0 | 2 | readonly fast | keyspace read fast | RO at 1 range 0 1 0
unlink | 4.0.0 | -2 | write fast | keyspace write fast | RM delete at 1 range -1 1 0
unsubscribe | 2.0.0 | -1 | pubsub noscript loading stale | pubsub slow |
unwatch | 2.2.0 | 1 | noscript loading stale fast allow_busy | fast transaction |
wait | 3.0.0 | 3 | noscript | slow connection |
watch | 2.2.0 | -2 | noscript loading stale fast allow_busy | fast transaction | RO at 1 range -1 1 0
xack | 5.0.0 | -4 | write fast | write stream fast | RW update at 1 range 0 1 0
xadd | 5.0.0 | -5 | write denyoom fast | write stream fast | RW update at 1 range 0 1 0
xautoclaim | 6.2.0 | -6 | write fast | write stream fast | RW delete at 1 range 0 1 0
xclaim | 5.0.0 | -6 | write fast | write stream fast | RW update at 1 range 0 1 0
xdel | 5.0.0 | -3 | write fast | write stream fast | RW delete at 1 range 0 1 0
xgroup | 5.0.0 | -2 |  | slow |
  create | 5.0.0 | -5 | write denyoom | write stream slow | RW insert at 2 range 0 1 0
  createconsumer | 6.2.0 | 5 | write denyoom | write stream slow | RW insert at 2 range 0 1 0
  delconsumer | 5.0.0 | 5 | write | write stream slow | RW delete at 2 range 0 1 0
  destroy | 5.0.0 | 4 | write | write stream slow | RW delete at 2 range 0 1 0
  help | 5.0.0 | 2 | loading stale | stream slow |
  setid | 5.0.0 | -5 | write | write stream slow | RW update at 2 range 0 1 0
xinfo | 5.0.0 | -2 |  | slow |
  consumers | 5.0.0 | 4 | readonly | read stream slow | RO access at 2 range 0 1 0
  groups | 5.0.0 | 3 | readonly | read stream slow | RO access at 2 range 0 1 0
  help | 5.0.0 | 2 | loading stale | stream slow |
  stream | 5.0.0 | -3 | readonly | read stream slow | RO access at 2 range 0 1 0
xlen | 5.0.0 | 2 | readonly fast | read stream fast | RO at 1 range 0 1 0
xpending | 5.0.0 | -3 | readonly | read stream slow | RO access at 1 range 0 1 0
xrange | 5.0.0 | -4 | readonly | read stream slow | RO access at 1 range 0 1 0
xread | 5.0.0 | -4 | readonly blocking movablekeys | read stream slow blocking | RO access at STREAMS/1 range -1 1 2
xreadgroup | 5.0.0 | -7 | write blocking movablekeys | write stream slow blocking | RO access at STREAMS/4 range -1 1 2
xrevrange | 5.0.0 | -4 | readonly | read stream slow | RO access at 1 range 0 1 0
xsetid | 5.0.0 | -3 | write denyoom fast | write stream fast | RW update at 1 range 0 1 0
xtrim | 5.0.0 | -4 | write | write stream slow | RW delete at 1 range 0 1 0
zadd | 1.2.0 | -4 | write denyoom fast | write sortedset fast | RW update at 1 range 0 1 0
zcard | 1.2.0 | 2 | readonly fast | read sortedset fast | RO at 1 range 0 1 0
zcount | 2.0.0 | 4 | readonly fast | read sortedset fast | RO access at 1 range 0 1 0
zdiff | 6.2.0 | -3 | readonly movablekeys | read sortedset slow | RO access at 1 count 0 1 1
zdiffstore | 6.2.0 | -4 | write denyoom movablekeys | write sortedset slow | OW update at 1 range 0 1 0; RO access at 2 count 0 1 1
zincrby | 1.2.0 | 4 | write denyoom fast | write sortedset fast | RW access update at 1 range 0 1 0
zinter | 6.2.0 | -3 | readonly movablekeys | read sortedset slow | RO access at 1 count 0 1 1
zintercard | 7.0.0 | -3 | readonly movablekeys | read sortedset slow | RO access at 1 count 0 1 1
zinterstore | 2.0.0 | -4 | write denyoom movablekeys | write sortedset slow | OW update at 1 range 0 1 0; RO access at 2 count 0 1 1
zlexcount | 2.8.9 | 4 | readonly fast | read sortedset fast | RO access at 1 range 0 1 0
zmpop | 7.0.0 | -4 | write movablekeys | write sortedset slow | RW access delete at 1 count 0 1 1
zmscore | 6.2.0 | -3 | readonly fast | read sortedset fast | RO access at 1 range 0 1 0
zpopmax | 5.0.0 | -2 | write fast | write sortedset fast | RW access delete at 1 range 0 1 0
zpopmin | 5.0.0 | -2 | write fast | write sortedset fast | RW access delete at 1 range 0 1 0
zrandmember | 6.2.0 | -2 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrange | 1.2.0 | -4 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrangebylex | 2.8.9 | -4 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrangebyscore | 1.0.5 | -4 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrangestore | 6.2.0 | -5 | write denyoom | write sortedset slow | OW update at 1 range 0 1 0; RO access at 2 range 0 1 0
zrank | 2.0.0 | 3 | readonly fast | read sortedset fast | RO access at 1 range 0 1 0
zrem | 1.2.0 | -3 | write fast | write sortedset fast | RW delete at 1 range 0 1 0
zremrangebylex | 2.8.9 | 4 | write | write sortedset slow | RW delete at 1 range 0 1 0
zremrangebyrank | 2.0.0 | 4 | write | write sortedset slow | RW delete at 1 range 0 1 0
zremrangebyscore | 1.2.0 | 4 | write | write sortedset slow | RW delete at 1 range 0 1 0
zrevrange | 1.2.0 | -4 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrevrangebylex | 2.8.9 | -4 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrevrangebyscore | 2.2.0 | -4 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zrevrank | 2.0.0 | 3 | readonly fast | read sortedset fast | RO access at 1 range 0 1 0
zscan | 2.8.0 | -3 | readonly | read sortedset slow | RO access at 1 range 0 1 0
zscore | 1.2.0 | 3 | readonly fast | read sortedset fast | RO access at 1 range 0 1 0
zunion | 6.2.0 | -3 | readonly movablekeys | read sortedset slow | RO access at 1 count 0 1 1
zunionstore | 2.0.0 | -4 | write denyoom movablekeys | write sortedset slow | OW update at 1 range 0 1 0; RO access at 2 count 0 1 1
`;
