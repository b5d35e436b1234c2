// Against a system that runs somewhere: nx run e2e:deployed. What it has to be told is in src/deployed/deployment.ts.
module.exports = {
  ...require('./jest.config.js'),
  displayName: 'e2e-deployed',
  testMatch: ['**/*.deployed-spec.ts'],
  testTimeout: 60000,
};
