module.exports = { displayName: 'resource', preset: '../../jest.preset.js' };
