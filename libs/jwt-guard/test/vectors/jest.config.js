// Needs a clone of Wycheproof, so it isn't part of `npm test`: README.md here says how to run it.
module.exports = {
  displayName: 'jwt-guard vectors',
  preset: '../../../../jest.preset.js',
  testMatch: ['<rootDir>/*.full-spec.ts'],
};
