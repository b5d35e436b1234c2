// Installs from the registry, so it isn't part of `npm test`. The apps are no part of the workspace: they have the
// versions, compilers and test set-ups of their own package.json.
module.exports = {
  displayName: 'jwt-guard consumers',
  preset: '../../../jest.preset.js',
  testMatch: ['<rootDir>/*.full-spec.ts'],
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/[^/]+/'],
  testTimeout: 60000,
};
