import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Bench } from '../harness/part';
import { serve, type Served } from '../harness/served';
import { hasHaproxy, startHaproxy } from '../harness/haproxy';

/** What the service behind answers, always. */
export const DOCUMENTS = JSON.stringify({
  documents: ['Minutes of the meeting', 'Travel expenses', 'Draft'].map((title, index) => ({
    id: `0c8d1c9e-51a4-4b2e-9a53-6a3e2d8f7b0${index}`,
    title,
  })),
});
/** Ends a path at which it answers what it got as `Authorization` instead. */
export const SEEN = '/seen';

/** The service behind: HAProxy answers by itself with the same text, and faster than anything that runs on Node. */
export async function startUpstream(bench: Bench, folder: string): Promise<Served> {
  const label = 'upstream';
  if (!hasHaproxy)
    return serve(bench, { label, module: 'gateway/upstream', name: 'nodeUpstream', setting: {} }, 'around');
  const body = join(folder, 'documents.json');
  await writeFile(body, DOCUMENTS);
  return startHaproxy({
    label,
    place: 'around',
    rules: [
      `http-request return status 200 content-type text/plain lf-string %[req.hdr(authorization)] if { path_end ${SEEN} }`,
      `http-request return status 200 content-type application/json file ${body}`,
    ],
    probe: '/documents',
  });
}

/** The same on Node, where there is no HAProxy. */
export async function nodeUpstream(): Promise<{ readonly url: string }> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(DOCUMENTS) };
  const server = createServer(({ url, headers: { authorization = '' } }, response) => {
    if (url?.endsWith(SEEN)) response.end(authorization);
    else response.writeHead(200, headers).end(DOCUMENTS);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
