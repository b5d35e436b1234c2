// Every file starts four processes of its own: two files at a time are what two cores can take.
module.exports = { displayName: 'e2e', preset: '../jest.preset.js', maxWorkers: 2, testTimeout: 60000 };
