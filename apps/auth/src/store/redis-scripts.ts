/** Where there is no stream: begins one, whose first event revokes everything that was issued until now. */
export const BEGIN = `
local stream, created, last, tail = unpack(redis.call('HMGET', KEYS[1], 'stream', 'created', 'last', 'tail'))
if stream then return {stream, created, last, tail} end
local time = redis.call('TIME')
local notBefore = math.max(tonumber(ARGV[2]), tonumber(time[1]))
local created = string.format('%.0f', notBefore * 1000 + math.floor(time[2] / 1000))
local until_ = string.format('%.0f', notBefore + tonumber(ARGV[3]))
local entry = string.format('{"kind":"all","notBefore":%.0f,"until":%s}', notBefore, until_)
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'stream', ARGV[1], 'created', created, 'last', '1', 'tail', ARGV[4])
redis.call('XADD', KEYS[2], '1-0', 'stream', ARGV[1], 'id', ARGV[4], 'previous', ARGV[1], 'entry', entry)
redis.call('HSET', KEYS[3], 'all:', entry)
redis.call('ZADD', KEYS[4], until_, 'all:')
return {ARGV[1], created, '1', ARGV[4]}`;

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
 * there are never many of them.
 */
export const APPEND = `
local stream, entry = ARGV[1], cjson.decode(ARGV[2])
local current, previous = unpack(redis.call('HMGET', KEYS[1], 'stream', 'tail'))
if current ~= stream then return false end
local n = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('HSET', KEYS[1], 'tail', ARGV[4])
local fields = {'stream', stream, 'id', ARGV[4], 'previous', previous, 'entry', ARGV[2]}
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], n .. '-0', unpack(fields))

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

/** Remembers a token and reads its subject's epoch. */
export const MINT = `
redis.call('SET', KEYS[2], '1', 'EXAT', ARGV[1])
return redis.call('GET', KEYS[1])`;

/** Records an epoch unless a higher one is there. */
export const RAISE_EPOCH = `
local before = redis.call('GET', KEYS[1])
if before and tonumber(before) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`;
