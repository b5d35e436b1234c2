/** Events, and other pieces that come one by one: what goes on for as long as somebody listens. */
const ENDLESS =
  /^(?:text\/event-stream|application\/(?:x-)?(?:ndjson|jsonl|json-seq|stream\+json)|multipart\/x-mixed-replace)\s*(?:;|$)/i;

/** Whether an answer of this `Content-Type` has no end of its own. */
export function isEndless(contentType: unknown): boolean {
  return ENDLESS.test(String(contentType));
}
