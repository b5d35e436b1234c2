const preset = require('../jest.preset.js');

// Every file starts four processes of its own: two files at a time are what two cores can take.
module.exports = {
  ...preset,
  displayName: 'e2e',
  // ESM only as well.
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs|jose|oauth4webapi)/)'],
  maxWorkers: 2,
  testTimeout: 60000,
};
