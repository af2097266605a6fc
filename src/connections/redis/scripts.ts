// What must happen in Redis at once, as Lua. Each script takes its keys as KEYS and reads Redis's own clock,
// so that hosts whose clocks differ agree on who is stale. They are sent as text each time: they are short,
// Redis keeps them compiled, and none can be missing after a restart.
import { leaseMaxMs } from '../../config/schema.js';

const clock = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * Since when Redis has taken writes without a pause: whoever lived could renew its lease since then. A step of its clock is a
 * pause, too. As a number of ms; that it is written first of all keeps a Redis from going on that has no memory. Another value in its
 * place would keep whoever is lost for ever.
 */
const steady = `${clock}
local function steadyFor(key, pause, ttl)
  local time = now()
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('UNLINK', key) end
  local last, since = unpack(redis.call('HMGET', key, 'last', 'since'))
  last, since = tonumber(last or ''), tonumber(since or '')
  local isSound = last and since and since >= 0 and since <= last and last <= time
  if not isSound or time - last > tonumber(pause) then since = time end
  redis.call('HSET', key, 'last', time, 'since', since)
  redis.call('PEXPIRE', key, ttl)
  return time - since
end
`;

/**
 * A sign that Redis takes writes.
 * KEYS: steady. ARGV: ms without a sign that are a pause, TTL in ms.
 */
export const pulse = `${steady}
steadyFor(KEYS[1], ARGV[1], ARGV[2])
`;

/**
 * Writes peers, never without a TTL: a late write to a key that has expired would otherwise stay for ever.
 * KEYS: peers. ARGV: TTL in ms, then id and JSON of each peer.
 */
export const putPeers = `
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`;

/**
 * Ends a flush: the worker's epoch says that everything up to this write has arrived.
 * KEYS: worker, peers. ARGV: TTL in ms, epoch.
 */
export const commit = `
redis.call('PEXPIRE', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
`;

/**
 * Appends rows to a bounded stream. Where somebody has put something else in its place, or an id that leaves no room behind it, only
 * these rows are lost: who is connected must not depend on what has happened.
 * KEYS: stream. ARGV: about how many entries to keep, the number of columns, their names, then the rows.
 * Returns what Redis says where it does not take a row, else nothing.
 */
export const append = `
local columns = tonumber(ARGV[2])
for row = 3 + columns, #ARGV, columns do
  local entry = {}
  for column = 0, columns - 1 do
    entry[#entry + 1] = ARGV[3 + column]
    entry[#entry + 1] = ARGV[row + column]
  end
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(entry))
  if type(added) == 'table' then return added['err'] end
end
`;

/**
 * Renews the lease where Redis holds exactly what the worker has told it. Merely renewing would go on
 * blindly after a restart, a flush, or a failover to a replica that lagged. A Redis that has no room for one value fails, and is
 * not asked to take everything.
 * KEYS: workers, worker, peers, resync. ARGV: workerId, epoch, count of peers, TTL in ms, then field and value of
 * the worker's hash.
 * Returns 'ok' or 'resync'.
 */
export const heartbeat = `${clock}
if redis.call('ZSCORE', KEYS[1], ARGV[1])
    and redis.call('HGET', KEYS[2], 'epoch') == ARGV[2]
    and redis.call('HLEN', KEYS[3]) == tonumber(ARGV[3]) then
  redis.call('ZADD', KEYS[1], now(), ARGV[1])
  redis.call('HSET', KEYS[2], unpack(ARGV, 5))
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
  return 'ok'
end
redis.call('SET', KEYS[4], '', 'PX', 1000)
return 'resync'
`;

/**
 * Puts a resync in place of whatever was known of the worker, and the worker into the directory.
 * KEYS: workers, worker, peers, resync, events. ARGV: workerId, host, count of peers, TTL in ms, entries of
 * the stream to keep, then field and value of the worker's hash.
 */
export const install = `${clock}
local count = tonumber(ARGV[3])
if redis.call('HLEN', KEYS[4]) ~= count then
  return redis.error_reply('ERR the resync is incomplete; was Redis restarted meanwhile?')
end
if count == 0 then
  redis.call('UNLINK', KEYS[3])
else
  redis.call('RENAME', KEYS[4], KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 6))
redis.call('PEXPIRE', KEYS[2], ARGV[4])
if redis.call('ZADD', KEYS[1], now(), ARGV[1]) == 1 then
  redis.pcall('XADD', KEYS[5], 'MAXLEN', '~', ARGV[5], '*', 'type', 'worker up', 'host', ARGV[2],
    'worker', ARGV[1], 'at', now())
end
`;

/**
 * Removes workers of one host and their peers, whose last records go to the history; with a lease given, only those whose lease, or their
 * own where that is longer, has run out (they may have come back), and none before Redis has taken writes without a pause for long
 * enough: until then their keys are kept. All at once: what was removed is in the history, and nothing else is, whoever dies
 * meanwhile. A history or stream of events in whose place somebody has put something else keeps nobody.
 * KEYS: workers, events, closed, steady, then worker, peers, resync of each. ARGV: host, reason, entries of the events and of the
 * history to keep, rows that may go to the history, lease in ms or '', what is a pause and how long none may have been in ms, TTL in
 * ms, then the id of each worker.
 * Returns the ids of those that stay.
 */
export const remove = `${steady}
local time = now()
local host, reason, room, lease = ARGV[1], ARGV[2], tonumber(ARGV[5]), ARGV[6]
-- Beyond the wait that is due, in ms; below 0 nobody goes.
local spare = lease ~= '' and steadyFor(KEYS[4], ARGV[7], ARGV[9]) - tonumber(ARGV[8]) or 0

-- No configuration allows a longer one than that: somebody else has written it.
local function longer(worker)
  local own = tonumber(redis.pcall('HGET', worker, 'lease_ms') or '') or 0
  return own <= ${leaseMaxMs} and math.max(0, own - tonumber(lease)) or 0
end

local function mayGo(worker, seen)
  if lease == '' then return true end
  local more = longer(worker)
  return time - seen > tonumber(lease) + more and spare >= more
end

local function tell(stream, entries, ...)
  redis.pcall('XADD', stream, 'MAXLEN', '~', entries, '*', ...)
end

local function remember(peers)
  local cursor = '0'
  repeat
    local piece = redis.call('HSCAN', peers, cursor, 'COUNT', room)
    cursor = piece[1]
    for at = 1, #piece[2], 2 do
      if room == 0 then return end
      room = room - 1
      tell(KEYS[3], ARGV[4], 'id', piece[2][at], 'reason', reason, 'closed_at', time, 'peer', piece[2][at + 1])
    end
  until cursor == '0' or room == 0
end

local removed, peersOfAll, back = 0, 0, {}
for index = 10, #ARGV do
  local id, at = ARGV[index], 5 + 3 * (index - 10)
  local seen = redis.call('ZSCORE', KEYS[1], id)
  if seen and not mayGo(KEYS[at], tonumber(seen)) then
    for key = at, at + 2 do redis.call('PEXPIRE', KEYS[key], ARGV[9]) end
    back[#back + 1] = id
  elseif lease == '' or seen then
    -- First: where that is not allowed nothing else is done, again and again.
    local was = redis.call('ZREM', KEYS[1], id)
    local peers = KEYS[at + 1]
    local count = redis.call('TYPE', peers).ok == 'hash' and redis.call('HLEN', peers) or 0
    if count > 0 and room > 0 then remember(peers) end
    redis.call('UNLINK', KEYS[at], peers, KEYS[at + 2])
    if was == 1 then
      tell(KEYS[2], ARGV[3], 'type', 'worker down', 'host', host, 'worker', id, 'reason', reason,
        'peers', count, 'at', time)
      removed = removed + 1
      peersOfAll = peersOfAll + count
    end
  end
end
if removed > 0 and reason == 'host lost' then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(id, 1, #host + 1) == host .. ':' then return back end
  end
  tell(KEYS[2], ARGV[3], 'type', 'host lost', 'host', host, 'at', time, 'peers', peersOfAll)
end
return back
`;

/**
 * Gives a lease that is too far ahead of Redis's clock, which has stepped back, the time of now: it ends like any
 * other, and whoever lives renews it.
 * KEYS: workers. ARGV: workerId, ms that it may be ahead.
 */
export const bringBack = `${clock}
local seen = redis.call('ZSCORE', KEYS[1], ARGV[1])
if seen and tonumber(seen) - now() > tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], now(), ARGV[1])
end
`;
