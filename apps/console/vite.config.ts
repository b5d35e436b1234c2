import { defineConfig } from 'vite';

const GATEWAY = 'http://localhost:3000';

/**
 * A page that a policy of `script-src 'self'; style-src 'self'` is enough for: nothing is inlined, neither small files as
 * `data:` addresses nor the polyfill for `modulepreload`, which the browsers that this is for don't need.
 */
export default defineConfig({
  base: '/console/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  // While one works on the page the gateway answers what it asks for. It wants its own origin.
  server: {
    proxy: { '^/(auth|admin|demo|console/api)/': { target: GATEWAY, headers: { origin: GATEWAY } } },
  },
});
