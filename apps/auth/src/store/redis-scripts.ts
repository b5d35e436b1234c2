/** Names the server, and its run: another one may hold less than what was read before. */
const HERE = `local here = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')`;

/**
 * Where the stream is. Counts the looks, which a server that only thinks that it is the primary can't. On another
 * server than at the last look the stream is renewed in the same step: its readers take everything again.
 */
export const LOOK = `
${HERE}
local stream, created, last, tail, node = unpack(redis.call('HMGET', KEYS[1], 'stream', 'created', 'last', 'tail', 'node'))
if not stream then return false end
redis.call('HINCRBY', KEYS[1], 'looks', 1)
if node == here then return {stream, created, last, tail, '0'} end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'stream', ARGV[1], 'last', '0', 'tail', ARGV[1], 'node', here)
return {ARGV[1], created, '0', ARGV[1], '1'}`;

/** Where there is no stream: begins one, whose first event revokes everything that was issued until now. */
export const BEGIN = `
${HERE}
local stream, created, last, tail = unpack(redis.call('HMGET', KEYS[1], 'stream', 'created', 'last', 'tail'))
if stream then return {stream, created, last, tail} end
local notBefore, kept = tonumber(ARGV[3]), tonumber(ARGV[4])
local until_ = string.format('%.0f', notBefore + kept)
local entry = string.format('{"kind":"all","notBefore":%.0f,"until":%s}', notBefore, until_)
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'stream', ARGV[1], 'created', ARGV[5], 'last', '1', 'tail', ARGV[2], 'node', here,
  'notBefore', string.format('%.0f', notBefore))
redis.call('XADD', KEYS[2], '1-0', 'stream', ARGV[1], 'id', ARGV[2], 'previous', ARGV[1], 'entry', entry)
redis.call('HSET', KEYS[3], 'all:', entry)
redis.call('ZADD', KEYS[4], until_, 'all:')
return {ARGV[1], ARGV[5], '1', ARGV[2]}`;

/** In the place of a stream that is still there: begins another, without an event. Entries stay. */
export const RENEW = `
local stream, created, last, tail = unpack(redis.call('HMGET', KEYS[1], 'stream', 'created', 'last', 'tail'))
if not stream then return false end
if stream ~= ARGV[1] then return {stream, created, last, tail} end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'stream', ARGV[2], 'last', '0', 'tail', ARGV[2])
return {ARGV[2], created, '0', ARGV[2]}`;

/**
 * Adds to the stream, and to the entries what is beyond the one that is there; drops some that have expired, so that
 * there are never many of them. Not on another server than the one that the stream was looked at on.
 */
export const APPEND = `
${HERE}
local stream, entry = ARGV[1], cjson.decode(ARGV[2])
local current, previous, node = unpack(redis.call('HMGET', KEYS[1], 'stream', 'tail', 'node'))
if current ~= stream or node ~= here then return false end
local n = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('HSET', KEYS[1], 'tail', ARGV[4])
local fields = {'stream', stream, 'id', ARGV[4], 'previous', previous, 'entry', ARGV[2]}
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], n .. '-0', unpack(fields))
-- Revokes nothing: there is nothing to keep.
if entry.kind == 'keys' then return n end
if entry.kind == 'all' then
  local known = tonumber(redis.call('HGET', KEYS[1], 'notBefore') or '0')
  if entry.notBefore > known then redis.call('HSET', KEYS[1], 'notBefore', string.format('%.0f', entry.notBefore)) end
end

local field = entry.kind .. ':' .. (entry.value or '')
local before = redis.call('HGET', KEYS[3], field)
if before then
  before = cjson.decode(before)
  for _, member in ipairs({'until', 'epoch', 'notBefore'}) do
    if entry[member] then entry[member] = math.max(entry[member], before[member]) end
  end
end
-- Written by hand: the encoder rounds numbers to 14 digits.
local text = '{"kind":' .. cjson.encode(entry.kind)
if entry.value then text = text .. ',"value":' .. cjson.encode(entry.value) end
for _, member in ipairs({'epoch', 'notBefore', 'until'}) do
  if entry[member] then text = text .. string.format(',"%s":%.0f', member, entry[member]) end
end
redis.call('HSET', KEYS[3], field, text .. '}')
if entry['until'] then redis.call('ZADD', KEYS[4], 'GT', string.format('%.0f', entry['until']), field) end

local expired = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', redis.call('TIME')[1], 'LIMIT', 0, 100)
if #expired > 0 then
  redis.call('HDEL', KEYS[3], unpack(expired))
  redis.call('ZREM', KEYS[4], unpack(expired))
end
return n`;

/**
 * Remembers a token and reads its subject's epoch. Beside it, since when the memory for this subject is whole: on
 * another server, or another run of one, it begins anew.
 */
export const MINT = `
${HERE}
redis.call('SET', KEYS[2], '1', 'EXAT', ARGV[1])
local memory = redis.call('GET', KEYS[3])
if memory and string.sub(memory, 1, #here + 1) == here .. ' ' then redis.call('EXPIRE', KEYS[3], ARGV[3])
else redis.call('SET', KEYS[3], here .. ' ' .. ARGV[2], 'EX', ARGV[3]) end
return redis.call('GET', KEYS[1])`;

/** 1: the token was issued. 0: it wasn't. -1: it may have been, before the memory began. */
export const WAS_MINTED = `
${HERE}
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
local memory = redis.call('GET', KEYS[2])
if not memory or string.sub(memory, 1, #here + 1) ~= here .. ' ' then return -1 end
if tonumber(string.sub(memory, #here + 2)) < tonumber(ARGV[1]) then return 0 end
return -1`;

/** Records an even epoch, or the next one where an odd one is there that is as high. */
export const PASS_EPOCH = `
local before, epoch = tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1])
if before >= epoch then
  if before % 2 == 0 then return string.format('%.0f', before) end
  epoch = before + 1
end
redis.call('SET', KEYS[1], string.format('%.0f', epoch), 'EX', ARGV[2])
return string.format('%.0f', epoch)`;

/** Records an epoch unless a higher one is there. */
export const RAISE_EPOCH = `
local before = redis.call('GET', KEYS[1])
if before and tonumber(before) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`;
