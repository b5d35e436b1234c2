// What takes minutes, because it waits for what goes wrong: `npm run test:full`.
module.exports = {
  ...require('./jest.config.js'),
  displayName: 'e2e-full',
  testMatch: ['**/*.full-spec.ts'],
  testTimeout: 120000,
};
