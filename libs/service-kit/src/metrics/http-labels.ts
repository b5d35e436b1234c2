const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Of whatever a client makes up. */
export const OTHER = 'other';

export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : OTHER;
}

/** `2xx` for 204, and the like. */
export function statusClass(status: number): string {
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : OTHER;
}
