// The package is an ES module, and so is this file.
export default {
  displayName: 'session-client',
  preset: '../../jest.preset.js',
  // Imports name the files that browsers load; Jest has the sources.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};
