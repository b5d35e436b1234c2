import { type LRUCache } from 'lru-cache';

/**
 * What a cache holds under a key. As long as it is less than half full, nothing will have to leave it for a while, and in
 * which order is of no interest: to keep that order takes longer than all else. What is over leaves it later then.
 */
export function recallFrom<Value extends object>(cache: LRUCache<string, Value>, key: string): Value | undefined {
  const isHalfFull = 2 * cache.size >= cache.max || 2 * cache.calculatedSize >= cache.maxSize;
  return isHalfFull ? cache.get(key) : cache.peek(key);
}
