/**
 * The first module of the page: by plain http over a network there are no cookies to keep a session in, and whatever
 * comes after would fail. What throws here ends the page, with a word on why.
 */
if (!globalThis.isSecureContext) {
  const words = 'The console works by https, and on its own machine as localhost: open it at one of those addresses.';
  const root = document.getElementById('console');
  if (root) root.textContent = words;
  throw new Error(words);
}

export {};
