/** A server-sent event, as browsers read it: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function eventText(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
