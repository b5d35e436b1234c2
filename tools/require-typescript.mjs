// What the tests start the apps with is TypeScript: for the tools that measure them.
import { transformFileSync } from '@swc/core';
import { createRequire, Module } from 'node:module';

Module._extensions['.ts'] = (module, path) => {
  const { code } = transformFileSync(path, {
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  module._compile(code, path);
};

/** `require`, from this folder. */
export const require = createRequire(import.meta.url);
