import { GRACE_SECONDS, MAX_REPEATS, MAX_ROTATIONS, MAX_SESSIONS, REPEATS_WINDOW_SECONDS } from './session-store';

/**
 * What is stored of a session, as a hash. Times are milliseconds since 1970-01-01T00:00:00Z, but for `auth` and `after`, which
 * are seconds. Besides these:
 *
 * - `current`, `parent`, `before`: the hashes of the newest token and of the two that came before it;
 * - `a:<hash>`: "till repeats since sealed" of a token that still gets its successor: until when (0: until that is used),
 *   how often it did since when, and the successor, encrypted;
 * - `rotated`: when the newest token took its place; `late`: "generation row", of the last generation in which the token
 *   before came again later than the grace, and of how many of them in a row that is true;
 * - `ended`: a token of it was replayed.
 */
export const SESSION_FIELDS = [
  'subject',
  'username',
  'credential',
  'client',
  'scopes',
  'auth',
  'after',
  'agent',
  'address',
  'epoch',
  'generation',
  'created',
  'used',
  'idle',
] as const;

const NOW = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end`;

const NUMBER = `local function number(value) return string.format('%.0f', value) end`;

/** The index lives as long as any session in it. */
const KEEP_INDEX = `
local function keepIndex(milliseconds)
  if redis.call('PEXPIRETIME', KEYS[3]) < milliseconds then redis.call('PEXPIREAT', KEYS[3], number(milliseconds)) end
end`;

/** KEYS session, epoch, index. ARGV now, id, default epoch, idle and absolute ms, current, then fields and values. */
export const CREATE_SESSION = `
${NUMBER}
${NOW}
${KEEP_INDEX}
local epoch = redis.call('GET', KEYS[2])
if not epoch or tonumber(epoch) < tonumber(ARGV[3]) then epoch = ARGV[3] end
if redis.call('EXISTS', KEYS[1]) == 0 then
  local absolute = now + tonumber(ARGV[5])
  local idle = math.min(now + tonumber(ARGV[4]), absolute)
  redis.call('HSET', KEYS[1], 'current', ARGV[6], 'epoch', epoch, 'generation', '0', 'created', number(now),
    'used', number(now), 'idle', number(idle), 'absolute', number(absolute), unpack(ARGV, 7))
  redis.call('PEXPIREAT', KEYS[1], number(idle))
  redis.call('ZADD', KEYS[3], number(idle), ARGV[2])
  keepIndex(absolute)
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', number(now))
local surplus = redis.call('ZCARD', KEYS[3]) - ${MAX_SESSIONS}
local ids = surplus > 0 and redis.call('ZRANGE', KEYS[3], 0, surplus - 1) or {}
local begun = redis.call('HMGET', KEYS[1], 'epoch', 'idle')
return {begun[1], begun[2], unpack(ids)}`;

/**
 * KEYS session, epoch, index. ARGV now, id, hash, client, notBefore, idle ms, address, and of a successor hash and sealed
 * secret. The one place where a token is judged and replaced.
 */
export const USE_TOKEN = `
${NUMBER}
${NOW}
${KEEP_INDEX}
local id, presented, client, notBefore, address, nextHash, sealed = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[7], ARGV[8], ARGV[9]
local flat = redis.call('HGETALL', KEYS[1])
local s = {}
for i = 1, #flat, 2 do s[flat[i]] = flat[i + 1] end
local function answer(outcome, more)
  return {outcome, more or '', redis.call('HMGET', KEYS[1], ${SESSION_FIELDS.map((field) => `'${field}'`).join(', ')})}
end
if not s.current or now >= tonumber(s.idle) then return {'unknown'} end
if s.client ~= client then return answer('other_client') end
if s.ended then return answer('ended') end
local epoch = redis.call('GET', KEYS[2])
if epoch and tonumber(epoch) > tonumber(s.epoch) then return answer('revoked') end
if tonumber(s.after or '0') < tonumber(notBefore) then return answer('revoked') end
-- Another auth's clock, or another node's, may have been ahead.
now = math.max(now, tonumber(s.used))

local function touch(changes)
  local idle = math.min(now + tonumber(ARGV[6]), tonumber(s.absolute))
  if address ~= '' then redis.call('HSET', KEYS[1], 'address', address) end
  redis.call('HSET', KEYS[1], 'used', number(now), 'idle', number(idle), unpack(changes))
  redis.call('PEXPIREAT', KEYS[1], number(idle))
  redis.call('ZADD', KEYS[3], number(idle), id)
  keepIndex(tonumber(s.absolute))
end

if presented == s.current then
  if not nextHash then return answer('valid') end
  local graced, soonest = 0, nil
  for name, entry in pairs(s) do
    if string.sub(name, 1, 2) == 'a:' then
      local till = tonumber(string.match(entry, '^%d+'))
      if till > 0 and till < now then redis.call('HDEL', KEYS[1], name)
      else
        graced = graced + 1
        if till > 0 and (not soonest or till < soonest) then soonest = till end
      end
    end
  end
  if graced >= ${MAX_ROTATIONS} then return answer('too_often', number(math.max(1, soonest - now))) end
  local changes = {'a:' .. presented, '0 0 0 ' .. sealed, 'current', nextHash, 'parent', presented,
    'before', s.parent or '', 'generation', number(tonumber(s.generation) + 1), 'rotated', number(now)}
  local used = s.parent and s['a:' .. s.parent]
  if used then
    changes[#changes + 1] = 'a:' .. s.parent
    changes[#changes + 1] = number(now + ${GRACE_SECONDS * 1_000}) .. string.match(used, '^%d+( .*)$')
  end
  touch(changes)
  return answer('rotated')
end

local entry = s['a:' .. presented]
if entry then
  local till, repeats, since, successor = string.match(entry, '^(%d+) (%d+) (%d+) (.*)$')
  if till == '0' or now <= tonumber(till) then
    if not nextHash then return answer('valid') end
    local opened, window = tonumber(since), ${REPEATS_WINDOW_SECONDS * 1_000}
    repeats = tonumber(repeats)
    if now >= opened + window then repeats, opened = 0, now end
    if repeats >= ${MAX_REPEATS} then return answer('too_often', number(opened + window - now)) end
    local changes = {'a:' .. presented, till .. ' ' .. number(repeats + 1) .. ' ' .. number(opened) .. ' ' .. successor}
    local row = 0
    if till == '0' and s.rotated and now > tonumber(s.rotated) + ${GRACE_SECONDS * 1_000} then
      local last, before = string.match(s.late or '', '^(%d+) (%d+)$')
      if last ~= s.generation then
        row = tonumber(last) == tonumber(s.generation) - 1 and tonumber(before) + 1 or 1
        changes[#changes + 1] = 'late'
        changes[#changes + 1] = s.generation .. ' ' .. number(row)
      end
    end
    touch(changes)
    return answer('repeated', number(row) .. ' ' .. successor)
  end
end
redis.call('HSET', KEYS[1], 'ended', '1')
return answer('replayed', presented == s.before and 'recent_parent' or 'older_ancestor')`;

/** KEYS session, index. ARGV id. */
export const END_SESSION = `
redis.call('DEL', KEYS[1])
return redis.call('ZREM', KEYS[2], ARGV[1])`;

/** KEYS epoch, session. ARGV epoch, seconds that it is remembered. */
export const RAISE_EPOCH_BUT = `
${NUMBER}
local before, session = tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('HMGET', KEYS[2], 'epoch', 'ended')
local own = tonumber(session[1] or '')
if not own or session[2] or before > own then return false end
local epoch = math.max(own + 1, tonumber(ARGV[1]))
if epoch % 2 == 0 then epoch = epoch + 1 end
redis.call('SET', KEYS[1], number(epoch), 'EX', ARGV[2])
redis.call('HSET', KEYS[2], 'epoch', number(epoch))
return number(epoch)`;
