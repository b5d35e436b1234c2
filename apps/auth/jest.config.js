module.exports = {
  displayName: 'auth',
  preset: '../../jest.preset.js',
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs|jose|@seriousme)/)'],
};
