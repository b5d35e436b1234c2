/** Makes a fresh JWT that says who the client is, signed with a key of its own (RFC 7523, section 2.2). */
export type ClientAssertion = () => string | Promise<string>;

/**
 * What a client sends in a form that authenticates by an assertion (`private_key_jwt`; RFC 7521, section 4.2).
 *
 * @param limitMs how long it may take to make one: whatever holds the key may be away
 * @throws whatever the app's own function does; Error when there is none in time
 */
export async function assertionParameters(
  clientId: string,
  assertion: ClientAssertion,
  limitMs: number,
): Promise<Readonly<Record<string, string>>> {
  return {
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await inTime(assertion, limitMs),
  };
}

async function inTime(assertion: ClientAssertion, limitMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no client assertion in ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([assertion(), late]);
  } finally {
    clearTimeout(timer);
  }
}
