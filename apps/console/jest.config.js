// The package is an ES module, and so is this file.
export default {
  displayName: 'console',
  preset: '../../jest.preset.js',
  // The session client's imports name the files that browsers load; Jest has the sources.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};
