module.exports = { displayName: 'jwt-guard', preset: '../../jest.preset.js' };
