module.exports = {
  displayName: 'jwt-guard',
  preset: '../../jest.preset.js',
  // Apps with dependencies of their own, which have a test of their own: consumers/jest.config.js.
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/consumers/'],
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/consumers/'],
  // Besides what the preset turns into CommonJS: what Mercurius needs, and is ESM only.
  transformIgnorePatterns: [
    '/node_modules/(?!(@nestjs|jose|content-disposition|@fastify/static/node_modules/content-disposition)/)',
  ],
};
