import { createHash } from 'node:crypto';

export interface Welcome {
  readonly name: string;
  readonly services: readonly { readonly name: string; readonly does: string; readonly where: string }[];
  /** Commands to paste into a shell, one after the other. */
  readonly tryThis: readonly string[];
}

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 3rem auto; padding: 0 1rem; color: #1d2433 }
  table { border-collapse: collapse } td { padding: .2rem 1.5rem .2rem 0 } td:first-child { font-weight: 600 }
  pre { background: #f3f5f9; padding: 1rem; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere }
`;

/** Nothing but this one style: no script, no image, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const WELCOME_PAGE_HEADERS = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
});

export function welcomePage({ name, services, tryThis }: Welcome): string {
  const rows = services.map(
    ({ name: service, does, where }) =>
      `<tr><td>${escape(service)}</td><td>${escape(does)}</td><td><code>${escape(where)}</code></td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(name)}</h1>
<p>A client's token ends here, at the gateway. Every service behind it gets a token of its own, for the same user.</p>
<h2>What runs</h2>
<table>${rows.join('')}</table>
<h2>What to paste next</h2>
<pre>${escape(tryThis.join('\n'))}</pre>
</body>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
